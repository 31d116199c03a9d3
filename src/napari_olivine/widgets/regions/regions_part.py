"""The region of study in the Section dock: draw what to keep and what to leave out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)
from typing_extensions import override

from napari_olivine.polygons import Polygon, fault_of
from napari_olivine.regions import CLASSES, Region, polygon_mm2, read_regions, studied_mm2
from napari_olivine.section import REGION_COLUMNS, REGIONS, Section
from napari_olivine.widgets.common import (
    Connections,
    fit_rows,
    push_button,
    readable,
    row_layout,
    single_shot,
    small_table,
    wrapped,
)
from napari_olivine.widgets.dock_base import Question
from napari_olivine.widgets.editing import Corners, PolygonsPart
from napari_olivine.widgets.regions.region_edits import USE_WORDS, RegionEdits, Ring
from napari_olivine.widgets.regions.region_layer import LOOKS, RegionLayer
from napari_olivine.widgets.state import OpenSection

EXPLANATION = (
    "Without a region the whole section is studied. Keep: only what lies in these polygons. Leave "
    "out: never studied (label, glue, a xenolith). Click the corners, double-click the last one."
)

LATER_MS = 700
"""The images come first: napari's first layer of shapes takes a second of loading."""

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

HEADS = ("Region", "Use", "mm²")


class RegionsPart(PolygonsPart[RegionEdits, RegionLayer]):
    """Region of study of the open section; each edit is stored at once.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    """

    title = "Region of study"
    annotation, columns, model = REGIONS, REGION_COLUMNS, RegionEdits

    def __init__(self, session: OpenSection, connections: Connections) -> None:
        super().__init__(session, connections, RegionLayer(session))
        self._use = "keep"
        self._known: dict[bytes, tuple[str, float]] = {}
        self._later = single_shot(self, LATER_MS, self.show_shapes)
        self.inside.addWidget(wrapped(EXPLANATION))
        self.tools = {
            name: push_button(name, slot, tip)
            for name, slot, tip in (
                ("Keep", lambda: self.draw("keep"), "Draw a part of the section to study"),
                ("Leave out", lambda: self.draw("leave_out"), "Draw a part not to study"),
                ("Change", self.change, "Drag the corners of polygons"),
                ("Remove", self.remove, "Take the chosen polygon away"),
                ("Load...", self.load, "Take the polygons of a GeoJSON file, e.g. of QuPath"),
            )
        }
        keep, leave_out, change, remove, load = self.tools.values()
        self.freehand = QCheckBox("Freehand")
        self.freehand.setToolTip("Draw with the button held down instead of clicking the corners")
        self.inside.addLayout(row_layout(keep, leave_out, self.freehand))
        self.inside.addLayout(row_layout(change, remove, load))
        self.question = Question()
        self.inside.addWidget(self.question)
        self.table = self._make_table()
        self.inside.addWidget(self.table)
        self.area = wrapped()
        self.inside.addWidget(self.area)
        self.note = wrapped()
        self.note.setStyleSheet(f"color: {LOOKS['wrong']}")
        self.inside.addWidget(self.note)
        connections.on_close(self._later.stop)
        self.listen()

    def _make_table(self) -> QTableWidget:
        table = small_table(HEADS, QHeaderView.ResizeMode.Stretch)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.cellClicked.connect(self._on_row)
        return table

    # ------------------------------------------------------------------ showing

    @override
    def fill(self) -> None:
        edits, section = self.edits, self._session.section
        self.setVisible(section is not None)
        names = edits.names if edits is not None else []
        if self.current not in names:
            self.current = names[-1] if names else ""
        for name, tool in self.tools.items():
            tool.setEnabled(bool(names) if name in ("Change", "Remove") else edits is not None)
        self.set_title(f"{self.title}: {len(names)}" if names else self.title)
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
            self.show_shapes()
        elif names:
            self._later.start()

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

    @override
    def show_shapes(self) -> None:
        section = self._session.section
        if self.edits is not None and section is not None:
            faults = self._faults(self.edits.polygons(section.pixel_size_um))
            self.shapes.show(self.edits, faults, self.current)

    @override
    def key(self, name: str) -> Ring:
        return name, 0

    @override
    def name(self, key: Ring) -> str:
        return key[0]

    @override
    def mark(self) -> None:
        if self.edits is not None:
            self.shapes.mark({key for key in self.edits.rings if key[0] == self.current})
            self.table.selectRow(self.edits.names.index(self.current))

    # ------------------------------------------------------------------ editing

    def draw(self, use: str) -> None:
        """Let the person draw a polygon.

        Parameters
        ----------
        use
            ``"keep"`` or ``"leave_out"``.
        """
        self._use = use
        self.show_layer()
        self.shapes.begin_use(use, freehand=self.freehand.isChecked())

    def remove(self) -> None:
        """Take the chosen polygon away."""
        if self.edits is not None and self.current in self.edits.names:
            self.edits.remove([(self.current, 0)])

    @override
    def add(self, corners: Corners) -> None:
        if self.edits is not None:
            self.edits.add(self._use, corners)

    @override
    def take(self, file: Path) -> None:
        polygons, others = read_regions(file, "keep")
        unsaid = sum(not one.classification for one in polygons)
        if unsaid:
            self.question.ask(
                f"{file.name} does not state the use of {_polygons(unsaid)}.",
                {
                    words: lambda use=use: self._take(polygons, others, file, use)
                    for use, words in CLASSES.items()
                },
            )
        else:
            self._take(polygons, others, file)

    def _take(
        self, polygons: Sequence[Polygon], others: int, file: Path, otherwise: str = ""
    ) -> None:
        """Take polygons; those whose class tells no use get this one."""
        section = self._session.section
        if self.edits is None or section is None:
            return
        self.choose_last()
        used = [replace(one, classification=one.classification or otherwise) for one in polygons]
        self.edits.take(used, section.pixel_size_um, str(file))
        self.bring_into_view()
        if others:
            self.failed.emit(f"{file}: {others} of its objects {_is(others)} no polygon: left out.")

    def _on_row(self, row: int, _column: int) -> None:
        if self.edits is not None:
            self.current = self.edits.names[row]
            self.fill()
            self.bring_into_view()

    @override
    def read(self) -> None:
        self.question.close_question()  # it was about the section that was open
        super().read()


def _key(polygon: Polygon) -> bytes:
    return b"|".join(ring.tobytes() for ring in polygon.rings)


def _polygons(count: int) -> str:
    return "1 polygon" if count == 1 else f"{count} polygons"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
