"""Hitachi: a ``.txt`` beside the image, ``[SemImageFile]`` and ``key=value`` lines."""

from __future__ import annotations

from pathlib import Path

from napari_olivine.readers.formats.metadata.quantities import (
    LENGTHS_UM,
    VOLTAGES_KV,
    in_units,
    moment,
    number,
    pixel_um,
    positive,
    quantity,
    stage_um,
)
from napari_olivine.readers.formats.metadata.sidecar import pairs, text_beside
from napari_olivine.readers.formats.metadata.told import Told
from napari_olivine.readers.image import Acquisition


def read_beside(file: Path, shape: tuple[int, int]) -> Told | None:
    """Read ``NAME.txt`` if it is Hitachi's.

    The pixel size is in nm. Stage positions without a unit are taken for nm, as the models whose
    files are known write them; the file does not say so itself.
    """
    beside = text_beside(file, ".txt")
    if beside is None or "[SemImageFile]" not in beside[1]:
        return None
    values = pairs(beside[1])
    columns, sign, rows = values.get("DataSize", "").lower().partition("x")
    width, height = number(columns), number(rows)
    scanned = (int(height), int(width)) if sign and width and height else None
    resized = scanned is not None and scanned[1] != shape[1]
    return Told(
        Acquisition(
            instrument=f"Hitachi {values.get('InstructName', '')[:200]}".strip(),
            pixel_size_um=(
                None if resized else pixel_um(in_units(values.get("PixelSize"), LENGTHS_UM, "nm"))
            ),
            stage_um=stage_um(
                in_units(values.get("StagePositionX"), LENGTHS_UM, "nm"),
                in_units(values.get("StagePositionY"), LENGTHS_UM, "nm"),
            ),
            rotation_deg=number(values.get("RasterRotation", values.get("ScanRotation"))),
            accelerating_voltage_kv=positive(_kilovolts(values.get("AcceleratingVoltage"))),
            detector=values.get("SignalName", "")[:200],
            taken=moment(values.get("Date", ""), values.get("Time", "")),
        ),
        scanned=scanned,
        files=(beside[0],),
    )


def _kilovolts(text: str | None) -> float | None:
    found = quantity(text) if text else None
    if found is None:
        return None
    if found[1]:
        return in_units(text, VOLTAGES_KV)
    return found[0] / 1000 if found[0] >= 100 else found[0]  # no microscope has 100 kV or 100 V
