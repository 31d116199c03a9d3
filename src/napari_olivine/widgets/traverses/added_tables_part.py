"""EPMA tables that a person adds to the section and takes away again, and their columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QVBoxLayout, QWidget

from napari_olivine.errors import EditError
from napari_olivine.history import Command, Target
from napari_olivine.readers import AddTablesSettings, added_files, added_folder
from napari_olivine.readers.epma import SUFFIXES
from napari_olivine.section import Section
from napari_olivine.widgets.common import Connections, choose_files, push_button, row_layout
from napari_olivine.widgets.state import OpenSection

Start = Callable[[AddTablesSettings], None]
"""Starts the step with its settings."""


class AddedTablesPart(QWidget):
    """Buttons to add tables, to take one away, and to say what the columns hold.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    start
        Starts ``add-tables``.
    """

    columns_wanted = Signal(str, str)
    """Folder of tables, and the one of them whose columns a person wants to name."""

    def __init__(self, session: OpenSection, connections: Connections, start: Start) -> None:
        super().__init__()
        self._session, self._start = session, start
        self._tried: tuple[Path, ...] = ()
        self._unread = ""
        self.add_button = push_button(
            "Add tables...", self.add, "Take EPMA tables into the section from any folder"
        )
        self.remove_button = push_button(
            "Remove a table", None, "Take a table away again that was added; Undo brings it back"
        )
        self.removable = QMenu(self)
        self.remove_button.setMenu(self.removable)
        self.columns_button = push_button(
            "Columns of EPMA tables...",
            self.name_columns,
            "Say what the columns hold, of added tables or of one that could not be read",
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row_layout(self.add_button, self.remove_button))
        layout.addWidget(self.columns_button)
        connections.on_close(lambda: session.history.forget("table"))

    def show_state(self) -> None:
        """Enable what can be done now."""
        section, free = self._session.section, not self._session.jobs.running
        there = added_files(section) if section is not None else []
        self.removable.clear()
        for name in there:
            action = self.removable.addAction(name)
            action.triggered.connect(lambda _=False, name=name: self.remove(name))
        self.add_button.setEnabled(free and section is not None)
        self.remove_button.setEnabled(free and bool(there))
        self.columns_button.setEnabled(free)
        self.columns_button.setVisible(bool(there or self._unread))

    def add(self) -> None:
        """Let the person choose tables, and take them into the section."""
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        kinds = f"EPMA tables ({patterns});;All files (*)"
        if files := choose_files(self, "Add EPMA tables", kinds):
            self._try(tuple(Path(file) for file in files))

    def remove(self, name: str) -> None:
        """Take a table away that was added; that is an edit which can be taken back."""
        section = self._session.require()
        files = {
            file.name: file.read_bytes()
            for file in added_folder(section).iterdir()
            if file.is_file()
        }
        here = _Here(section, self._session, self._start)
        self._session.history.do(_Removal(here, name, files, section.annotation("placements")))

    def could_not_read(self, file: str) -> None:
        """Remember the file that could not be added: its columns can be named now."""
        tried = {str(path): path for path in self._tried}
        self._unread = file if file in tried else next(iter(tried), "")
        self.show_state()

    def name_columns(self) -> None:
        """Ask for the window in which the columns are named."""
        if self._unread:
            self.columns_wanted.emit(str(Path(self._unread).parent), Path(self._unread).name)
        else:
            section = self._session.require()
            self.columns_wanted.emit(str(added_folder(section)), added_files(section)[0])

    def look_again(self) -> None:
        """Read the tables anew whose columns were named."""
        self._try(self._tried if self._unread else ())

    def forget_failed(self) -> None:
        """Forget the tables that could not be added: they could, or another section is open."""
        self._tried, self._unread = (), ""

    def _try(self, tables: tuple[Path, ...]) -> None:
        self.forget_failed()
        self._tried = tables
        self._start(AddTablesSettings(tables=tables))


@dataclass(frozen=True)
class _Here:
    """Where the edits of tables happen."""

    section: Section
    session: OpenSection
    start: Start

    def require_rest(self) -> None:
        if self.session.jobs.running:
            raise EditError("A step is at work on the section: wait for it to end.")


@dataclass(frozen=True)
class _Removal:
    """A table that was added is taken away, with the lines of its profiles."""

    here: _Here
    name: str
    files: dict[str, bytes] = field(repr=False)
    placements: pd.DataFrame = field(repr=False)

    @property
    def target(self) -> Target:
        return Target("table", "")

    def do(self) -> None:
        self.here.require_rest()
        self.here.start(AddTablesSettings(remove=(self.name,)))

    def inverse(self) -> Command:
        return _Return(self)

    def describe(self) -> str:
        return f"EPMA table {self.name} taken away"


@dataclass(frozen=True)
class _Return:
    """A table that was taken away comes back as it was."""

    removal: _Removal

    @property
    def target(self) -> Target:
        return Target("table", self.removal.name)

    def do(self) -> None:
        here = self.removal.here
        here.require_rest()
        folder = added_folder(here.section)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.removal.files.items():
            (folder / name).write_bytes(content)
        here.session.annotate("placements", self.removal.placements)
        here.start(AddTablesSettings())

    def inverse(self) -> Command:
        return self.removal

    def describe(self) -> str:
        return self.removal.describe()
