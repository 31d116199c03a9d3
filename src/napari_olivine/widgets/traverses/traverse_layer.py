"""The Shapes layer on which a person draws traverses; it is a view of their placements."""

from __future__ import annotations

from typing import Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_olivine.widgets.layers import overlay
from napari_olivine.widgets.state import OpenSection
from napari_olivine.widgets.traverses.placements import Line, Traverses

NAME = "EPMA traverses"
USE_COLOURS = {"calibrate": "#56B4E9", "test": "#E69F00", "ignore": "#999999"}
WIDTH_ON_SCREEN = 3.0
"""Width of a line in pixels of the screen: the grey beside it must stay to be seen."""
SHORTEST_PX, SHORTEST_ON_SCREEN = 5.0, 12.0
"""A line shorter than either, in pixels of the image or of the screen, is a slip of the mouse."""


class TraverseLayer:
    """Shows placements as lines, and tells what the person does to the lines.

    Parameters
    ----------
    session
        Session of the viewer.
    """

    drawn = Signal(tuple)
    """A new line: x0, y0, x1, y1 in um."""
    moved = Signal(dict)
    """Lines that were moved, by profile."""
    removed = Signal(list)
    """Profiles whose lines were deleted."""
    moving = Signal()
    """A line changes on the screen, perhaps still under the mouse."""
    selected = Signal(str)
    """Profile whose line was selected."""

    def __init__(self, session: OpenSection) -> None:
        self._session = session
        self._names: list[str] = []
        self._busy = False
        self._width_is_due = False
        self.layer: Any = None
        session.viewer.scene.camera.events.zoom.connect(self._on_zoom)

    def show(self, traverses: Traverses, current: str, undo: Any, redo: Any) -> None:
        """Show the placements; the layer is made when it is not there."""
        lines = traverses.lines()
        self._names = list(lines)
        data = [self._to_pixels(line) for line in lines.values()]
        colours = [USE_COLOURS[traverses.use(name)] for name in self._names]
        self._busy = True
        if self.layer is None or self.layer not in self._session.viewer.layers:
            self._make(undo, redo)
        layer = self.layer
        layer.selected_data = set()
        layer.data = []
        if data:
            layer.add(data, shape_type="line", edge_color=colours, edge_width=self._width_px())
            layer.features = {"profile": self._names}
        layer.refresh_text()
        if current in self._names:
            layer.selected_data = {self._names.index(current)}
        layer.current_edge_color = USE_COLOURS["calibrate"]
        self._busy = False

    def remove(self) -> None:
        """Take the layer away: the section was closed."""
        if self.layer is not None and self.layer in self._session.viewer.layers:
            self._session.viewer.layers.remove(self.layer)
        self.layer = None

    def draw_mode(self) -> None:
        """Let the person draw a line."""
        self._activate("add_line")

    def move_mode(self) -> None:
        """Let the person move the ends of lines."""
        self._activate("direct")

    def rest(self) -> None:
        """Leave the lines alone: the mouse is for looking and for picking crystals again."""
        if self.layer is not None and str(self.layer.mode) != "pan_zoom":
            self.layer.mode = "pan_zoom"

    def line_on_screen(self, profile: str) -> Line | None:
        """Line of a profile as it is drawn now, also while it is dragged."""
        if self.layer is None or profile not in self._names:
            return None
        index = self._names.index(profile)
        return self._to_um(self.layer.data[index]) if index < len(self.layer.data) else None

    # ------------------------------------------------------------------ helpers

    def _make(self, undo: Any, redo: Any) -> None:
        layers = self._session.viewer.layers
        active = layers.selection.active
        layer = self._session.viewer.add_shapes(
            None,
            ndim=2,
            edge_width=self._width_px(),
            features={"profile": np.array([], dtype=str)},
            text={
                "string": "{profile}",
                "color": "white",
                "size": 9,
                "anchor": "upper_left",
                "translation": [-4, 0],
            },
            **overlay(self._session.require(), NAME),
        )
        layer.feature_defaults = {"profile": ""}
        layer.current_edge_width = self._width_px()
        layer.events.data.connect(self._on_data)
        layer.events.set_data.connect(self._on_screen)
        layer.events.highlight.connect(self._on_highlight)
        layer.bind_key("Control-Z", lambda _layer: undo(), overwrite=True)
        layer.bind_key("Control-Shift-Z", lambda _layer: redo(), overwrite=True)
        self.layer = layer
        if active is not None and active in layers:
            layers.selection.active = active  # the mouse keeps telling about what it told before

    def _width_px(self) -> float:
        """Width of a line, in pixels of the image, that looks the same at every zoom."""
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
        layer, layers = self.layer, self._session.viewer.layers
        if layer is None or layer not in layers or self._session.section is None or self._busy:
            return
        self._busy = True
        layer.edge_width = [self._width_px()] * len(layer.data)
        layer.current_edge_width = self._width_px()
        self._busy = False

    def _activate(self, mode: str) -> None:
        if self.layer is not None and self.layer in self._session.viewer.layers:
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
        data = self.layer.data
        if len(data) <= len(self._names):
            return
        ends = np.asarray(data[-1], float)
        if self._is_slip(float(np.hypot(*(ends[-1] - ends[0])))):
            self._busy = True
            self.layer.selected_data = {len(data) - 1}
            self.layer.remove_selected()
            self._busy = False
            return
        self.drawn.emit(self._to_um(ends))

    def _is_slip(self, length_px: float) -> bool:
        on_screen = length_px * self._session.require().pixel_size_um
        on_screen *= self._session.viewer.scene.camera.zoom
        return length_px < SHORTEST_PX or on_screen < SHORTEST_ON_SCREEN

    def _changed(self) -> None:
        if len(self.layer.data) == len(self._names):
            lines = {
                name: self._to_um(ends)
                for name, ends in zip(self._names, self.layer.data, strict=True)
            }
            self.moved.emit(lines)

    def _gone(self) -> None:
        left = {str(name) for name in self.layer.features["profile"]}
        gone = [name for name in self._names if name not in left]
        if gone:
            self.removed.emit(gone)

    def _on_screen(self, _event: Any) -> None:
        if not self._busy:
            self.moving.emit()

    def _on_highlight(self, _event: Any) -> None:
        chosen = sorted(self.layer.selected_data)
        if not self._busy and len(chosen) == 1 and chosen[0] < len(self._names):
            self.selected.emit(self._names[chosen[0]])

    def _to_pixels(self, line: Line) -> np.ndarray:
        x0, y0, x1, y1 = line
        return np.array([[y0, x0], [y1, x1]]) / self._session.require().pixel_size_um

    def _to_um(self, ends: Any) -> Line:
        ends = np.asarray(ends, float) * self._session.require().pixel_size_um
        return float(ends[0, 1]), float(ends[0, 0]), float(ends[-1, 1]), float(ends[-1, 0])
