"""TESCAN: ini text in a ``.hdr`` file beside the image, or in tag 50431 of the TIFF."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.formats.metadata.embedded import EmbeddedMetadata
from napari_olivine.readers.formats.metadata.pixel_size import OBLONG, preferred, stated
from napari_olivine.readers.formats.metadata.quantities import (
    moment,
    number,
    positive,
    scaled,
    stage_um,
)
from napari_olivine.readers.formats.metadata.sidecar import MOST_BYTES, pairs, text_beside

PAIR = re.compile(rb"([A-Za-z][A-Za-z0-9]{1,40})=([\x20-\x7e]{0,200})")
"""A line of the tag, which holds a preview and the lengths of its parts between the lines."""


def read_tag(tag: Any, shape: tuple[int, int]) -> EmbeddedMetadata | None:
    """Read the private tag, raw bytes with ini text between binary parts."""
    content = tag.encode("latin-1", "ignore") if isinstance(tag, str) else tag
    if not isinstance(content, bytes) or (start := content.find(b"PixelSizeX=")) < 0:
        return None
    begin = max(0, start - (MOST_BYTES >> 4))
    found: dict[str, str] = {}
    for key, value in PAIR.findall(content[begin : begin + MOST_BYTES]):
        found.setdefault(key.decode(), value.decode().strip())
    return _metadata(found, shape, ())


def read_beside(file: Path, shape: tuple[int, int]) -> EmbeddedMetadata | None:
    """Read ``NAME-tif.hdr`` (the suffix of the image with a hyphen) or ``NAME.hdr``."""
    suffix = file.suffix[1:]
    beside = text_beside(
        file, f"-{suffix}.hdr", f"-{suffix.lower()}.hdr", f"-{suffix.upper()}.hdr", ".hdr",
        f".{suffix}.hdr",
    )  # fmt: skip
    if beside is None or "PixelSizeX" not in beside[1]:
        return None
    return _metadata(pairs(beside[1]), shape, (beside[0],))


def _metadata(
    values: dict[str, str], shape: tuple[int, int], files: tuple[Path, ...]
) -> EmbeddedMetadata:
    """Lengths are metres, times seconds, voltages volts, currents amperes, angles degrees."""
    strip = number(values.get("ImageStripSize")) or 0
    rows = shape[0] - int(strip) if 0 < strip < shape[0] else shape[0]
    across = number(values.get("ViewFieldsCountX")) or 1
    down = number(values.get("ViewFieldsCountY")) or 1
    beam = scaled(values.get("BeamCurrent"), 1e9)
    current = beam if beam is not None else scaled(values.get("PredictedBeamCurrent"), 1e9)
    sizes = stated(
        (scaled(values.get("PixelSizeX"), 1e6), "PixelSizeX of TESCAN"),
        (scaled(values.get("PixelSizeY"), 1e6), "PixelSizeY of TESCAN", OBLONG, False),
    )
    return EmbeddedMetadata(
        Acquisition(
            instrument=f"TESCAN {values.get('Device', '')[:200]}".strip(),
            **preferred(sizes),
            stage_um=stage_um(scaled(values.get("StageX"), 1e6), scaled(values.get("StageY"), 1e6)),
            rotation_deg=number(values.get("ScanRotation")),
            accelerating_voltage_kv=positive(scaled(values.get("HV"), 1e-3)),
            probe_current_na=positive(current),
            dwell_time_us=positive(scaled(values.get("DwellTime"), 1e6)),
            detector=(values.get("Detector") or values.get("Detector0") or "")[:200],
            taken=moment(values.get("Date", ""), values.get("Time", "")),
        ),
        sizes,
        scanned=(rows, shape[1]),
        files=files,
        refused=(
            "shows several detectors side by side; save each detector's image by itself"
            if across * down > 1
            else ""
        ),
    )
