"""The Shapes layer that shows the sessions as rectangles, for a person to draw and change."""

from __future__ import annotations

from typing import Any

import numpy as np
from typing_extensions import override

from napari_olivine.widgets.editing import ShapesView, ShownShape
from napari_olivine.widgets.sessions.session_edits import Extent, SessionEdits

ROLE_COLOURS = {"train": "#56B4E9", "val": "#E69F00", "test": "#F07FC8", "none": "#A8ADB5"}
"""Blue, orange and pink of Okabe and Ito, told apart by colour-blind people too."""
WRONG_COLOUR = "#FF3B30"
COLOURS = ROLE_COLOURS | {"wrong": WRONG_COLOUR}
SHORTEST_ON_SCREEN = 8.0
"""A rectangle narrower than this, in pixels of the screen, is a slip of the mouse."""


class SessionLayer(ShapesView):
    """Shows sessions as rectangles (row0, row1, col0, col1 in px), by their rows in the table."""

    name, shape, width = "Sessions", "rectangle", 2.0
    colours, new = COLOURS, "none"

    def show(self, edits: SessionEdits) -> None:
        """Show the sessions."""
        wrong = edits.problems()
        shapes = []
        for row, name in enumerate(edits.names):
            role = edits.role(row)
            said = role != "none" and not edits.within(row)  # areas are small, their colour tells
            words = f"{name} {role}" if said else name
            look = "wrong" if row in wrong else role
            shapes.append(ShownShape(row, corners_of(edits.extent(row)), words, look))
        changing = self.there and str(self.layer.mode) == "select"
        chosen = set(self.layer.selected_data) if changing else set()
        self.show_shapes(shapes, chosen, visible=len(edits) > 1)

    def draw_mode(self) -> None:
        """Let the person draw a rectangle."""
        self.activate("add_rectangle")

    def change_mode(self) -> None:
        """Let the person move rectangles and their sides."""
        self.activate("select")

    @override
    def rest(self) -> bool:
        resting = super().rest()
        if resting:
            self._session.prefer_bse()
        return resting

    def choose(self, row: int) -> None:
        """Mark the rectangle of a session."""
        if self.there and row < len(self.layer.data) and str(self.layer.mode) == "select":
            self._busy = True
            self.layer.selected_data = {row}
            self._busy = False

    @override
    def read(self, corners: np.ndarray) -> tuple[float, float, float, float]:
        """Return the smallest upright rectangle around corners; a session cannot be turned."""
        low, high = np.min(corners, axis=0) + 0.5, np.max(corners, axis=0) + 0.5
        return float(low[0]), float(high[0]), float(low[1]), float(high[1])

    @override
    def text(self) -> dict[str, Any]:
        from napari.layers.utils.color_encoding import NominalColorEncoding
        from napari.utils.colormaps.categorical_colormap import CategoricalColormap

        colours = CategoricalColormap(colormap=COLOURS, fallback_color="white")
        by_look = NominalColorEncoding(feature="look", colormap=colours)
        return {"color": by_look, "size": 10, "translation": [0, 0]}

    @override
    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        return float(np.ptp(corners, axis=0).min()) * screen_px < SHORTEST_ON_SCREEN


def corners_of(extent: Extent) -> np.ndarray:
    """Corners of a rectangle in pixels of the layer, whose pixel centres stand at whole numbers."""
    row0, row1, col0, col1 = (side - 0.5 for side in extent)
    return np.array([[row0, col0], [row0, col1], [row1, col1], [row1, col0]])
