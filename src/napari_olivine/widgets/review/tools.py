"""Tools to correct a crystal on the canvas: a line, markers, an outline."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_olivine.crystals.edits import Edit, Redraw, Shape, Split
from napari_olivine.errors import EditError, OlivineError
from napari_olivine.widgets.layers import overlay
from napari_olivine.widgets.state import OpenSection

LINE, MARKERS, BRUSH = "Cut", "Markers", "Outline by hand"

AROUND_PX = 64
"""Room around a crystal in which its outline can be drawn."""

NEW_PX = 1024
"""Side of the square in which a new crystal can be drawn."""

LARGEST_PX = 4096
"""Longest side of a crystal whose outline is drawn by hand: the brush works on all its pixels."""


class Tool:
    """A tool to draw with; it has a layer of its own while it is in use.

    Parameters
    ----------
    session
        Open section of the viewer.
    record
        Row of the crystal in the table; `None` for a new crystal.
    done
        Called with the edit when the person has finished.
    """

    hint = ""
    """What to do, for the person."""

    def __init__(
        self,
        session: OpenSection,
        record: dict[str, Any] | None,
        done: Callable[[Edit], None],
    ) -> None:
        self.session, self.record, self.done = session, record, done
        self._before = session.viewer.layers.selection.active
        self.layer = self._make()
        session.viewer.layers.selection.active = self.layer

    def edit(self) -> Edit:
        """Return what was drawn.

        Raises
        ------
        EditError
            If the drawing is no edit.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """Hand over what was drawn."""
        self.done(self.edit())

    def put_down(self) -> None:
        """Take the layer away."""
        layers = self.session.viewer.layers
        if self.layer in layers:
            layers.remove(self.layer)
        if self._before is not None and self._before in layers:
            layers.selection.active = self._before

    def _make(self) -> Any:
        raise NotImplementedError

    @property
    def _crystal(self) -> int:
        return int(self.record["id"]) if self.record is not None else 0


class LineTool(Tool):
    """A line across a crystal cuts it."""

    hint = "Drag a line right across the crystal. Esc: leave it."

    def _make(self) -> Any:
        px_on_screen = self.session.require().pixel_size_um * self.session.viewer.scene.camera.zoom
        layer = self.session.viewer.add_shapes(
            None, ndim=2, edge_color="yellow", edge_width=2 / max(px_on_screen, 1e-6),
            **overlay(self.session.require(), LINE),
        )  # fmt: skip
        layer.current_edge_width = 2 / max(px_on_screen, 1e-6)
        layer.current_edge_color = "yellow"
        layer.mode = "add_line"
        layer.events.data.connect(self._on_data)
        return layer

    def _on_data(self, event: Any) -> None:
        if str(getattr(event.action, "value", event.action)) == "added":
            QTimer.singleShot(0, self._drawn)  # napari is in the middle of its own work

    def _drawn(self) -> None:
        with suppress(OlivineError):  # a slip of the mouse
            self.finish()

    def edit(self) -> Edit:
        """Return the split."""
        lines = tuple(
            tuple((float(row), float(column)) for row, column in np.asarray(line)[:, -2:])
            for line in self.layer.data
        )
        if not lines:
            raise EditError("Draw a line first.")
        return Split(crystals=(self._crystal,), lines=lines)


class MarkerTool(Tool):
    """A marker in each of the crystals that were taken for one."""

    hint = "Click once in each crystal, then press Enter. Esc: leave it."

    def _make(self) -> Any:
        side = max(self.record["row1"] - self.record["row0"], 1) if self.record else 100
        layer = self.session.viewer.add_points(
            None, ndim=2, size=max(side / 25, 2), face_color="yellow", border_color="black",
            **overlay(self.session.require(), MARKERS),
        )  # fmt: skip
        layer.mode = "add"
        return layer

    def edit(self) -> Edit:
        """Return the split."""
        places = tuple((float(row), float(column)) for row, column in self.layer.data[:, -2:])
        return Split(crystals=(self._crystal,), markers=places or ((0.0, 0.0),))


class BrushTool(Tool):
    """A brush that paints the outline of a crystal pixel by pixel."""

    hint = (
        "Paint the crystal (left button; 1 erases, 2 paints, [ and ] change the brush, Ctrl+Z "
        "takes a stroke back), then press Enter. Esc: leave it as it was."
    )

    def _make(self) -> Any:
        from napari.utils.colormaps import DirectLabelColormap

        section = self.session.require()
        self._rows, self._columns = self._window()
        labels = section.raster("crystals", "crystals").read(self._rows, self._columns)
        mask = (labels == self._crystal) & (self._crystal > 0)
        pixel = section.pixel_size_um
        layer = self.session.viewer.add_labels(
            mask.astype(np.uint8),
            **overlay(section, BRUSH)
            | {
                "translate": (self._rows.start * pixel, self._columns.start * pixel),
                "colormap": DirectLabelColormap(color_dict={None: "transparent", 1: "#ffe000"}),
                "opacity": 0.45,
            },
        )
        layer.mode = "paint"
        layer.selected_label = 1
        layer.brush_size = max(4, min(self._rows.stop - self._rows.start, 400) // 20)
        return layer

    def _window(self) -> tuple[slice, slice]:
        section = self.session.require()
        if self.record is None:
            centre = self.session.viewer.scene.camera.center[-2:]
            middle = [round(float(value) / section.pixel_size_um) for value in centre]
            sides = [(k - NEW_PX // 2, k + NEW_PX // 2) for k in middle]
        else:
            sides = [
                (int(self.record[f"{axis}0"]) - AROUND_PX, int(self.record[f"{axis}1"]) + AROUND_PX)
                for axis in ("row", "col")
            ]
        if max(high - low for low, high in sides) > LARGEST_PX:
            raise EditError(
                "This crystal is too large to be painted by hand.",
                remedy="Split it by a line instead.",
            )
        first, last = (
            slice(max(low, 0), min(high, length))
            for (low, high), length in zip(sides, section.shape, strict=True)
        )
        if first.start >= first.stop or last.start >= last.stop:
            raise EditError("The middle of the view does not lie in the section.")
        return first, last

    def edit(self) -> Edit:
        """Return the crystal as it is painted."""
        mask = np.asarray(self.layer.data) > 0
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            raise EditError("Nothing is painted.", remedy="Reject the crystal if there is none.")
        inside = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        drawn = Shape.of_mask(
            inside, self._rows.start + int(rows[0]), self._columns.start + int(columns[0])
        )
        return Redraw(crystals=(self._crystal,) if self._crystal else (), drawn=drawn)
