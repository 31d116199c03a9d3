"""The Shapes layer that shows the sessions as rectangles, for a person to draw and change."""

from __future__ import annotations

from typing import Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_olivine.widgets.layers import KEY, overlay
from napari_olivine.widgets.sessions.session_edits import Extent, SessionEdits
from napari_olivine.widgets.state import OpenSection

NAME = "Sessions"
ROLE_COLOURS = {"train": "#56B4E9", "val": "#E69F00", "test": "#F07FC8", "none": "#A8ADB5"}
"""Blue, orange and pink of Okabe and Ito, told apart by colour-blind people too."""
WRONG_COLOUR = "#FF3B30"
LOOKS = ROLE_COLOURS | {"wrong": WRONG_COLOUR}
WIDTH_ON_SCREEN = 2.0
"""Width of an outline in pixels of the screen."""
SHORTEST_ON_SCREEN = 8.0
"""A rectangle narrower than this, in pixels of the screen, is a slip of the mouse."""


class SessionLayer:
    """Shows sessions as rectangles, and tells what the person does to them.

    Parameters
    ----------
    session
        Session of the viewer.
    """

    drawn = Signal(tuple)
    """A new rectangle: row0, row1, col0, col1 in pixels, as drawn."""
    moved = Signal(dict)
    """Rectangles that were changed, by the row of the session."""
    removed = Signal(list)
    """Rows of sessions whose rectangles were deleted."""
    selected = Signal(int)
    """Row of the session whose rectangle was clicked."""

    def __init__(self, session: OpenSection) -> None:
        self._session = session
        self._busy = False
        self._width_is_due = False
        self._shown: list[np.ndarray] = []
        self.layer: Any = None
        session.viewer.scene.camera.events.zoom.connect(self._on_zoom)

    @property
    def there(self) -> bool:
        """Whether the layer is in the window."""
        return self.layer is not None and self.layer in self._session.viewer.layers

    def show(self, edits: SessionEdits, undo: Any, redo: Any) -> None:
        """Show the sessions; the layer is made when it is not there."""
        wrong = edits.problems()
        data = [_corners(edits.extent(row)) for row in range(len(edits))]
        colours = [
            WRONG_COLOUR if row in wrong else ROLE_COLOURS[edits.role(row)]
            for row in range(len(edits))
        ]
        words = [
            f"{name} {edits.role(row)}" if edits.role(row) != "none" else name
            for row, name in enumerate(edits.names)
        ]
        self._busy = True
        if not self.there:
            self._make(undo, redo, shown=len(edits) > 1)
        layer = self.layer
        chosen = [row for row in layer.selected_data if row < len(data)]
        layer.selected_data = set()
        layer.data = []
        if data:
            layer.add(
                data,
                shape_type="rectangle",
                edge_color=colours,
                face_color="transparent",
                edge_width=self._width_px(),
            )
            looks = ["wrong" if row in wrong else edits.role(row) for row in range(len(edits))]
            layer.features = {"row": np.arange(len(data)), "words": words, "look": looks}
        layer.refresh_text()
        layer.current_edge_color = ROLE_COLOURS["none"]
        layer.current_face_color = "transparent"
        if chosen and str(layer.mode) == "select":
            layer.selected_data = set(chosen)
        self._shown = [np.array(corners) for corners in layer.data]
        self._busy = False

    def remove(self) -> None:
        """Take the layer away."""
        if self.there:
            self._session.viewer.layers.remove(self.layer)
        self.layer = None

    def draw_mode(self) -> None:
        """Let the person draw a rectangle."""
        self._activate("add_rectangle")

    def change_mode(self) -> None:
        """Let the person move rectangles and their sides."""
        self._activate("select")

    def rest(self) -> None:
        """Leave the rectangles alone: the mouse is for looking again."""
        if self.there and str(self.layer.mode) != "pan_zoom":
            self.layer.mode = "pan_zoom"
            self._session.prefer_bse()

    def choose(self, row: int) -> None:
        """Mark the rectangle of a session."""
        if self.there and row < len(self.layer.data) and str(self.layer.mode) == "select":
            self._busy = True
            self.layer.selected_data = {row}
            self._busy = False

    # ------------------------------------------------------------------ helpers

    def _make(self, undo: Any, redo: Any, *, shown: bool) -> None:
        layers = self._session.viewer.layers
        for old in [*layers]:  # of a dock that was closed
            mark = old.metadata.get(KEY)
            if mark and (mark["product"], mark["name"]) == ("overlay", NAME):
                layers.remove(old)
        active = layers.selection.active
        layer = self._session.viewer.add_shapes(
            None,
            ndim=2,
            edge_width=self._width_px(),
            visible=shown,
            features={
                "row": np.array([], dtype=int),
                "words": np.array([], dtype=str),
                "look": np.array([], dtype=str),
            },
            text={
                "string": "{words}",
                "color": _by_look(),
                "size": 10,
                "anchor": "upper_left",
                "translation": [0, 0],
            },
            **overlay(self._session.require(), NAME),
        )
        layer.feature_defaults = {"row": -1, "words": "", "look": "none"}
        layer.events.data.connect(self._on_data)
        layer.events.highlight.connect(self._on_highlight)
        layer.bind_key("Control-Z", lambda _layer: undo(), overwrite=True)
        layer.bind_key("Control-Shift-Z", lambda _layer: redo(), overwrite=True)
        self.layer = layer
        if active is not None and active in layers:
            layers.selection.active = active

    def _width_px(self) -> float:
        px_on_screen = (
            self._session.require().pixel_size_um * self._session.viewer.scene.camera.zoom
        )
        return WIDTH_ON_SCREEN / max(px_on_screen, 1e-6)

    def _on_zoom(self, _event: Any) -> None:
        if self.layer is not None and not self._width_is_due:
            self._width_is_due = True
            QTimer.singleShot(150, self._fit_width)

    def _fit_width(self) -> None:
        self._width_is_due = False
        if not self.there or self._session.section is None or self._busy:
            return
        self._busy = True
        self.layer.edge_width = [self._width_px()] * len(self.layer.data)
        self.layer.current_edge_width = self._width_px()
        self._busy = False

    def _activate(self, mode: str) -> None:
        if self.there:
            self.layer.visible = True
            self._session.viewer.layers.selection.active = self.layer
            self.layer.mode = mode

    def _on_data(self, event: Any) -> None:
        action = str(getattr(event.action, "value", event.action))
        if self._busy or action not in ("added", "changed", "removed"):
            return
        # napari is in the middle of its own work with the mouse: answer after it.
        QTimer.singleShot(
            0, {"added": self._added, "changed": self._changed}.get(action, self._gone)
        )

    def _added(self) -> None:
        if not self.there or len(self.layer.data) <= len(self._shown):
            return
        extent = _extent(self.layer.data[-1])
        on_screen = self._session.require().pixel_size_um * self._session.viewer.scene.camera.zoom
        shortest = min(extent[1] - extent[0], extent[3] - extent[2]) * on_screen
        if shortest < SHORTEST_ON_SCREEN:
            self._busy = True
            self.layer.selected_data = {len(self.layer.data) - 1}
            self.layer.remove_selected()
            self._busy = False
            return
        self.drawn.emit(extent)

    def _changed(self) -> None:
        if not self.there or len(self.layer.data) != len(self._shown):
            return
        moved = {
            row: _extent(corners)
            for row, (corners, before) in enumerate(zip(self.layer.data, self._shown, strict=True))
            if corners.shape != before.shape or not np.allclose(corners, before, atol=1e-3)
        }
        if moved:
            self.moved.emit(moved)

    def _gone(self) -> None:
        if not self.there:
            return
        left = {int(row) for row in self.layer.features["row"]}
        gone = [row for row in range(len(self._shown)) if row not in left]
        if gone:
            self.removed.emit(gone)

    def _on_highlight(self, _event: Any) -> None:
        chosen = sorted(self.layer.selected_data)
        if not self._busy and len(chosen) == 1 and chosen[0] < len(self._shown):
            self.selected.emit(int(chosen[0]))


def _by_look() -> Any:
    from napari.layers.utils.color_encoding import NominalColorEncoding
    from napari.utils.colormaps.categorical_colormap import CategoricalColormap

    colours = CategoricalColormap(colormap=LOOKS, fallback_color="white")
    return NominalColorEncoding(feature="look", colormap=colours)


def _corners(extent: Extent) -> np.ndarray:
    """Corners of a rectangle in pixels of the layer, whose pixel centres stand at whole numbers."""
    row0, row1, col0, col1 = (side - 0.5 for side in extent)
    return np.array([[row0, col0], [row0, col1], [row1, col1], [row1, col0]])


def _extent(corners: Any) -> tuple[float, float, float, float]:
    """Smallest upright rectangle around corners; a turned one has no sessions' meaning."""
    low, high = np.min(corners, axis=0) + 0.5, np.max(corners, axis=0) + 0.5
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])
