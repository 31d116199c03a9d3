"""The Shapes layer on which a person draws the outlines of crystals."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from typing_extensions import override

from napari_olivine.widgets.editing import ShapesView, ShownShape
from napari_olivine.widgets.outlines.outline_edits import Corners, OutlineEdits

LOOKS = {"right": "#F0E442", "wrong": "#FF3B30"}
"""Yellow of Okabe and Ito; red for what calibrate would refuse."""

SHORTEST_ON_SCREEN = 8.0
"""A polygon smaller than this, in pixels of the screen, is a slip of the mouse."""


class OutlineLayer(ShapesView):
    """Shows outlines as polygons, by their names."""

    name, shape, width = "Crystal outlines", "polygon", 2.0
    colours, new = LOOKS, "right"

    def show(self, edits: OutlineEdits, faults: Collection[str], current: str) -> None:
        """Show the outlines.

        Parameters
        ----------
        edits
            The outlines.
        faults
            Names of those that are wrong.
        current
            Name of the chosen one.
        """
        size = self._session.require().pixel_size_um
        shapes = [
            ShownShape(
                name,
                edits.corners(name)[:, ::-1] / size,
                name,
                "wrong" if name in faults else "right",
            )
            for name in edits.names
        ]
        self.show_shapes(shapes, {current})

    def draw_mode(self, *, freehand: bool = False) -> None:
        """Let the person draw a polygon, corner by corner or with the button held down."""
        self.activate("add_polygon_lasso" if freehand else "add_polygon")

    @property
    def drawing(self) -> bool:
        """Whether a click draws."""
        return self.there and str(self.layer.mode).startswith("add_")

    def change_mode(self) -> None:
        """Let the person move corners."""
        self.activate("direct")

    @override
    def read(self, corners: np.ndarray) -> Corners:
        return np.asarray(corners, float)[:, ::-1] * self._session.require().pixel_size_um

    @override
    def text(self) -> dict[str, Any]:
        return {"color": LOOKS["right"], "size": 9, "translation": [-4, 0]}

    @override
    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        return float(np.ptp(corners, axis=0).max()) * screen_px < SHORTEST_ON_SCREEN
