"""Small tables in a dock: a few rows that a person reads."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget

ROW_HEIGHT = 22
MOST_ROWS = 8
"""Rows that are shown without scrolling."""


def small_table(titles: Sequence[str], resize_mode: QHeaderView.ResizeMode) -> QTableWidget:
    """Make a table without rows whose cells cannot be selected.

    Parameters
    ----------
    titles
        Titles of the columns.
    resize_mode
        How columns take their width.
    """
    table = QTableWidget(0, len(titles))
    table.setHorizontalHeaderLabels(list(titles))
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.horizontalHeader().setSectionResizeMode(resize_mode)
    return table


def fit_rows(table: QTableWidget) -> None:
    """Give a table the height of its rows, of `MOST_ROWS` at most."""
    rows = min(table.rowCount(), MOST_ROWS)
    height = table.horizontalHeader().sizeHint().height() + 6
    table.setFixedHeight(height + rows * table.verticalHeader().defaultSectionSize())
