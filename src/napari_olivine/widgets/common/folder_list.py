"""A list of folders that a person adds to and takes from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_olivine.widgets.common.choosing import choose_folder
from napari_olivine.widgets.common.controls import push_button

MOST_ROWS = 4
"""Rows that are seen at once."""


class FolderList(QWidget):
    """A list of folders, with a button to add one and one to take the chosen ones away.

    Parameters
    ----------
    title
        What is asked for, above the dialogue.
    value
        Folders at first.
    """

    changed = Signal()

    def __init__(self, title: str, value: Iterable[Path] = ()) -> None:
        super().__init__()
        self._title = title
        self.list = QListWidget()
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.add_button = push_button("Add...", self._choose, "Choose one more folder")
        self.remove_button = push_button("Remove", self._remove, "Take the chosen folders away")
        self.list.itemSelectionChanged.connect(self._show_remove)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.remove_button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addLayout(buttons)
        self.value = tuple(value)

    @property
    def native(self) -> QWidget:
        """The widget itself, as fields of a form have it."""
        return self

    @property
    def value(self) -> tuple[Path, ...]:
        """The folders."""
        return self._value

    @value.setter
    def value(self, folders: Iterable[Path]) -> None:
        self._value = tuple(dict.fromkeys(map(Path, folders)))
        self.list.clear()
        for folder in self._value:
            item = QListWidgetItem("/".join(folder.parts[-2:]))
            item.setToolTip(str(folder))
            self.list.addItem(item)
        height = self.list.sizeHintForRow(0) * min(len(self._value), MOST_ROWS)
        self.list.setFixedHeight(height + 2 * self.list.frameWidth() + 4)
        self.list.setVisible(bool(self._value))
        self._show_remove()
        self.changed.emit()

    def _choose(self) -> None:
        if folder := choose_folder(self, self._title):
            self.value = (*self._value, Path(folder))

    def _remove(self) -> None:
        gone = {self.list.row(item) for item in self.list.selectedItems()}
        self.value = tuple(one for row, one in enumerate(self._value) if row not in gone)

    def _show_remove(self) -> None:
        self.remove_button.setVisible(bool(self._value))
        self.remove_button.setEnabled(bool(self.list.selectedItems()))
