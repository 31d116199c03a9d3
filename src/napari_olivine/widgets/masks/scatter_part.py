"""The part of the Phase masks dock with the scatter plot, linked to the image both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QCompleter, QLabel

from napari_olivine.errors import InputError, OlivineError
from napari_olivine.masks import AxisValue, Rule
from napari_olivine.section import Block
from napari_olivine.widgets.common import (
    Collapsible,
    Connections,
    Message,
    combo,
    fill_combo,
    push_button,
    row_layout,
    single_shot,
    wrapped,
)
from napari_olivine.widgets.masks.live_rule import LiveRule
from napari_olivine.widgets.masks.marked_region import MarkedRegion
from napari_olivine.widgets.masks.scatter_plot import Outline, ScatterPlot
from napari_olivine.widgets.masks.view_overlay import MARKED, ViewOverlay
from napari_olivine.widgets.state import OpenSection

NAME = "Marked in the plot"

EMPTY = "The plot comes with a rule that can be read."


class ScatterPart(Collapsible):
    """Axes, the plot, and a button to mark a rectangle in the image.

    There is one mark at a time: an outline on the plot, whose pixels the image shows, or a
    rectangle in the image, whose pixels the plot shows.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    live
        The rule in the view.
    units
        Returns the unit of each map of the section.
    rule
        Returns the rule of the dock; raises where it cannot be read.
    """

    def __init__(
        self,
        session: OpenSection,
        connections: Connections,
        live: LiveRule,
        units: Callable[[], Mapping[str, str]],
        rule: Callable[[], tuple[Rule, bool]],
    ) -> None:
        super().__init__("Scatter plot", expanded=False)
        self._session, self._live, self._units, self._rule = session, live, units, rule
        self._outline: Outline | None = None
        self._region: Block | None = None
        self._front = True
        self.overlay = ViewOverlay(session, NAME, MARKED)
        self.layer = MarkedRegion(session)
        self.x_box, self.y_box = (_axis_box(which) for which in ("to the right", "upwards"))
        self.problem, self.plot, self.note = Message(), ScatterPlot(), wrapped()
        self.plot.empty_text = EMPTY
        self.mark_button = push_button(
            "Mark in the image",
            self._on_button,
            "Drag a rectangle in the image to see its pixels in the plot",
            checkable=True,
        )
        self.clear_button = push_button("Clear", self.clear, "Take the mark away")
        axes = row_layout(self.x_box, QLabel("→"), self.y_box, QLabel("↑"))
        axes.setStretch(0, 1)
        axes.setStretch(2, 1)
        self.inside.addLayout(axes)
        for part in (self.problem, self.plot, self.note):
            self.inside.addWidget(part)
        self.inside.addLayout(row_layout(self.mark_button, self.clear_button))
        for box in (self.x_box, self.y_box):
            box.textActivated.connect(self._on_axes)
            box.lineEdit().editingFinished.connect(self._on_axes)
        self.plot.outlined.connect(self._on_outlined)
        self.toggled.connect(self._on_expanded)
        self._look_at_active = single_shot(self, 0, self._on_active)
        for signal, slot in (
            (live.changed, self._show),
            (self.layer.drawn, self._on_drawn),
            (self.layer.moved, self._on_moved),
            (self.layer.removed, self._on_gone),
            (session.section_opened, self._on_section),
            (session.viewer.layers.events.removed, self._on_removed),
            (session.viewer.layers.selection.events.active, self._look_at_active_soon),
        ):
            connections.connect(signal, slot)
        connections.on_close(self._look_at_active.stop)
        connections.on_close(self.overlay.remove)
        connections.on_close(self.layer.remove)

    def set_front(self, front: bool) -> None:
        """Follow only while the dock is in front of the others."""
        self._front = front
        if not front:
            self.mark_button.setChecked(False)
        self._live.follow(NAME, front and self.expanded)

    def clear(self) -> None:
        """Take the mark away."""
        self._outline = self._region = None
        self.mark_button.setChecked(False)
        self.layer.remove()
        self._show()

    # ------------------------------------------------------------------ axes

    def _on_expanded(self, expanded: bool) -> None:
        if expanded and self._live.axes is None:
            self._offer_axes()
            self._on_axes()
        if not expanded:
            self.clear()
        self._live.follow(NAME, expanded and self._front)

    def _offer_axes(self) -> None:
        """Offer the left sides of the rule's conditions, and the elements; choose the first ones.

        What is written stays.
        """
        units, lefts = self._units(), self._lefts()
        if self.x_box.count() and self._offered(lefts):
            return
        elements = [one for one in units if one != "BSE"]
        choices = list(dict.fromkeys([*lefts, *elements, *units]))
        for box, place in ((self.x_box, 0), (self.y_box, 1)):
            chosen = box.currentText()
            if not chosen and choices:
                chosen = choices[min(place, len(choices) - 1)]
            fill_combo(box, choices, chosen)
            box.setEditText(chosen)

    def _offered(self, lefts: list[str]) -> bool:
        return [self.x_box.itemText(place) for place in range(len(lefts))] == lefts

    def _lefts(self) -> list[str]:
        """Return the left sides of the conditions of the rule."""
        try:
            conditions = self._rule()[0].conditions
        except OlivineError:
            return []
        return list(dict.fromkeys(one.left for one in conditions))

    def _on_axes(self, _text: str = "") -> None:
        """Read the axes; an outline belongs to those that were there."""
        units = self._units()
        if not units:
            return
        try:
            axes = (
                AxisValue.parse(self.x_box.currentText(), units),
                AxisValue.parse(self.y_box.currentText(), units),
            )
        except InputError as error:
            self.problem.tell(error)
            return
        self.problem.tell("")
        if axes != self._live.axes:
            self._live.axes = axes
            self._outline = None
            self._live.refresh()

    def _on_section(self, _section: Any) -> None:
        self.clear()
        self._live.axes = None
        for box in (self.x_box, self.y_box):
            box.clear()
        if self.expanded:
            self._offer_axes()
            self._on_axes()

    # ------------------------------------------------------------------ marks

    def _show(self) -> None:
        """Show the plot, and the mark on it or in the image."""
        scatter = self._live.scatter if self.expanded else None
        if scatter is None:
            self.plot.show_scatter(None, None, _NOTHING)
            if self._outline is not None and self._front:
                self.overlay.blank()
            else:
                self.overlay.remove()
            self._say(None)
            return
        self._offer_axes()
        outline, marked, pixels = None, _NOTHING, None
        if self._outline is not None:
            xs, ys = scatter.x_span.share(self._outline[:, 0]), self._outline[:, 1]
            outline = np.stack([xs, scatter.y_span.share(ys)], axis=1)
            inside = scatter.inside(self._outline)
            pixels = int(np.count_nonzero(inside))
            self.overlay.show(inside, scatter.maps)
        else:
            self.overlay.remove()
        if self._region is not None:
            points = scatter.of_region(*self._region)
            marked, pixels = scatter.places(points), len(points)
        self.plot.show_scatter(scatter, outline, marked)
        self._say(pixels)

    def _say(self, pixels: int | None) -> None:
        scatter = self._live.scatter
        self.clear_button.setEnabled(pixels is not None)
        words = ""
        if scatter is not None:
            words = f"{len(scatter.points):,} of the view's pixels, means over neighbours"
        if self._outline is not None and pixels is not None:
            words = f"{pixels:,} pixels of the view lie in the outline: blue in the image"
        elif self._region is not None and pixels is not None:
            words = f"{pixels:,} pixels of the rectangle are blue in the plot"
            if not pixels:
                words = "No pixel of the rectangle is in view"
        self.note.setText(f"{words}." if words else "")

    def _on_outlined(self, outline: Outline | None) -> None:
        self.clear()
        scatter = self._live.scatter
        if outline is not None and scatter is not None:
            values = (scatter.x_span.value(outline[:, 0]), scatter.y_span.value(outline[:, 1]))
            self._outline = np.stack(values, axis=1)
        self._show()

    def _on_button(self, marking: bool) -> None:
        if marking and self._session.section is not None:
            self._outline = None
            self.layer.show(self._region)
            self.layer.draw_mode()
            self._show()
        elif self.layer.rest():
            self._session.prefer_bse()
            if self._region is None:
                self.layer.remove()

    def _on_drawn(self, region: Block) -> None:
        self._region, self._outline = region, None
        self.layer.show(region)
        self.mark_button.setChecked(False)
        self._show()

    def _on_moved(self, moved: dict[int, Block]) -> None:
        self._on_drawn(next(iter(moved.values())))

    def _on_gone(self, _places: list[int]) -> None:
        self.clear()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.overlay.layer:
            self.overlay.layer = None
            self.clear()
        elif self.layer.layer is not None and event.value is self.layer.layer:
            self.clear()

    def _look_at_active_soon(self, _event: Any) -> None:
        self._look_at_active.start()  # a layer that is being made is active for a moment

    def _on_active(self) -> None:
        """End marking when the mouse works on another layer."""
        if self._session.viewer.layers.selection.active is not self.layer.layer:
            self.mark_button.setChecked(False)


_NOTHING = np.zeros((0, 2), np.float32)


def _axis_box(where: str) -> QComboBox:
    box = combo()
    box.setEditable(True)
    box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    # In the line itself "Ca" would become "Ca/Mg" by Enter.
    box.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
    box.setToolTip(f"What grows {where}: a map, a sum or a ratio, e.g. Ca/Mg or Si/(Mg + Fe)")
    box.lineEdit().setAlignment(Qt.AlignmentFlag.AlignLeft)
    return box
