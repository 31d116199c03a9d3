"""Pixel size by the plain resolution of a TIFF, or by ImageJ's unit."""

from __future__ import annotations

import re
from typing import Any

from napari_olivine.readers.base import AGREEING
from napari_olivine.readers.formats.metadata.pixel_size import PixelSizes, stated
from napari_olivine.readers.formats.metadata.quantities import (
    LENGTHS_UM,
    MICRO,
    in_units,
    pixel_um,
)

LARGEST_PIXEL_UM = 40.0
"""Resolutions coarser than this (below 635 dpi) are a printing default, not a microscope's."""

FINEST_PRINT_DPI = 9600
"""Printers and scanners have at most so many dots an inch."""

PRINTING_DPI = (72, 96, 100)
"""Resolutions of printing are whole multiples of these, dots an inch."""

INCH_UM = 25_400.0
TIFF_UNITS_UM = {2: INCH_UM, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
UNIT = re.compile(r"^unit=(.*)$", re.MULTILINE)


def resolution_of(page: Any) -> tuple[PixelSizes, str]:
    """Return the size of a pixel by a TIFF's resolution, and why it is not believed.

    Returns
    -------
    sizes : tuple of PixelSize
        Empty if the file has no resolution, or one of printing.
    refused : str
        What the file states instead, in words; empty if nothing was refused.
    """
    value = _value(page, 282)
    if not isinstance(value, tuple) or len(value) != 2 or value[0] <= 0 or value[1] <= 0:
        return (), ""
    if imagej_um := _imagej_um(page):
        size_um = imagej_um * value[1] / value[0]
        possible = size_um if size_um <= LARGEST_PIXEL_UM else None
        # Inches and centimetres are what ImageJ makes of a resolution, not a scale that was set.
        by_hand = imagej_um <= LENGTHS_UM["mm"]
        return stated((possible, "ImageJ's scale", AGREEING, by_hand)), ""
    unit_um = TIFF_UNITS_UM.get(int(_value(page, 296) or 2))
    return by_resolution(None if unit_um is None else unit_um * value[1] / value[0])


def by_resolution(size_um: float | None) -> tuple[PixelSizes, str]:
    """Judge the size of a pixel that follows from dots an inch.

    Parameters
    ----------
    size_um
        Side of a pixel, um, `None` if there is no resolution.

    Returns
    -------
    sizes, refused
        See `resolution_of`.
    """
    if pixel_um(size_um) is None or not size_um:
        return (), ""
    dpi = INCH_UM / size_um
    whole = round(dpi)
    printed = dpi <= FINEST_PRINT_DPI and abs(dpi - whole) < 0.02
    if size_um > LARGEST_PIXEL_UM or (printed and any(whole % step == 0 for step in PRINTING_DPI)):
        return (), f"a resolution of {dpi:.0f} dpi, which is one of printing"
    source = f"the resolution alone ({dpi:,.0f} pixels an inch); check it against a scale bar"
    return stated((size_um, source, AGREEING, False)), ""


def _imagej_um(page: Any) -> float | None:
    description = _value(page, 270)
    if not isinstance(description, str) or not description.startswith("ImageJ="):
        return None
    found = UNIT.search(description[:10_000])
    if found is None:
        return None
    unit = found[1].strip()
    if unit == "inch":
        return INCH_UM
    if unit in MICRO:  # "µ" alone
        return 1.0
    return in_units(f"1 {unit}", LENGTHS_UM)


def _value(page: Any, code: int) -> Any:
    tag = page.tags.get(code)
    return None if tag is None else tag.value
