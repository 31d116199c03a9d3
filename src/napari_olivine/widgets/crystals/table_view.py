"""The view of the crystal table: selection and scroll position survive a change of the table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView
from superqt.utils import signals_blocked
from typing_extensions import override

from napari_olivine.widgets.crystals.table_model import CrystalModel


class CrystalTableView(QTableView):
    """Table of crystals with one selected row.

    Parameters
    ----------
    crystals
        Model of the table.
    """

    chosen = Signal(int)
    """A person chose a crystal, by the mouse or the keyboard."""

    def __init__(self, crystals: CrystalModel) -> None:
        super().__init__()
        self.crystals = crystals
        self._quiet = False
        self.setModel(crystals)
        header = self.horizontalHeader()
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionsMovable(True)

    def sort_by(self, name: str, *, down: bool) -> None:
        """Sort by a column, if there is one of that name."""
        if name in self.crystals.names:
            order = Qt.SortOrder.DescendingOrder if down else Qt.SortOrder.AscendingOrder
            self.sortByColumn(self.crystals.names.index(name), order)

    def mark_order(self) -> None:
        """Mark the column that orders the rows; its place changes with the columns."""
        names = self.crystals.names
        name, down = self.crystals.sorted_by or ("", False)
        if "unlike" in names:
            name, down = "unlike", False
        order = Qt.SortOrder.DescendingOrder if down else Qt.SortOrder.AscendingOrder
        header = self.horizontalHeader()
        with signals_blocked(header):  # or the view sorts again
            header.setSortIndicator(names.index(name) if name in names else -1, order)

    def mark(self, crystal: int) -> None:
        """Select the row of a crystal, or none, without a signal."""
        row = self.crystals.row_of(crystal)
        self._quiet = True
        if row >= 0:
            self.selectRow(row)
        else:
            self.clearSelection()
        self._quiet = False

    def scroll_to(self, crystal: int) -> None:
        """Bring a crystal to the middle of the view."""
        row = self.crystals.row_of(crystal)
        if row >= 0:
            index = self.crystals.index(row, self.horizontalHeader().logicalIndexAt(0))
            self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    @contextmanager
    def staying(self, crystal: int) -> Iterator[None]:
        """Change the table; a crystal that was in view, else the first row, stays where it was."""
        bar = self.verticalScrollBar()
        top, row = bar.value(), self.crystals.row_of(crystal)
        in_view = row >= 0 and top <= row <= self.rowAt(self.viewport().height() - 1)
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
        self.mark(crystal)
        after = self.crystals.row_of(crystal)
        bar.setValue(top + after - row if in_view and after >= 0 else top)

    @override
    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        super().currentChanged(current, previous)
        if not self._quiet and current.isValid():
            self.chosen.emit(self.crystals.id_at(current.row()))
