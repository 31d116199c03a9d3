"""The part of the Phase masks dock where a person corrects the mask by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from qtpy.QtCore import QSignalBlocker

from napari_olivine.errors import EditError
from napari_olivine.history import HistoryStep
from napari_olivine.masks.corrections import (
    OLIVINE_CODE,
    make_correction,
    missing_words,
    phase_key,
    phases_of,
)
from napari_olivine.polygons import Polygon, fault_of
from napari_olivine.widgets.common import (
    Collapsible,
    Connections,
    Message,
    NumberBox,
    Problem,
    form_layout,
    push_button,
    readable,
    reserve_lines,
    row_layout,
    single_shot,
    wrapped,
)
from napari_olivine.widgets.editing import Corners, WindowUndo, bring_into_view
from napari_olivine.widgets.layers import LAYER_KEY, LEVELLED
from napari_olivine.widgets.masks.correcting import Correcting
from napari_olivine.widgets.masks.escape import escape_key
from napari_olivine.widgets.masks.label_choice import RULE, LabelChoice, Mark
from napari_olivine.widgets.masks.polygon_layer import CorrectingPolygon
from napari_olivine.widgets.masks.stroke_layer import COLOURS, Place, StrokeLayer
from napari_olivine.widgets.state import OpenSection

WRONG = "#ff6e5e"

LARGEST_DRAWN_PX = 8192
"""Longest side of a polygon: what is larger is a region of study, or another rule."""

FIRST_ON_SCREEN = 20.0
"""Width of the brush at first, px of the screen."""

STEP = 1.25
"""Factor of a brush that a key makes wider."""

COARSENESS = 0.02
"""How far a stored stroke may leave the line of the mouse, as a part of its half width."""

TOOLS = {
    "Brush": "Drag over what the rule has wrong. [ and ] change the width, a drag with the space "
    "bar held down moves the view. Esc ends it.",
    "Polygon": "Click the corners, double-click the last one. Esc ends it.",
    "Fill": "Click: the connected piece of the mask under the mouse gets the label. Esc ends it.",
    "Rub out": "Drag where the rule's mask shall come back. [ and ] change the width. Esc ends it.",
}

BESIDE = ("images", LEVELLED[0], "mask", "overlay")
"""Products whose layers may be seen while the mask is corrected."""

NO_MASK = "Make the mask first; then correct it here."


class CorrectPart(Collapsible):
    """Label, tools and width of the brush; each correction is stored at once.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    """

    def __init__(self, session: OpenSection, connections: Connections) -> None:
        super().__init__("Correct by hand", expanded=False)
        self._session = session
        self.model = Correcting(session)
        self.strokes = StrokeLayer(session)
        self.polygon = CorrectingPolygon(session)
        self._make_buttons()
        self.count = reserve_lines(wrapped(), 2)
        self.problem = Message()
        self.inside.addWidget(self.count)
        self.inside.addWidget(self.problem)
        self._escape = escape_key(session, connections, self.rest)
        self._look_at_active = single_shot(self, 0, self._on_active)
        for signal, slot in (
            (self.strokes.stroked, self._on_stroked),
            (self.strokes.resized, self._on_resized),
            (self.polygon.drawn, self._on_polygon),
            (self.model.changed, self.fill),
            (self.model.told, self._on_told),
            (self.model.failed, self._on_failed),
            (session.history.moved, self._on_history),
            (session.section_opened, self._on_section_opened),
            (session.product_changed, self._on_product_changed),
            (session.viewer.layers.selection.events.active, self._look_at_active_soon),
        ):
            connections.connect(signal, slot)
        WindowUndo.of(session).follow(self.undo_button, connections)
        connections.on_close(self._look_at_active.stop)
        connections.on_close(self.rest)
        connections.on_close(self.polygon.remove)
        connections.on_close(self.model.close)
        self.model.read()
        self.fill()

    def _make_buttons(self) -> None:
        self.choice = LabelChoice()
        self.choice.currentIndexChanged.connect(self._on_choice)
        self.inside.addLayout(form_layout(("It is", self.choice)))
        self.tools = {
            name: push_button(
                name, lambda on, name=name: self._on_tool(name, on), tip, checkable=True
            )
            for name, tip in TOOLS.items()
        }
        self.inside.addLayout(row_layout(*self.tools.values()))
        self.hint = wrapped()
        self.inside.addWidget(self.hint)
        self.hint.hide()
        self.width_um = NumberBox(float, 0.0, low=0.0, unit="um")
        self.width_um.native.setToolTip("Width of the brush; 0: 20 pixels of the screen")
        self.width_um.changed.connect(lambda _value: self._begin())
        self.undo_button = push_button("Undo")
        row = row_layout(self.undo_button)
        self.inside.addLayout(form_layout(("Brush", self.width_um.native)))
        self.inside.addLayout(row)

    # ------------------------------------------------------------------ showing

    @property
    def mark(self) -> Mark:
        """What is marked now."""
        return RULE if self.tool == "Rub out" else self.choice.mark

    @property
    def tool(self) -> str:
        """Name of the tool in use; empty for none."""
        return next((name for name, button in self.tools.items() if button.isChecked()), "")

    def fill(self) -> None:
        """Show how many corrections there are, and draw those that the mask does not show yet."""
        section, corrections = self._session.section, self.model.corrections
        mask = section.product("mask") if section is not None else None
        there = mask is not None and corrections is not None
        for part in (*self.tools.values(), self.choice):
            part.setEnabled(there)
        if not there and self.tool:
            self.rest()
        self.setVisible(section is not None)
        count = len(corrections) if corrections is not None else 0
        self.set_title(f"Correct by hand: {count}" if count else "Correct by hand")
        phases = phases_of(mask.notes) if mask is not None else []
        self.strokes.phase_colours = {phase_key(one.name): one.colour for one in phases}
        self.choice.offer(phases, _olivine_colour(mask.notes if mask is not None else {}))
        words = _told(mask.notes) if mask is not None else NO_MASK
        self.count.setText(words)
        self.count.setVisible(bool(words))
        if self.tool:
            self.strokes.show(self.model.unpainted)

    def rest(self) -> None:
        """End the tool in use."""
        for button in self.tools.values():
            button.setChecked(False)

    # ------------------------------------------------------------------ tools

    def _on_choice(self, _place: int) -> None:
        if self.tool:
            self._begin()

    def _on_tool(self, name: str, on: bool) -> None:
        if on:
            for other, button in self.tools.items():
                if other != name and button.isChecked():
                    with QSignalBlocker(button):  # it only changes hands
                        button.setChecked(False)
            self._begin()
        elif not self.tool:
            self._end()
        self.hint.setText(TOOLS.get(self.tool, ""))
        self.hint.setVisible(bool(self.tool))
        self._escape.setEnabled(bool(self.tool))

    def _begin(self) -> None:
        """Give the mouse the tool in use."""
        if not self.tool:
            return
        self.problem.tell("")
        self._show_mask()
        if self.tool == "Polygon":
            self.strokes.remove()
            self.polygon.begin_colour(self.mark.colour)
            return
        self.polygon.rest()
        if not self.width_um.value:
            zoom = self._session.viewer.scene.camera.zoom
            self.width_um.value = float(f"{FIRST_ON_SCREEN / zoom:.2g}")  # comes back here
            return
        width_px = self.width_um.value / self._session.require().pixel_size_um
        self.strokes.begin(self.mark.colour, 0.0 if self.tool == "Fill" else max(width_px, 1.0) / 2)

    def _end(self) -> None:
        self.polygon.rest()
        self.strokes.remove()
        if self._session.section is not None:
            self._session.prefer_bse()

    def _show_mask(self) -> None:
        """Show the mask, and hide results that would lie over it."""
        for one in self._session.viewer.layers:
            mark = one.metadata.get(LAYER_KEY)
            if mark and mark["product"] not in BESIDE:
                one.visible = False
        name, hidden = "olivine", ""
        if self.choice.mark.phase:
            name, hidden = "phases", "olivine"  # which would lie over it
        layer = self._session.layer("mask", name)
        if layer is None:
            layer = self._session.show("mask", name)
        layer.visible = True
        if hidden and (over := self._session.layer("mask", hidden)) is not None:
            over.visible = False

    def _on_stroked(self, places: list[Place]) -> None:
        if self.tool == "Fill":
            row, column = (round(value) for value in places[-1])
            self.problem.tell("")
            self.model.fill(row, column, self.mark.label, self.mark.phase)
            return
        radius = self.strokes.radius_px
        self.problem.tell("")
        line = _simplified(places, radius)
        self.model.do(make_correction(**self._said, tool="brush", line=line, radius_px=radius))

    @property
    def _said(self) -> dict[str, str]:
        return {"label": self.mark.label, "phase": self.mark.phase}

    def _on_polygon(self, corners: Corners) -> None:
        self.polygon.begin_colour(self.mark.colour)  # the next one
        drawn = Polygon("The polygon", (corners,))
        fault = fault_of(drawn, self._session.require().shape)
        if np.ptp(drawn.rings[0], axis=0).max() > LARGEST_DRAWN_PX:
            fault = f"is longer than {LARGEST_DRAWN_PX} px: take smaller ones"
        if fault:
            self._on_failed(EditError(f"The polygon {fault}."))
            return
        self.problem.tell("")
        rings = [np.round(drawn.rings[0], 2).tolist()]
        self.model.do(make_correction(**self._said, tool="polygon", rings=rings))

    def _on_resized(self, wider: bool) -> None:
        if self.tool in ("Brush", "Rub out") and self.width_um.value:
            width = self.width_um.value * (STEP if wider else 1 / STEP)
            least = self._session.require().pixel_size_um
            self.width_um.value = float(f"{max(width, least):.3g}")

    # ------------------------------------------------------------------ listening

    def _on_told(self, words: str) -> None:
        if words:
            self.count.setText(words)
            self.count.show()
        else:
            self.fill()

    def _on_failed(self, problem: Problem) -> None:
        self.problem.setStyleSheet(f"color: {readable(WRONG, self)}")
        self.problem.tell(problem)
        self.set_expanded(True)

    def _on_history(self, step: HistoryStep) -> None:
        target: Any = step.command
        if target.target.kind != "mask":
            return
        size = self._session.require().pixel_size_um
        row0, row1, column0, column1 = (value * size for value in target.correction.box)
        bring_into_view(self._session, (row0, row1), (column0, column1), whole=False)

    def _on_section_opened(self, _section: Any) -> None:
        self.rest()
        self.polygon.remove()
        self.model.read()
        self.fill()

    def _on_product_changed(self, product: str) -> None:
        if product == "mask":
            self.model.read_if_changed()
            self.fill()

    def _look_at_active_soon(self, _event: Any) -> None:
        self._look_at_active.start()  # a layer that is being made is active for a moment

    def _on_active(self) -> None:
        """End the tool when the mouse works on another layer."""
        mine = self.polygon.layer if self.tool == "Polygon" else self.strokes.layer
        if self.tool and self._session.viewer.layers.selection.active is not mine:
            self.rest()


def _olivine_colour(notes: Mapping[str, Any]) -> str:
    """Colour of olivine among the phases of a mask, or alone."""
    colours = [mode["colour"] for mode in notes.get("modes") or () if mode["code"] == OLIVINE_CODE]
    return next(iter(colours), COLOURS["olivine"])


def _told(notes: Mapping[str, Any]) -> str:
    """Tell what corrections changed in a mask; nothing where there are none."""
    told = notes.get("corrections")
    if not told:
        return ""
    more = {"olivine": told["olivine_px"], **told.get("phases_px", {})}
    changes = ", ".join(f"{count:+,} pixels of {name}" for name, count in more.items())
    words = f"{told['corrected_px']:,} pixels are corrected; the mask has {changes} by them."
    missing = told.get("missing_phases")
    return f"{words} {missing_words(missing)}" if missing else words


def _simplified(places: list[Place], radius_px: float) -> list[Place]:
    """Leave out places of a stroke that its line passes anyway."""
    line = np.array(places, np.float32).reshape(-1, 1, 2)
    if len(line) > 2:
        exact = max(COARSENESS * radius_px, 0.25)
        line = np.asarray(cv2.approxPolyDP(line, exact, closed=False), np.float32)
    return [(round(float(row), 2), round(float(column), 2)) for row, column in line[:, 0]]
