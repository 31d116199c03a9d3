"""Hitachi: a ``.txt`` beside the image, ``[SemImageFile]`` and ``key=value`` lines."""

from __future__ import annotations

import os
import statistics
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.formats.metadata.embedded import EmbeddedMetadata
from napari_olivine.readers.formats.metadata.pixel_size import preferred, stated
from napari_olivine.readers.formats.metadata.quantities import (
    LENGTHS_UM,
    VOLTAGES_KV,
    in_units,
    moment,
    number,
    positive,
    quantity,
    rows_and_columns,
    stage_um,
)
from napari_olivine.readers.formats.metadata.sidecar import pairs, read_text, text_beside

MATES = 64
"""Files of a folder by which the unit of its stage positions is found."""

STEP = (0.4, 1.2)
"""Widths of the field that the stage goes from a tile to the nearest other one: along y fields are
lower, and tiles overlap."""

EVEN = 1.8
"""The longest of these steps against the shortest: a row that has none above it goes by the width,
the others by the height."""


def read_beside(file: Path, shape: tuple[int, int]) -> EmbeddedMetadata | None:
    """Read ``NAME.txt`` if it is Hitachi's.

    The pixel size is in nm. Stage positions come without a unit: nm, as the models whose files are
    known write them, or um, where the steps of the folder's tiles say so.
    """
    beside = text_beside(file, ".txt")
    if beside is None or "[SemImageFile]" not in beside[1]:
        return None
    values = pairs(beside[1])
    unit = stage_unit(beside[0].parent)
    sizes = stated(
        (in_units(values.get("PixelSize"), LENGTHS_UM, "nm"), "PixelSize of Hitachi"),
    )
    return EmbeddedMetadata(
        Acquisition(
            instrument=f"Hitachi {values.get('InstructName', '')[:200]}".strip(),
            **preferred(sizes),
            stage_um=stage_um(
                in_units(values.get("StagePositionX"), LENGTHS_UM, unit),
                in_units(values.get("StagePositionY"), LENGTHS_UM, unit),
            ),
            rotation_deg=number(values.get("RasterRotation", values.get("ScanRotation"))),
            accelerating_voltage_kv=positive(_kilovolts(values.get("AcceleratingVoltage"))),
            detector=values.get("SignalName", "")[:200],
            taken=moment(values.get("Date", ""), values.get("Time", "")),
        ),
        sizes,
        scanned=rows_and_columns(values.get("DataSize", "").lower(), "x"),
        files=(beside[0],),
    )


def stage_unit(folder: Path) -> str:
    """Return the unit of the stage positions in a folder of tiles, ``"nm"`` or ``"um"``.

    Some models count in um, and do not say so. It is um if the tiles then lie side by side in even
    steps; taken for nm they would lie upon each other.
    """
    try:
        return _unit_of(os.fspath(folder), os.stat(folder).st_mtime_ns)
    except OSError:
        return "nm"


@lru_cache(maxsize=64)
def _unit_of(folder: str, _changed_ns: int) -> str:
    places, widths = set(), []
    texts = (name for name in sorted(os.listdir(folder)) if name.lower().endswith(".txt"))
    for name in islice(texts, MATES):
        path = os.path.join(folder, name)
        text = read_text(path) if os.path.isfile(path) else None
        if text is None or "[SemImageFile]" not in text:
            continue
        values = pairs(text)
        columns = number(values.get("DataSize", "").lower().partition("x")[0])
        size = in_units(values.get("PixelSize"), LENGTHS_UM, "nm")
        x, y = (number(values.get(f"StagePosition{axis}", "")) for axis in "XY")
        if columns and size and x is not None and y is not None:
            places.add((x, y))
            widths.append(columns * size)
    if len(places) < 4 or max(widths) > 1.01 * min(widths):
        return "nm"
    steps = _nearest(np.array(sorted(places)))
    fields = statistics.median(steps) / widths[0]  # as if they were um
    even = max(steps) < EVEN * min(steps)
    return "um" if even and STEP[0] <= fields <= STEP[1] else "nm"


def _nearest(places: NDArray[np.float64]) -> list[float]:
    """Distance of each place to the nearest other one, shape (n, 2) to (n,)."""
    apart = np.hypot(*(places[:, None] - places[None]).T)
    np.fill_diagonal(apart, np.inf)
    return [float(step) for step in apart.min(axis=1)]


def _kilovolts(text: str | None) -> float | None:
    found = quantity(text) if text else None
    if found is None:
        return None
    if found[1]:
        return in_units(text, VOLTAGES_KV)
    return found[0] / 1000 if found[0] >= 100 else found[0]  # no microscope has 100 kV or 100 V
