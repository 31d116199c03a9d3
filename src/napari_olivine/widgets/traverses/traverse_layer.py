"""The Shapes layer on which a person draws traverses; it is a view of their placements."""

from __future__ import annotations

from typing import Any

import numpy as np
from psygnal import Signal
from typing_extensions import override

from napari_olivine.widgets.editing import ShapesView, ShownShape
from napari_olivine.widgets.traverses.placements import Line, Traverses

USE_COLOURS = {"calibrate": "#56B4E9", "test": "#E69F00", "ignore": "#999999"}
SHORTEST_PX, SHORTEST_ON_SCREEN = 5.0, 12.0
"""A line shorter than either, in pixels of the image or of the screen, is a slip of the mouse."""


class TraverseLayer(ShapesView):
    """Shows placements as lines, in um from the first analysis to the last."""

    name, shape, width = "EPMA traverses", "line", 3.0
    colours, new = USE_COLOURS, "calibrate"

    moving = Signal()
    """A line changes on the screen, perhaps still under the mouse."""

    def show(self, traverses: Traverses, current: str) -> None:
        """Show the placements."""
        shapes = [
            ShownShape(name, self._to_pixels(line), name, traverses.use(name))
            for name, line in traverses.lines().items()
        ]
        self.show_shapes(shapes, {current})

    def draw_mode(self) -> None:
        """Let the person draw a line."""
        self.activate("add_line")

    def move_mode(self) -> None:
        """Let the person move the ends of lines."""
        self.activate("direct")

    def line_on_screen(self, profile: str) -> Line | None:
        """Line of a profile as it is drawn now, also while it is dragged."""
        if self.layer is None or profile not in self._keys:
            return None
        index = self._keys.index(profile)
        return self.read(self.layer.data[index]) if index < len(self.layer.data) else None

    @override
    def read(self, corners: np.ndarray) -> Line:
        ends = np.asarray(corners, float) * self._session.require().pixel_size_um
        return float(ends[0, 1]), float(ends[0, 0]), float(ends[-1, 1]), float(ends[-1, 0])

    @override
    def text(self) -> dict[str, Any]:
        return {"color": "white", "size": 9, "translation": [-4, 0]}

    @override
    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        length = float(np.hypot(*(corners[-1] - corners[0])))
        return length < SHORTEST_PX or length * screen_px < SHORTEST_ON_SCREEN

    # ------------------------------------------------------------------ helpers

    @override
    def _make(self, visible: bool) -> None:
        super()._make(visible)
        self.layer.events.set_data.connect(self._on_screen)

    def _on_screen(self, _event: Any) -> None:
        if not self._busy:
            self.moving.emit()

    def _to_pixels(self, line: Line) -> np.ndarray:
        x0, y0, x1, y1 = line
        return np.array([[y0, x0], [y1, x1]]) / self._session.require().pixel_size_um
