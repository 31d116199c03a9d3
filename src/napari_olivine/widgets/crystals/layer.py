"""Crystals on the canvas: picking, and the outline of the selected one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from napari_olivine.section import Section
from napari_olivine.widgets.layers import overlay

OUTLINE = "Selected crystal"
SMALLEST = 100
"""Rows or columns of the outline's layer; each pixel of a smaller crystal becomes several, or its
outline would cover it."""

LARGEST = 1024
"""Rows or columns of the outline's layer; a larger crystal is outlined at a coarser level."""


CONTOUR = 2
"""Pixels of an outline inside the crystal, of the level on the screen; napari adds one outside.
A thinner one has gaps where the level is finer than the screen."""


class Outlines:
    """Shows all crystals as outlines, or as areas with their former opacity."""

    def __init__(self) -> None:
        self._on = False
        self._filled = 1.0

    def show(self, layer: Any, on: bool) -> None:
        """Show the crystals of a layer as outlines or as areas."""
        if on == (layer.contour > 0):
            return
        if on and not self._on:
            self._filled = layer.opacity
        self._on = on
        layer.contour, layer.opacity = (CONTOUR, 1.0) if on else (0, self._filled)


def crystal_at(section: Section, y_um: float, x_um: float, product: str = "crystals") -> int:
    """Return the crystal at a place, as the section stores it at full resolution.

    Parameters
    ----------
    section
        Section with crystals.
    y_um, x_um
        Place, um from the upper left corner.
    product
        Product that holds the crystals.

    Returns
    -------
    int
        Id of the crystal, 0 for none.
    """
    row, column = (round(value / section.pixel_size_um) for value in (y_um, x_um))
    rows, columns = section.shape
    if not (0 <= row < rows and 0 <= column < columns):
        return 0
    window = section.raster(product, "crystals").read(
        slice(row, row + 1), slice(column, column + 1)
    )
    return int(window[0, 0])


def picker(pick: Callable[[float, float], None]) -> Callable[[Any, Any], Generator[None]]:
    """Return a mouse callback of the viewer that calls `pick(y_um, x_um)` at a plain click."""

    def on_press(viewer: Any, event: Any) -> Generator[None]:
        active = viewer.layers.selection.active
        busy = active is not None and str(getattr(active, "mode", "pan_zoom")) not in PASSIVE
        if event.button != 1 or event.modifiers or busy:
            return
        start = np.array(event.pos)
        moved = False
        yield
        while event.type == "mouse_move":
            moved = moved or bool(np.abs(np.array(event.pos) - start).max() > 3)
            yield
        if not moved:
            pick(*event.position[-2:])

    return on_press


PASSIVE = ("pan_zoom", "Mode.PAN_ZOOM")


def outline_data(
    section: Section, record: dict[str, Any], product: str = "crystals"
) -> tuple[Any, dict[str, Any]]:
    """Describe the layer that outlines one crystal.

    Parameters
    ----------
    section
        Open section.
    record
        Row of the crystal's table.
    product
        Product that holds the crystal.

    Returns
    -------
    tuple
        The crystal's pixels (uint8), and the properties of a labels layer.
    """
    from napari.utils.colormaps import CyclicLabelColormap

    raster = section.raster(product, "crystals")
    row0, row1, col0, col1 = (int(record[name]) for name in ("row0", "row1", "col0", "col1"))
    level = 0
    while max(row1 - row0, col1 - col0) >> level > LARGEST and level + 1 < len(raster.levels):
        level += 1
    step = 1 << level
    # A margin of a pixel or two, so that the outline closes.
    first_row, first_column = max(0, row0 // step - 2), max(0, col0 // step - 2)
    window = raster.read(
        slice(first_row, row1 // step + 3), slice(first_column, col1 // step + 3), level
    )
    several = -(-SMALLEST // max(window.shape))
    mask = np.kron(window == record["id"], np.ones((several, several), np.uint8))
    pixel = section.pixel_size_um * step / several
    # A layer is placed by the middle of its first pixel.
    middle = (1 / several - 1) / 2
    look = overlay(section, OUTLINE) | {
        "scale": (pixel, pixel),
        "translate": [(k + middle) * pixel * several for k in (first_row, first_column)],
        "colormap": CyclicLabelColormap(colors=[(0, 0, 0, 0), (1, 1, 0, 1)]),
        "opacity": 1.0,
    }
    return mask.astype(np.uint8), look
