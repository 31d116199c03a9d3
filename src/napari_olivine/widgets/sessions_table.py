"""The table of analytical sessions, whose roles a person sets."""

from __future__ import annotations

from typing import Any, get_args

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QComboBox, QHeaderView, QTableWidget, QTableWidgetItem

from napari_olivine.errors import OlivineError
from napari_olivine.section.sessions import Role
from napari_olivine.widgets.links import Links
from napari_olivine.widgets.session import SectionSession

ROLE_WORDS = {
    "train": "learns from it",
    "val": "decides when training stops",
    "test": "only scores are taken here",
    "none": "left out",
}


class SessionsTable(QTableWidget):
    """Sessions of the open section; a changed role is stored at once.

    Parameters
    ----------
    session
        Session of the viewer.
    links
        Connections of the dock.
    """

    failed = Signal(str)
    """Why a role could not be stored."""

    def __init__(self, session: SectionSession, links: Links) -> None:
        super().__init__(0, 4)
        self._session = session
        self.setHorizontalHeaderLabels(["Session", "x, mm", "y, mm", "Role"])
        self.verticalHeader().hide()
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        links.connect(session.section_opened, self._on_section_opened)
        links.connect(session.annotations_changed, self._on_annotations_changed)
        self.fill()

    def fill(self) -> None:
        """Show the sessions as they are stored."""
        section = self._session.section
        sessions = []
        if section is not None and section.fingerprint("annotations/sessions"):
            sessions = section.sessions()
        self.setRowCount(len(sessions))
        for row, one in enumerate(sessions):
            mm = section.pixel_size_um / 1000 if section else 1.0
            texts = (
                one.session,
                f"{one.col0 * mm:.2f}-{one.col1 * mm:.2f}",
                f"{one.row0 * mm:.2f}-{one.row1 * mm:.2f}",
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                self.setItem(row, column, item)
            roles = QComboBox()
            for role in get_args(Role):
                roles.addItem(role)
                roles.setItemData(roles.count() - 1, ROLE_WORDS[role], Qt.ItemDataRole.ToolTipRole)
            roles.setCurrentText(one.role)
            roles.setToolTip(ROLE_WORDS[one.role])
            roles.textActivated.connect(lambda role, row=row: self.set_role(row, role))
            self.setCellWidget(row, 3, roles)
        height = self.horizontalHeader().sizeHint().height() + 6
        rows = min(len(sessions), 8)
        self.setFixedHeight(height + max(1, rows) * self.verticalHeader().defaultSectionSize())

    def set_role(self, row: int, role: str) -> None:
        """Store the role of a session."""
        try:
            table = self._session.require().annotation("sessions")
            table.loc[row, "role"] = role
            self._session.annotate("sessions", table)
        except OlivineError as error:
            self.failed.emit(str(error))

    def _on_section_opened(self, _section: Any) -> None:
        self.fill()

    def _on_annotations_changed(self, name: str) -> None:
        if name == "sessions":
            self.fill()
