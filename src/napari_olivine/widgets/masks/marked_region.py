"""The Shapes layer on which a person marks a rectangle whose pixels the scatter plot shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from typing_extensions import override

from napari_olivine.section import Block
from napari_olivine.widgets.editing import ShapesView, ShownShape
from napari_olivine.widgets.masks.view_overlay import MARKED

SMALLEST_ON_SCREEN = 4.0
"""A rectangle smaller than this, in pixels of the screen, is a slip of the mouse."""


class MarkedRegion(ShapesView):
    """Shows one rectangle, and lets the person draw or move it."""

    name, shape, width = "Marked for the plot", "rectangle", 2.0
    colours, new = {"marked": MARKED}, "marked"

    def show(self, region: Block | None) -> None:
        """Show the rectangle, px of the section; `None` shows none."""
        shapes = []
        if region is not None:
            rows, columns = region
            top, left = rows.start - 0.5, columns.start - 0.5
            bottom, right = rows.stop - 0.5, columns.stop - 0.5
            corners = np.array([[top, left], [top, right], [bottom, right], [bottom, left]])
            shapes.append(ShownShape(0, corners, "", "marked"))
        self.show_shapes(shapes, set())

    def draw_mode(self) -> None:
        """Let the person draw a rectangle."""
        self.activate("add_rectangle")

    @override
    def read(self, corners: np.ndarray) -> Block:
        """Return the pixels in a rectangle, or in the one around a turned one."""
        low = np.maximum(np.floor(corners.min(axis=0) + 0.5), 0).astype(int)
        high = np.maximum(np.ceil(corners.max(axis=0) + 0.5), low + 1).astype(int)
        return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))

    @override
    def text(self) -> dict[str, Any]:
        return {"color": MARKED, "size": 9}

    @override
    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        return float(np.ptp(corners, axis=0).max()) * screen_px < SMALLEST_ON_SCREEN
