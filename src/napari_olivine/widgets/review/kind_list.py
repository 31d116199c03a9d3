"""The kinds of a section: a key, a colour, and how many crystals were given it or recognised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QHeaderView, QLineEdit, QTableWidgetItem, QWidget

from napari_olivine.crystals import KIND, NONE_OF_THESE, RECOGNISED, without_spelling
from napari_olivine.widgets.common import (
    column_layout,
    fit_rows,
    push_button,
    row_layout,
    small_table,
)

KEYS = "123456789"
"""Keys that give a kind, by its place in the list."""


class KindList(QWidget):
    """List of kinds, and a field to add one. A click on a row gives its kind, as its key does."""

    given = Signal(str)
    """The kind of the row that was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        """Kinds in the order of their keys, which a new one does not change."""
        self.table = small_table(
            ("Key", "Kind", "Given", "Recognised"), QHeaderView.ResizeMode.ResizeToContents
        )
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.cellClicked.connect(self._on_clicked)
        self.field = QLineEdit()
        self.field.setPlaceholderText("New kind: xenocryst")
        self.field.returnPressed.connect(self._on_added)
        self.add_button = push_button("Add", self._on_added, "Add this kind; it gets the next key")
        column_layout(self, self.table, row_layout(self.field, self.add_button, wide=self.field))

    def forget(self) -> None:
        """Forget the kinds: another section was opened."""
        self.names = []

    def know(self, kinds: Iterable[str]) -> None:
        """Give the next keys to kinds that are new; they act at once, whatever is still to show."""
        known = {without_spelling(name) for name in self.names} | {"", NONE_OF_THESE}
        self.names += [name for name in kinds if without_spelling(name) not in known]

    def show_counts(self, table: pd.DataFrame, colours: Mapping[str, str]) -> None:
        """Show how many crystals have each kind.

        Parameters
        ----------
        table
            Table of crystals, with the columns of what was recognised where there are any.
        colours
            Colour by kind; others are grey.
        """
        given = _counts(table, KIND)
        recognised = _counts(table, RECOGNISED[0])
        self.know(sorted({*given, *recognised}))
        refused = [NONE_OF_THESE] if recognised.get(NONE_OF_THESE) else []
        rows = [*self.names, *refused]
        self.table.setRowCount(len(rows))
        for row, name in enumerate(rows):
            key = KEYS[row] if row < len(self.names) and row < len(KEYS) else ""
            texts = (key, name, given.get(name, 0), recognised.get(name, 0) if recognised else "")
            for column, text in enumerate(texts):
                item = QTableWidgetItem(str(text))
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                if column == 0:
                    item.setForeground(QColor("#000000"))
                    item.setBackground(QColor(colours.get(name, "#808080")))
                self.table.setItem(row, column, item)
        fit_rows(self.table)

    def _on_clicked(self, row: int, _column: int) -> None:
        if row < len(self.names):
            self.given.emit(self.names[row])

    def _on_added(self) -> None:
        name = " ".join(self.field.text().split())
        if name:
            self.field.clear()
            self.field.clearFocus()
            self.given.emit(name)


def _counts(table: pd.DataFrame, column: str) -> dict[str, int]:
    if column not in table:
        return {}
    return {str(name): int(count) for name, count in table[column].value_counts().items()}
