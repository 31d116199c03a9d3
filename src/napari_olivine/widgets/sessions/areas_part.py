"""Areas that the program suggests, in the Section dock: looked at, moved, taken as sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_olivine.areas import Area, AreasSettings
from napari_olivine.widgets.common import (
    Collapsible,
    Connections,
    SettingsForm,
    fit_rows,
    push_button,
    readable,
    row_layout,
    small_table,
    wrapped,
)
from napari_olivine.widgets.editing import bring_into_view
from napari_olivine.widgets.sessions.area_layer import AreaLayer
from napari_olivine.widgets.sessions.session_layer import ROLE_COLOURS
from napari_olivine.widgets.sessions.sessions_table import SessionsPart
from napari_olivine.widgets.state import OpenSection

EXPLANATION = (
    "Which tiles to train on, or to measure by EDS: a small part of the section that shows every "
    "mineral and every size of crystal, or, without a mask, every texture."
)
TITLE = "Suggest areas"
BY_HAND = "moved by hand"
HEADS = ("Area", "Role", "Why")


class AreasPart(Collapsible):
    """Asks for areas, shows them, and hands them to the sessions.

    Parameters
    ----------
    session
        Open section of the viewer.
    sessions
        The part with the sessions, which take the areas.
    connections
        Connections of the dock.
    """

    wanted = Signal()
    """The person asks for a suggestion."""

    def __init__(
        self, session: OpenSection, sessions: SessionsPart, connections: Connections
    ) -> None:
        super().__init__(TITLE, expanded=False)
        self._session, self._sessions = session, sessions
        self._coming: list[Area] = []
        self._looked_at: list[str] = []
        self._words = ""
        self.areas: list[Area] = []
        self.shapes = AreaLayer(session)
        self.inside.addWidget(wrapped(EXPLANATION))
        self.form = SettingsForm(AreasSettings, hidden=("apply",), step="areas")
        self.inside.addWidget(self.form)
        self.suggest_button = push_button(
            "Suggest", self.wanted.emit, "Look for areas; nothing changes until you take them"
        )
        self.change_button = push_button(
            "Move", self.change, "Move areas and their sides; the key Delete takes one away"
        )
        self.take_button = push_button(
            "Take",
            self.take,
            "Make them sessions for training and validation; Ctrl-Z takes it back",
        )
        self.drop_button = push_button("Drop", self.clear, "Forget the suggestion")
        self.inside.addLayout(row_layout(self.suggest_button, self.change_button))
        self.inside.addLayout(row_layout(self.take_button, self.drop_button))
        self.table = self._make_table()
        self.inside.addWidget(self.table)
        self.about = wrapped()
        self.inside.addWidget(self.about)
        for signal, slot in (
            (session.section_opened, self._on_section_opened),
            (self.shapes.moved, self._on_moved),
            (self.shapes.removed, self._on_removed),
            (self.shapes.selected, self._on_selected),
        ):
            connections.connect(signal, slot)
        connections.on_close(self.shapes.remove)
        self.fill()

    def _make_table(self) -> QTableWidget:
        table = small_table(HEADS, QHeaderView.ResizeMode.ResizeToContents)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.horizontalHeader().setStretchLastSection(True)
        table.cellClicked.connect(self._on_row)
        return table

    # ------------------------------------------------------------------ the running step

    def begin(self) -> None:
        """Wait for the areas of a step that starts."""
        self._coming, self._looked_at, self._words = [], [], ""

    def hear(self, event: dict[str, Any]) -> None:
        """Keep what the running step reports."""
        if event.get("event") == "area":
            row0, row1, col0, col1 = (int(side) for side in event["bounds"])
            words = (str(event[name]) for name in ("within", "place", "why"))
            name, role = str(event["area"]), str(event["role"])
            self._coming.append(Area(name, role, row0, row1, col0, col1, *words))
        elif event.get("event") == "areas":
            self._looked_at = [str(name) for name in event["looked_at"]]
            self._words = "\n".join(str(sentence) for sentence in event["words"])

    def end(self) -> None:
        """Show the areas of the step, which ended well."""
        self.areas = self._coming
        self.set_expanded(True)
        self.fill()

    # ------------------------------------------------------------------ showing

    def fill(self, chosen: str = "") -> None:
        """Show the areas, in the table and on the images.

        Parameters
        ----------
        chosen
            Name of the chosen one, empty for none.
        """
        self.setVisible(self._session.section is not None)
        for button in (self.take_button, self.drop_button, self.change_button):
            button.setEnabled(bool(self.areas))
        for widget in (self.table, self.about):
            widget.setVisible(bool(self.areas))
        self.set_title(f"{TITLE}: {len(self.areas)}" if self.areas else TITLE)
        self.about.setText(self._words)
        self.table.setRowCount(len(self.areas))
        for row, one in enumerate(self.areas):
            for column, text in enumerate((one.name, one.role, one.why)):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{one.place}. {one.why}")
                if column == 1:
                    item.setForeground(QColor(readable(ROLE_COLOURS[one.role], self)))
                self.table.setItem(row, column, item)
            if one.name == chosen:
                self.table.selectRow(row)
        fit_rows(self.table)
        if self.areas:
            self.shapes.show_areas(self.areas, chosen)
        else:
            self.shapes.remove()

    def rest(self) -> None:
        """Leave moving: another dock comes to the front."""
        self.shapes.rest()

    def clear(self) -> None:
        """Forget the suggestion."""
        self.areas = []
        self.fill()

    # ------------------------------------------------------------------ what the person does

    def change(self) -> None:
        """Let the person move areas and their sides."""
        self.shapes.change_mode()

    def take(self) -> None:
        """Make the areas sessions, in one edit."""
        edits, areas = self._sessions.edits, self.areas
        if edits is None or not areas:
            return
        self.clear()
        edits.take_areas(areas, self._looked_at)

    def _on_moved(self, extents: dict[str, tuple[float, float, float, float]]) -> None:
        edits = self._sessions.edits
        if edits is None:
            return
        areas = {one.name: one for one in self.areas}
        for name, sides in extents.items():
            extent = edits.snapped(sides, to_tiles=self._sessions.snap.isChecked())
            words = {"within": edits.around(extent), "place": BY_HAND, "why": BY_HAND}
            areas[name] = replace(areas[name], **extent._asdict(), **words)
        self.areas = list(areas.values())
        self.fill(next(iter(extents)))

    def _on_removed(self, names: list[str]) -> None:
        self.areas = [one for one in self.areas if one.name not in names]
        self.fill()

    def _on_selected(self, name: str) -> None:
        for row, one in enumerate(self.areas):
            if one.name == name:
                self.table.selectRow(row)

    def _on_row(self, row: int, _column: int) -> None:
        section, one = self._session.section, self.areas[row]
        if section is not None:
            size = section.pixel_size_um
            bring_into_view(
                self._session,
                (one.row0 * size, one.row1 * size),
                (one.col0 * size, one.col1 * size),
            )
            self.shapes.mark({one.name})
        self.about.setText(f"{one.name}, {one.place}: {one.why}.\n\n{self._words}")

    def _on_section_opened(self, _section: object) -> None:
        self._words = ""
        self.clear()
