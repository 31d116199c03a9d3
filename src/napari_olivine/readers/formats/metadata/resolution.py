"""Pixel size by the plain resolution of a TIFF, or by ImageJ's unit."""

from __future__ import annotations

import re
from typing import Any

from napari_olivine.readers.formats.metadata.quantities import (
    LENGTHS_UM,
    MICRO,
    in_units,
    pixel_um,
)

LARGEST_PIXEL_UM = 40.0
"""Resolutions coarser than this (below 635 dpi) are a printing default, not a microscope's."""

TIFF_UNITS_UM = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
UNIT = re.compile(r"^unit=(.*)$", re.MULTILINE)


def resolution_um(page: Any) -> float | None:
    """Return the side of a pixel, um; `None` if the file says none or a printing resolution."""
    value = _value(page, 282)
    if not isinstance(value, tuple) or len(value) != 2 or value[0] <= 0 or value[1] <= 0:
        return None
    unit_um = _imagej_um(page) or TIFF_UNITS_UM.get(int(_value(page, 296) or 2))
    if unit_um is None:
        return None
    size_um = float(unit_um * value[1] / value[0])
    return pixel_um(size_um) if size_um <= LARGEST_PIXEL_UM else None


def _imagej_um(page: Any) -> float | None:
    description = _value(page, 270)
    if not isinstance(description, str) or not description.startswith("ImageJ="):
        return None
    found = UNIT.search(description[:10_000])
    if found is None:
        return None
    unit = found[1].strip()
    if unit == "inch":
        return 25_400.0
    if unit in MICRO:  # "µ" alone
        return 1.0
    return in_units(f"1 {unit}", LENGTHS_UM)


def _value(page: Any, code: int) -> Any:
    tag = page.tags.get(code)
    return None if tag is None else tag.value
