"""The analytical sessions in the Section dock: a table, and rectangles drawn on the images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_olivine.errors import InputError, OlivineError
from napari_olivine.history import HistoryStep
from napari_olivine.section import Section
from napari_olivine.widgets.common import (
    Connections,
    combo,
    heading,
    keep_from_wheel,
    readable,
    wrapped,
)
from napari_olivine.widgets.editing import WindowUndo, bring_into_view
from napari_olivine.widgets.sessions.session_edits import (
    COLUMNS,
    ROLES,
    UNITS,
    Extent,
    SessionEdits,
    range_from_words,
    range_in_words,
)
from napari_olivine.widgets.sessions.session_layer import ROLE_COLOURS, WRONG_COLOUR, SessionLayer
from napari_olivine.widgets.state import OpenSection

if TYPE_CHECKING:
    import pandas as pd

ROLE_WORDS = {
    "train": "learns from it",
    "val": "decides when training stops",
    "test": "only scores are taken here",
    "none": "left out",
}

LATER_MS = 700
"""The images come first: napari's first layer of shapes takes a second of loading."""

NAME, X, Y, ROLE = range(4)
"""Columns of the table."""


class SessionsPart(QWidget):
    """Sessions of the open section: table and rectangles kept in step, each edit stored at once.

    Sessions that overlap or are empty are shown in red and described; nothing is stored until
    that is mended or undone.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    """

    failed = Signal(object)
    """Why sessions could not be stored."""

    def __init__(self, session: OpenSection, connections: Connections) -> None:
        super().__init__()
        self._session = session
        self._filling = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._show_rectangles)
        connections.on_close(self._later.stop)
        self.edits: SessionEdits | None = None
        self.rectangles = SessionLayer(session)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._head())
        self.table = self._make_table()
        column.addWidget(self.table)
        column.addLayout(self._tools())
        self.note = wrapped("")
        self.note.setStyleSheet(f"color: {WRONG_COLOUR}")
        self.note.hide()
        column.addWidget(self.note)
        for signal, slot in (
            (session.section_opened, self._on_section_opened),
            (session.annotations_changed, self._on_annotations_changed),
            (session.product_changed, self._on_product_changed),
            (session.viewer.layers.events.inserted, self._on_layer_inserted),
            (session.viewer.layers.events.removed, self._on_layer_removed),
            (self.rectangles.drawn, self._on_drawn),
            (self.rectangles.moved, self._on_moved),
            (self.rectangles.removed, self._on_removed),
            (self.rectangles.selected, self._on_selected),
            (session.history.moved, self._on_history),
        ):
            connections.connect(signal, slot)
        connections.on_close(self.rectangles.remove)
        connections.on_close(lambda: session.history.forget("session"))
        WindowUndo.of(session).follow(self.tools["Undo"], connections)
        self.read()

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(heading("Sessions"), 1)
        self.snap = QCheckBox("Whole tiles")
        self.snap.setChecked(True)
        self.snap.setToolTip("What is drawn goes to the nearest borders of tiles")
        row.addWidget(self.snap)
        self.unit = combo(UNITS)
        self.unit.setMinimumWidth(70)
        self.unit.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.unit.setToolTip("Unit of the ranges; tiles are counted from 0, both ends included")
        self.unit.textActivated.connect(lambda _unit: self.fill())
        row.addWidget(self.unit)
        return row

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 4)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(24)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(X, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(Y, QHeaderView.ResizeMode.Stretch)
        table.itemChanged.connect(self._on_typed)
        table.itemSelectionChanged.connect(self._on_row)
        return table

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.tools: dict[str, QPushButton] = {}
        for name, action, tip in (
            ("Draw", self.draw, "Draw a new session: press the mouse at a corner, drag, release"),
            ("Change", self.change, "Move sessions, and drag their sides and corners"),
            ("Delete", self.delete, "Take the chosen session away"),
            ("Undo", None, ""),
        ):
            button = self.tools[name] = QPushButton(name)
            button.setToolTip(tip)
            button.setMinimumWidth(40)
            if action is not None:
                button.clicked.connect(action)
            row.addWidget(button)
        return row

    # ------------------------------------------------------------------ showing

    def read(self) -> None:
        """Read the sessions as they are stored; earlier edits of them cannot be taken back."""
        section, history = self._session.section, self._session.history
        history.forget("session")
        self.edits = None
        if section is not None:
            edges = section.tile_edges()
            self.edits = SessionEdits(_stored(section), section.shape, edges, history)
            self.edits.changed.connect(self._on_edited)
        tiles = self.edits is not None and self.edits.edges is not None
        self.snap.setVisible(tiles)
        if not tiles and self.unit.currentText() == "tiles":
            self.unit.setCurrentText("mm")
        item = self.unit.model().item(UNITS.index("tiles"))
        item.setEnabled(tiles)
        self.fill()

    def fill(self) -> None:
        """Show the sessions, in the table and on the images."""
        edits, section = self.edits, self._session.section
        self.setVisible(edits is not None)
        if edits is None or section is None:
            self.table.setRowCount(0)
            return
        unit, size = self.unit.currentText(), section.pixel_size_um
        edges = edits.edges or (None, None)
        wrong = edits.problems()
        self._filling = True
        self.table.setHorizontalHeaderLabels(["Name", f"x, {unit}", f"y, {unit}", "Role"])
        self.table.setRowCount(len(edits))
        for row, name in enumerate(edits.names):
            extent = edits.extent(row)
            texts = (
                name,
                range_in_words(extent.col0, extent.col1, unit, size, edges[1]),
                range_in_words(extent.row0, extent.row1, unit, size, edges[0]),
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(wrong.get(row, "Double click to change it"))
                if row in wrong:
                    item.setForeground(QColor(readable(WRONG_COLOUR, self)))
                self.table.setItem(row, column, item)
            self.table.setCellWidget(row, ROLE, self._role_box(row, edits.role(row)))
        self._filling = False
        rows = min(max(len(edits), 1), 8)
        height = self.table.horizontalHeader().sizeHint().height() + 6
        self.table.setFixedHeight(height + rows * self.table.verticalHeader().defaultSectionSize())
        self.note.setText(f"{' '.join(wrong.values())} Not stored until that is mended or undone.")
        self.note.setVisible(bool(wrong))
        if self.rectangles.there:
            self.rectangles.show(edits)
        elif len(edits) > 1:
            self._later.start(LATER_MS)

    def _show_rectangles(self) -> None:
        if self.edits is not None and not self.rectangles.there:
            self.rectangles.show(self.edits)

    def _role_box(self, row: int, role: str) -> QComboBox:
        box = keep_from_wheel(QComboBox())
        for one in ROLES:
            box.addItem(one)
            box.setItemData(box.count() - 1, ROLE_WORDS[one], Qt.ItemDataRole.ToolTipRole)
            colour = QColor(readable(ROLE_COLOURS[one], self))
            box.setItemData(box.count() - 1, colour, Qt.ItemDataRole.ForegroundRole)
        box.setCurrentText(role)
        box.setStyleSheet(f"QComboBox {{ color: {readable(ROLE_COLOURS[role], self)}; }}")
        box.setToolTip(ROLE_WORDS[role])
        box.textActivated.connect(lambda text, row=row: self.set_role(row, text))
        return box

    def rest(self) -> None:
        """Leave drawing: another dock comes to the front."""
        self.rectangles.rest()

    # ------------------------------------------------------------------ editing

    def draw(self) -> None:
        """Let the person draw a session."""
        if self._ready():
            self.rectangles.draw_mode()

    def change(self) -> None:
        """Let the person move sessions and their sides."""
        if self._ready():
            self.rectangles.change_mode()
            self._on_row()

    def delete(self) -> None:
        """Take the chosen session away."""
        rows = [index.row() for index in self.table.selectionModel().selectedRows()]
        if self.edits is not None and rows:
            self.edits.remove(rows)

    def set_role(self, row: int, role: str) -> None:
        """Set what a session is used for."""
        if self.edits is not None:
            self.edits.set_role(row, role)

    def _ready(self) -> bool:
        if self.edits is None:
            return False
        self._show_rectangles()
        return True

    def _on_drawn(self, extent: tuple[float, float, float, float]) -> None:
        if self.edits is not None:
            before = len(self.edits)
            self.edits.add(self.edits.snapped(extent, to_tiles=self.snap.isChecked()))
            self.table.selectRow(before)

    def _on_moved(self, extents: dict[int, tuple[float, float, float, float]]) -> None:
        if self.edits is not None:
            whole = {
                row: self.edits.snapped(extent, to_tiles=self.snap.isChecked())
                for row, extent in extents.items()
            }
            self.edits.move(whole)
            self.fill()  # also where it snaps back to what it was

    def _on_removed(self, rows: list[int]) -> None:
        if self.edits is not None:
            self.edits.remove(rows)

    def _on_selected(self, row: int) -> None:
        self.table.selectRow(row)

    def _on_typed(self, item: QTableWidgetItem) -> None:
        edits, section = self.edits, self._session.section
        if self._filling or edits is None or section is None:
            return
        row, column, text = item.row(), item.column(), item.text()
        self.failed.emit("")
        if column == NAME:
            edits.rename(row, text)
            return
        axis = 1 if column == X else 0
        edges = edits.edges[axis] if edits.edges is not None else None
        try:
            ends = range_from_words(text, self.unit.currentText(), section.pixel_size_um, edges)
        except InputError as error:
            self.failed.emit(error)
            self.fill()
            return
        extent = list(edits.extent(row))
        extent[2 * axis : 2 * axis + 2] = ends
        edits.move({row: Extent(*extent)})
        self.fill()

    def _on_row(self) -> None:
        for index in self.table.selectionModel().selectedRows():
            self.rectangles.choose(index.row())

    def _on_edited(self) -> None:
        """Store the sessions if there is nothing wrong with them."""
        edits = self.edits
        if edits is None:
            return
        try:
            if not edits.problems() and not edits.same_as(_stored(self._session.require())):
                self._session.annotate("sessions", edits.to_store)
        except (OlivineError, OSError) as error:
            self.failed.emit(error)
        self.fill()

    def _on_history(self, step: HistoryStep) -> None:
        """Choose the session whose edit was taken back or done again, and show it."""
        edits, section, name = self.edits, self._session.section, step.command.target.name
        if step.command.target.kind != "session" or edits is None or section is None:
            return
        if name in edits.names:
            row = edits.names.index(str(name))
            self.table.selectRow(row)
            extent, size = edits.extent(row), section.pixel_size_um
            bring_into_view(
                self._session,
                (extent.row0 * size, extent.row1 * size),
                (extent.col0 * size, extent.col1 * size),
            )

    # ------------------------------------------------------------------ listening

    def _on_section_opened(self, _section: Any) -> None:
        self.rectangles.remove()
        self.read()

    def _on_annotations_changed(self, name: str) -> None:
        """Follow a change from elsewhere; one's own is here already."""
        if name != "sessions" or self._session.section is None:
            return
        if self.edits is None or not self.edits.same_as(_stored(self._session.section)):
            self.read()

    def _on_product_changed(self, product: str) -> None:
        if product == "images":
            self.read()

    def _on_layer_inserted(self, _event: Any) -> None:
        """Wait on while images are being added; napari answers to timers meanwhile."""
        if self._later.isActive():
            self._later.start(LATER_MS)

    def _on_layer_removed(self, _event: Any) -> None:
        """Forget a layer that the person has taken away; the next edit makes it again."""
        if self.rectangles.layer is not None and not self.rectangles.there:
            self.rectangles.layer = None


def _stored(section: Section) -> pd.DataFrame:
    if not section.fingerprint("annotations/sessions"):
        import pandas as pd

        return pd.DataFrame(columns=COLUMNS)
    return section.annotation("sessions")
