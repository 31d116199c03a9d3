"""FEI and Thermo Fisher: tags 34680 and 34682 of a TIFF, ini text in SI units."""

from __future__ import annotations

import math
from typing import Any

from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.formats.metadata.embedded import EmbeddedMetadata
from napari_olivine.readers.formats.metadata.pixel_size import (
    OBLONG,
    PixelSizes,
    preferred,
    stated,
)
from napari_olivine.readers.formats.metadata.quantities import (
    moment,
    number,
    positive,
    scaled,
    stage_um,
)

RELIEF = ("TOPOGRAPHY", "TOPO", "A-B")
"""Modes of a backscatter detector that show relief, not composition."""


def read_tag(tag: Any, shape: tuple[int, int]) -> EmbeddedMetadata | None:
    """Read the tag as tifffile parses it: ``{"Scan": {"PixelWidth": 1e-07, ...}, ...}``.

    Lengths are metres, times seconds, voltages volts, currents amperes and angles radians.
    """
    if not isinstance(tag, dict):
        return None
    ini = {section: values for section, values in tag.items() if isinstance(values, dict)}
    beam = str(_value(ini, "Beam", "Beam") or "EBeam")
    scan = str(_value(ini, "Beam", "Scan") or "EScan")
    scanned = _scanned(ini, shape)
    sizes = _sizes(ini, scan, beam, shape[1])
    return EmbeddedMetadata(
        Acquisition(
            instrument=" ".join(
                ["FEI", str(_value(ini, "System", "SystemType") or "").strip()[:200]]
            ).strip(),
            **preferred(sizes),
            stage_um=stage_um(
                *(scaled(_value(ini, "Stage", axis), 1e6) for axis in ("StageX", "StageY"))
            ),
            rotation_deg=scaled(
                _first(ini, ((beam, "ScanRotation"), ("Beam", "ScanRotation"))), math.degrees(1)
            ),
            accelerating_voltage_kv=positive(
                scaled(_first(ini, (("Beam", "HV"), (beam, "HV"))), 1e-3)
            ),
            probe_current_na=positive(
                scaled(_first(ini, ((beam, "BeamCurrent"), ("Beam", "BeamCurrent"))), 1e9)
            ),
            dwell_time_us=positive(
                scaled(_first(ini, (("Scan", "Dwelltime"), (scan, "Dwell"))), 1e6)
            ),
            detector=_detector(ini),
            taken=_taken(ini),
        ),
        sizes,
        scanned=scanned,
    )


def _scanned(ini: dict[str, Any], shape: tuple[int, int]) -> tuple[int, int] | None:
    """Rows and columns without the data bar, which is drawn below the scanned field."""
    rows = number(_value(ini, "Image", "ResolutionY"))
    columns = number(_value(ini, "Image", "ResolutionX"))
    if rows and columns:
        return int(rows), int(columns)
    bar = number(_value(ini, "PrivateFei", "DatabarHeight"))
    return (shape[0] - int(bar), shape[1]) if bar and 0 < bar < shape[0] else None


def _sizes(ini: dict[str, Any], scan: str, beam: str, columns: int) -> PixelSizes:
    def um(*places: tuple[str, str]) -> float | None:
        return scaled(_first(ini, places), 1e6)

    width = um((beam, "HFW"), ("Scan", "HorFieldsize"), ("IRBeam", "HFW"))
    return stated(
        (um(("Scan", "PixelWidth"), (scan, "PixelWidth")), "PixelWidth of FEI"),
        (
            width / columns if width and columns else None,
            f"the field's width over {columns} columns",
        ),
        (um(("Scan", "PixelHeight"), (scan, "PixelHeight")), "PixelHeight of FEI", OBLONG, False),
    )


def _detector(ini: dict[str, Any]) -> str:
    name = str(_value(ini, "Detectors", "Name") or "").strip()[:200]
    mode = str(_value(ini, "Detectors", "Mode") or _value(ini, name, "Mode") or "").strip()
    return f"{name} topography" if mode.upper() in RELIEF else name


def _taken(ini: dict[str, Any]) -> Any:
    made = str(_value(ini, "PrivateFei", "TimeOfCreation") or "").split(" ", 1)
    if taken := moment(made[0], made[1] if len(made) > 1 else ""):
        return taken
    return moment(_value(ini, "User", "Date"), _value(ini, "User", "Time"))


def _first(ini: dict[str, Any], places: tuple[tuple[str, str], ...]) -> Any:
    for section, key in places:
        value = _value(ini, section, key)
        if number(value) is not None:
            return value
    return None


def _value(ini: dict[str, Any], section: str, key: str) -> Any:
    values = ini.get(section)
    return values.get(key) if isinstance(values, dict) else None
