"""A layer of shapes as a view of a model: it shows the model, and tells what a person draws."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_olivine.widgets.layers import LAYER_KEY, overlay
from napari_olivine.widgets.state import OpenSection

CHOSEN = 2.0

SAME_PX = 1e-3
"""A corner that is moved by less than this stands still."""


@dataclass(frozen=True)
class ShownShape:
    """One shape of the model.

    Parameters
    ----------
    key
        What the model calls it; also in the signals of the view.
    corners
        Its corners (row, column), px of the layer, shape (corners, 2).
    words
        What stands beside it.
    look
        One of :attr:`ShapesView.colours`.
    """

    key: Hashable
    corners: np.ndarray
    words: str
    look: str


class ShapesView:
    """Shows the shapes of a model, and tells what the person does to them.

    Parameters
    ----------
    session
        Open section of the viewer.
    """

    name: ClassVar[str]
    """Name of the layer."""
    shape: ClassVar[str]
    """``"rectangle"``, ``"line"`` or ``"polygon"``."""
    colours: ClassVar[dict[str, str]]
    """Colour of each look."""
    faces: ClassVar[dict[str, str]] = {}
    """Colour of the inside of those looks that are filled."""
    new: ClassVar[str]
    """Look of a shape that is being drawn."""
    width: ClassVar[float]
    """Width of an outline, px of the screen; that of a chosen shape is `CHOSEN` times as much."""

    drawn = Signal(object)
    """A new shape, as :meth:`read` returns it."""
    moved = Signal(dict)
    """Shapes that were changed, by their keys."""
    removed = Signal(list)
    """Keys of shapes that were deleted."""
    selected = Signal(object)
    """Key of the shape that was clicked."""

    def __init__(self, session: OpenSection) -> None:
        self._session = session
        self._keys: list[Any] = []
        self._corners: list[np.ndarray] = []
        self._chosen: set[Any] = set()
        self._busy = False
        self._width_is_due = False
        self.layer: Any = None
        session.viewer.scene.camera.events.zoom.connect(self._on_zoom)

    # ------------------------------------------------------------------ for subclasses

    def read(self, corners: np.ndarray) -> Any:
        """Return a shape as the model keeps it, from its corners in px of the layer."""
        raise NotImplementedError

    def text(self) -> dict[str, Any]:
        """Return napari's properties of the words beside the shapes."""
        raise NotImplementedError

    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        """Tell whether a new shape is but a slip of the mouse.

        Parameters
        ----------
        corners
            Its corners, px of the layer.
        screen_px
            Pixels of the screen in one pixel of the layer.
        """
        raise NotImplementedError

    # ------------------------------------------------------------------ showing

    @property
    def there(self) -> bool:
        """Whether the layer is in the window."""
        return self.layer is not None and self.layer in self._session.viewer.layers

    def show_shapes(
        self, shapes: Sequence[ShownShape], chosen: Collection[Any], *, visible: bool = True
    ) -> None:
        """Show these shapes; the layer is made when it is not there.

        Parameters
        ----------
        shapes
            All shapes of the model.
        chosen
            Keys of those to select.
        visible
            Whether a new layer is to be seen.
        """
        self._busy = True
        if not self.there:
            self._make(visible)
        layer = self.layer
        if layer._is_creating:  # its half of a polygon would point to shapes that are gone
            layer._finish_drawing()
        self._keys = [shape.key for shape in shapes]
        self._chosen = set(chosen)
        layer.selected_data = set()
        layer.data = []
        if shapes:
            layer.add(
                [shape.corners for shape in shapes],
                shape_type=self.shape,
                edge_color=[self.colours[shape.look] for shape in shapes],
                face_color=[self.faces.get(shape.look, "transparent") for shape in shapes],
                edge_width=self._widths_px(),
            )
            layer.features = {
                "place": np.arange(len(shapes)),
                "words": [shape.words for shape in shapes],
                "look": [shape.look for shape in shapes],
            }
        layer.refresh_text()
        layer.current_edge_color = self.colours[self.new]  # before shapes are selected: theirs too
        layer.current_face_color = "transparent"
        self._select_chosen()
        self._corners = [np.array(corners) for corners in layer.data]
        self._busy = False

    def mark(self, chosen: Collection[Any]) -> None:
        """Draw other shapes as the chosen ones."""
        self._chosen = set(chosen)
        self._fit_width()

    def remove(self) -> None:
        """Take the layer away."""
        if self.there:
            self._session.viewer.layers.remove(self.layer)
        self.layer = None

    def activate(self, mode: str) -> None:
        """Let the mouse draw or change shapes.

        Parameters
        ----------
        mode
            Mode of the layer, e.g. ``"add_line"``.
        """
        if self.there:
            self.layer.visible = True
            self._session.viewer.layers.selection.active = self.layer
            self.layer.mode = mode

    def rest(self) -> bool:
        """Leave the shapes alone: the mouse is for looking again; tell whether it was not."""
        if not self.there or str(self.layer.mode) == "pan_zoom":
            return False
        self.layer.mode = "pan_zoom"
        return True

    # ------------------------------------------------------------------ the layer

    def _make(self, visible: bool) -> None:
        layers = self._session.viewer.layers
        for old in [*layers]:  # of a dock that was closed
            mark = old.metadata.get(LAYER_KEY)
            if mark and (mark["product"], mark["name"]) == ("overlay", self.name):
                layers.remove(old)
        active = layers.selection.active
        layer = self._session.viewer.add_shapes(
            None,
            ndim=2,
            edge_width=self._width_px(),
            visible=visible,
            features={
                "place": np.array([], dtype=int),
                "words": np.array([], dtype=str),
                "look": np.array([], dtype=str),
            },
            text={"string": "{words}", "anchor": "upper_left", **self.text()},
            **overlay(self._session.require(), self.name),
        )
        layer.feature_defaults = {"place": -1, "words": "", "look": self.new}
        layer.current_edge_width = self._width_px()
        layer.events.data.connect(self._on_data)
        layer.events.highlight.connect(self._on_highlight)
        self.layer = layer
        if active is not None and active in layers:
            layers.selection.active = active  # the mouse handlers keep their layer

    @property
    def _screen_px(self) -> float:
        """Pixels of the screen in one pixel of the layer."""
        zoom = self._session.viewer.scene.camera.zoom
        return max(self._session.require().pixel_size_um * zoom, 1e-6)

    def _width_px(self) -> float:
        """Width of an outline, in pixels of the layer, that looks the same at every zoom."""
        return self.width / self._screen_px

    def _widths_px(self) -> list[float]:
        """Width of each shape, px of the layer."""
        width = self._width_px()
        return [width * CHOSEN if key in self._chosen else width for key in self._keys]

    def _on_zoom(self, _event: Any) -> None:
        if self.layer is not None and not self._width_is_due:
            self._width_is_due = True
            QTimer.singleShot(150, self._fit_width)

    def _fit_width(self) -> None:
        self._width_is_due = False
        if not self.there or self._session.section is None or self._busy:
            return
        self._busy = True
        self.layer.current_edge_width = self._width_px()  # first: napari gives it to chosen ones
        widths = self._widths_px()
        self.layer.edge_width = widths + [self._width_px()] * (len(self.layer.data) - len(widths))
        self._busy = False

    # ------------------------------------------------------------------ what the person does

    def _on_data(self, event: Any) -> None:
        action = str(getattr(event.action, "value", event.action))
        answer = {"added": self._added, "changed": self._changed, "removed": self._gone}.get(action)
        if answer is not None and not self._busy:
            # napari is in the middle of its own work with the mouse: answer after it.
            QTimer.singleShot(0, answer)

    def _added(self) -> None:
        if not self.there or self.layer._is_creating or len(self.layer.data) <= len(self._keys):
            return
        corners = np.asarray(self.layer.data[-1], float)
        if self.is_slip(corners, self._screen_px):
            self._busy = True
            self.layer.selected_data = {len(self.layer.data) - 1}
            self.layer.remove_selected()
            self._select_chosen()
            self._busy = False
            return
        self.drawn.emit(self.read(corners))

    def _select_chosen(self) -> None:
        """Select what is chosen: napari takes hold of the corners of selected shapes only."""
        self.layer.selected_data = {
            place for place, key in enumerate(self._keys) if key in self._chosen
        }

    def _changed(self) -> None:
        if not self.there or len(self.layer.data) != len(self._keys):
            return
        moved = {
            key: self.read(np.asarray(corners, float))
            for key, corners, before in zip(self._keys, self.layer.data, self._corners, strict=True)
            if corners.shape != before.shape or not np.allclose(corners, before, atol=SAME_PX)
        }
        if moved:
            self.moved.emit(moved)

    def _gone(self) -> None:
        if self.there:
            left = {int(place) for place in self.layer.features["place"]}
            gone = [key for place, key in enumerate(self._keys) if place not in left]
            if gone:
                self.removed.emit(gone)

    def _on_highlight(self, _event: Any) -> None:
        chosen = sorted(self.layer.selected_data)
        if not self._busy and len(chosen) == 1 and chosen[0] < len(self._keys):
            self.selected.emit(self._keys[chosen[0]])


class HalfDrawn:
    """A polygon of which some corners are drawn; to take it back leaves all finished shapes.

    Parameters
    ----------
    layer
        Layer of napari on which it is drawn.
    """

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    @classmethod
    def on(cls, layer: Any) -> HalfDrawn | None:
        """Return what is being drawn on a layer of ours, `None` if nothing is."""
        from napari.layers import Shapes

        ours = isinstance(layer, Shapes) and layer.metadata.get(LAYER_KEY) is not None
        return cls(layer) if ours and layer._is_creating else None

    def undo(self) -> None:
        """Drop it; the next click begins another one."""
        index, count = self._layer._moving_value[0], self._layer.nshapes
        self._layer._finish_drawing()  # takes one of less than three corners away itself
        if self._layer.nshapes == count:
            self._layer.selected_data = {index}
            self._layer.remove_selected()

    def redo(self) -> None:
        """Do nothing: what was taken back before waits until the polygon is finished."""
