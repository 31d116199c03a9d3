"""The Shapes layer on which a person picks a mineral: a click is a spot, a drag a larger one."""

from __future__ import annotations

from typing import Any

import numpy as np
from typing_extensions import override

from napari_olivine.masks import Spot
from napari_olivine.widgets.editing import ShapesView, ShownShape
from napari_olivine.widgets.masks.picked_spots import PickedSpots

CLICK_ON_SCREEN = 6.0
"""What is drawn smaller than this, in pixels of the screen, is a click."""


class PickedLayer(ShapesView):
    """Shows spots as rings, by their places in the list."""

    name, shape, width = "Picked olivine", "ellipse", 2.0
    colours, new = {"picked": "#FFE000"}, "picked"

    def show(self, picked: PickedSpots, chosen: int | None = None) -> None:
        """Show the spots."""
        size = self._session.require().pixel_size_um
        shapes = [
            ShownShape(place, _corners(spot, size), str(place + 1), "picked")
            for place, spot in enumerate(picked.spots)
        ]
        self.show_shapes(shapes, set() if chosen is None else {chosen})

    def pick_mode(self) -> None:
        """Let the person pick."""
        self.activate("add_ellipse")

    @override
    def read(self, corners: np.ndarray) -> Spot:
        """Return the disc in the middle of a drawn ellipse, of its mean radius."""
        size = self._session.require().pixel_size_um
        row, column = np.mean(corners, axis=0) * size
        sides = np.ptp(corners, axis=0)
        small = float(sides.max()) * self._screen_px < CLICK_ON_SCREEN
        radius = None if small else float(sides.mean()) / 2 * size
        return Spot(float(column), float(row), radius)

    @override
    def text(self) -> dict[str, Any]:
        return {"color": "#FFE000", "size": 9, "translation": [-2, 0]}

    @override
    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        return False  # a click is a spot


def _corners(spot: Spot, pixel_um: float) -> np.ndarray:
    row, column, radius = spot.y_um / pixel_um, spot.x_um / pixel_um, spot.radius_px(pixel_um)
    signs = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    return np.array([row, column]) + radius * signs
