"""The region of study in the Section dock: draw what to keep and what to leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_olivine.errors import OlivineError
from napari_olivine.history import HistoryStep
from napari_olivine.polygons import Polygon, fault_of
from napari_olivine.regions import Region, polygon_mm2, studied_mm2
from napari_olivine.section import REGION_COLUMNS, REGIONS, Section
from napari_olivine.widgets.common import (
    Collapsible,
    Connections,
    fit_rows,
    push_button,
    readable,
    row_layout,
    single_shot,
    small_table,
    wrapped,
)
from napari_olivine.widgets.editing import bring_into_view, extent_of
from napari_olivine.widgets.regions.region_edits import USE_WORDS, Corners, RegionEdits, Ring
from napari_olivine.widgets.regions.region_layer import LOOKS, RegionLayer
from napari_olivine.widgets.state import OpenSection

if TYPE_CHECKING:
    import pandas as pd

EXPLANATION = (
    "Without a region the whole section is studied. Keep: only what lies in these polygons. Leave "
    "out: never studied (label, glue, a xenolith). Click the corners, double-click the last one."
)

LATER_MS = 700
"""The images come first: napari's first layer of shapes takes a second of loading."""

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

HEADS = ("Region", "Use", "mm²")


class RegionsPart(Collapsible):
    """Region of study of the open section; each edit is stored at once.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    """

    failed = Signal(object)
    """Why a region could not be read or stored."""

    def __init__(self, session: OpenSection, connections: Connections) -> None:
        super().__init__("Region of study", expanded=False)
        self._session = session
        self._use = "keep"
        self._known: dict[bytes, tuple[str, float]] = {}
        self.edits: RegionEdits | None = None
        self.current = ""
        self.shapes = RegionLayer(session)
        self._later = single_shot(self, LATER_MS, self._show_shapes)
        self.inside.addWidget(wrapped(EXPLANATION))
        self.tools = {
            name: push_button(name, slot, tip)
            for name, slot, tip in (
                ("Keep", lambda: self.draw("keep"), "Draw a part of the section to study"),
                ("Leave out", lambda: self.draw("leave_out"), "Draw a part not to study"),
                ("Change", self.change, "Drag the corners of polygons"),
                ("Remove", self.remove, "Take the chosen polygon away"),
            )
        }
        self.inside.addLayout(row_layout(*self.tools.values()))
        self.table = self._make_table()
        self.inside.addWidget(self.table)
        self.area = wrapped()
        self.inside.addWidget(self.area)
        self.note = wrapped()
        self.note.setStyleSheet(f"color: {LOOKS['wrong']}")
        self.inside.addWidget(self.note)
        for signal, slot in (
            (session.section_opened, self._on_section_opened),
            (session.annotations_changed, self._on_annotations_changed),
            (session.history.moved, self._on_history),
            (self.shapes.drawn, self._on_drawn),
            (self.shapes.moved, self._on_moved),
            (self.shapes.removed, self._on_removed),
            (self.shapes.selected, self._on_selected),
        ):
            connections.connect(signal, slot)
        connections.on_close(self._later.stop)
        connections.on_close(self.shapes.remove)
        connections.on_close(lambda: session.history.forget("region"))
        self.read()

    def _make_table(self) -> QTableWidget:
        table = small_table(HEADS, QHeaderView.ResizeMode.Stretch)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.cellClicked.connect(self._on_row)
        return table

    # ------------------------------------------------------------------ showing

    def read(self) -> None:
        """Read the region as it is stored; earlier edits of it cannot be taken back."""
        section, history = self._session.section, self._session.history
        history.forget("region")
        self.shapes.remove()
        self.edits = None
        if section is not None:
            try:
                self.edits = RegionEdits(_stored(section), history)
                self.edits.changed.connect(self._on_edited)
            except OlivineError as error:
                self.failed.emit(error)
        if self.edits is not None and self.edits.names:
            self.set_expanded(True)
        self.fill()

    def fill(self) -> None:
        """Show the region, in the table, on the images and in words."""
        edits, section = self.edits, self._session.section
        self.setVisible(section is not None)
        names = edits.names if edits is not None else []
        if self.current not in names:
            self.current = names[-1] if names else ""
        for name, tool in self.tools.items():
            tool.setEnabled(bool(names) if name in ("Change", "Remove") else edits is not None)
        self.set_title(f"Region of study: {len(names)}" if names else "Region of study")
        for widget in (self.table, self.area):
            widget.setVisible(bool(names))
        self.note.hide()
        if edits is None or section is None:
            return
        polygons = edits.polygons(section.pixel_size_um)
        self._look_at(polygons, section)
        self._fill_table(polygons)
        self._tell(polygons, section)
        if self.shapes.there:
            self._show_shapes()
        elif names:
            self._later.start()

    def rest(self) -> None:
        """Leave drawing: another dock comes to the front."""
        self.shapes.rest()

    def _look_at(self, polygons: list[Polygon], section: Section) -> None:
        """Find out fault and area of each polygon; of those that stand still they are known."""
        known, self._known = self._known, {}
        for one in polygons:
            key = _key(one)
            self._known[key] = known.get(key) or (
                fault_of(one, section.shape), polygon_mm2(one, section),
            )  # fmt: skip

    def _fill_table(self, polygons: list[Polygon]) -> None:
        self.table.setRowCount(len(polygons))
        for row, one in enumerate(polygons):
            fault, area_mm2 = self._known[_key(one)]
            texts = one.name, USE_WORDS[one.classification], "" if fault else f"{area_mm2:.3g}"
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(fault or "A click shows it")
                if fault:
                    item.setForeground(QColor(readable(LOOKS["wrong"], self)))
                if column == len(texts) - 1:
                    item.setTextAlignment(RIGHT)
                self.table.setItem(row, column, item)
            if one.name == self.current:
                self.table.selectRow(row)
        fit_rows(self.table)

    def _tell(self, polygons: list[Polygon], section: Section) -> None:
        """Say how much is studied, and what is wrong."""
        faults = self._faults(polygons)
        words = "; ".join(f"{name} {fault}" for name, fault in faults.items())
        problem = f"{words}: move its corners (Change), or remove it." if words else ""
        self.area.setText("")
        if polygons and not problem:
            keep, leave_out = (
                [one for one in polygons if one.classification == use] for use in USE_WORDS
            )
            region = Region(section.shape, keep, leave_out)
            studied, imaged = studied_mm2(section, region)
            self.area.setText(f"Studied: {studied:.4g} of {imaged:.4g} mm²")
            if region.empty:
                problem = "Nothing of the section is left: make what is left out smaller."
        self.note.setText(problem)
        self.note.setVisible(bool(problem))

    def _faults(self, polygons: list[Polygon]) -> dict[str, str]:
        found = {one.name: self._known[_key(one)][0] for one in polygons}
        return {name: fault for name, fault in found.items() if fault}

    def _show_shapes(self) -> None:
        section = self._session.section
        if self.edits is not None and section is not None:
            faults = self._faults(self.edits.polygons(section.pixel_size_um))
            self.shapes.show(self.edits, faults, self.current)

    # ------------------------------------------------------------------ editing

    def draw(self, use: str) -> None:
        """Let the person draw a polygon.

        Parameters
        ----------
        use
            ``"keep"`` or ``"leave_out"``.
        """
        self._use = use
        if not self.shapes.there:
            self._show_shapes()
        self.shapes.draw_mode(use)

    def change(self) -> None:
        """Let the person move corners."""
        if not self.shapes.there:
            self._show_shapes()
        self.shapes.change_mode()

    def remove(self) -> None:
        """Take the chosen polygon away."""
        if self.edits is not None and self.current in self.edits.names:
            self.edits.remove([(self.current, 0)])

    def _on_drawn(self, corners: Corners) -> None:
        if self.edits is not None:
            self.current = ""  # the last one, which is the new one
            self.edits.add(self._use, corners)
            if self.shapes.drawing:  # not where it was finished because another dock came in front
                self.shapes.change_mode()

    def _on_moved(self, moved: dict[Ring, Corners]) -> None:
        if self.edits is not None:
            self.current = next(iter(moved))[0]
            self.edits.move(moved)

    def _on_removed(self, rings: list[Ring]) -> None:
        if self.edits is not None:
            self.edits.remove(rings)

    def _on_selected(self, ring: Ring) -> None:
        if self.edits is not None and ring in self.edits.rings:
            self.current = ring[0]
            self.shapes.mark({key for key in self.edits.rings if key[0] == ring[0]})
            self.table.selectRow(self.edits.names.index(ring[0]))

    def _on_row(self, row: int, _column: int) -> None:
        if self.edits is not None:
            self.current = self.edits.names[row]
            self.fill()
            self._bring_into_view()

    def _on_edited(self) -> None:
        """Store the region, also a wrong one: it is described, and the steps refuse it."""
        if self.edits is None:
            return
        try:
            self._session.annotate(REGIONS, self.edits.table)
        except (OlivineError, OSError) as error:
            self.failed.emit(error)
        self.fill()

    def _bring_into_view(self) -> None:
        if self.edits is not None and self.current in self.edits.names:
            corners = self.edits.corners((self.current, 0))
            bring_into_view(self._session, *extent_of(corners))

    # ------------------------------------------------------------------ listening

    def _on_history(self, step: HistoryStep) -> None:
        """Choose the polygon whose edit was taken back or done again, and show it."""
        target, edits = step.command.target, self.edits
        if target.kind == "region" and edits is not None and target.name in edits.names:
            self.current = str(target.name)
            self.fill()
            self._bring_into_view()

    def _on_section_opened(self, _section: Any) -> None:
        self.current = ""
        self.read()

    def _on_annotations_changed(self, name: str) -> None:
        """Follow a change from elsewhere; one's own is here already."""
        section = self._session.section
        if name != REGIONS or section is None:
            return
        if self.edits is None or not self.edits.table.equals(self.edits.ordered(_stored(section))):
            self.read()


def _key(polygon: Polygon) -> bytes:
    return b"|".join(ring.tobytes() for ring in polygon.rings)


def _stored(section: Section) -> pd.DataFrame:
    import pandas as pd

    if not section.has_annotation(REGIONS):
        return pd.DataFrame(columns=[*REGION_COLUMNS])
    return section.annotation(REGIONS)
