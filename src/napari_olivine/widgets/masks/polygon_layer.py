"""The layer on which a person draws a polygon that corrects the mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from typing_extensions import override

from napari_olivine.masks.corrections import Label
from napari_olivine.widgets.editing import HalfDrawn, ShapesView
from napari_olivine.widgets.masks.stroke_layer import COLOURS

SHORTEST_ON_SCREEN = 6.0
"""A polygon smaller than this, in pixels of the screen, is a slip of the mouse."""


class CorrectingPolygon(ShapesView):
    """One polygon that is being drawn; a finished one is shown by the mask."""

    name, shape, width = "Correct the mask: polygon", "polygon", 2.0
    colours, new = dict(COLOURS), "olivine"

    def begin(self, label: Label) -> None:
        """Let the person draw a polygon corner by corner."""
        self.show_shapes([], set())
        self.activate("add_polygon")
        self.layer.current_edge_color = COLOURS[label]

    @override
    def rest(self) -> bool:
        """Leave drawing; a polygon that is half drawn is dropped, as nobody has finished it."""
        if self.there and (half := HalfDrawn.on(self.layer)) is not None:
            self._busy = True
            half.undo()
            self._busy = False
        return super().rest()

    @override
    def read(self, corners: np.ndarray) -> list[list[float]]:
        return [[float(row), float(column)] for row, column in np.asarray(corners)[:, -2:]]

    @override
    def text(self) -> dict[str, Any]:
        return {"color": "white", "size": 9}

    @override
    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        return float(np.ptp(corners, axis=0).max()) * screen_px < SHORTEST_ON_SCREEN
