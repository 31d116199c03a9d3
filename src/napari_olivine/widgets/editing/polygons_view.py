"""A Shapes layer of polygons: they are drawn corner by corner or freehand, and changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from napari_olivine.widgets.editing.shapes_view import ShapesView

Corners = NDArray[np.float64]
"""x and y of each corner, um, shape (corners, 2)."""

SHORTEST_ON_SCREEN = 8.0
"""A polygon smaller than this, in pixels of the screen, is a slip of the mouse."""


class PolygonsView(ShapesView):
    """Shows polygons, each with its name beside it."""

    shape, width = "polygon", 2.0
    words_colour = "white"

    @property
    def drawing(self) -> bool:
        """Whether a click draws."""
        return self.there and str(self.layer.mode).startswith("add_")

    def begin(self, *, freehand: bool = False) -> None:
        """Let the person draw a polygon, corner by corner or with the button held down."""
        self.activate("add_polygon_lasso" if freehand else "add_polygon")

    def change_mode(self) -> None:
        """Let the person move corners."""
        self.activate("direct")

    @override
    def read(self, corners: np.ndarray) -> Corners:
        return np.asarray(corners, float)[:, ::-1] * self._session.require().pixel_size_um

    @override
    def text(self) -> dict[str, Any]:
        return {"color": self.words_colour, "size": 9, "translation": [-4, 0]}

    @override
    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        return float(np.ptp(corners, axis=0).max()) * screen_px < SHORTEST_ON_SCREEN
