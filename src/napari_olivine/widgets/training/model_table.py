"""The models of a section beside each other: what they are, how good, and how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qtpy.QtCore import QItemSelectionModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidgetItem, QWidget
from superqt.utils import signals_blocked
from typing_extensions import override

from napari_olivine.errors import OlivineError
from napari_olivine.networks import read_card
from napari_olivine.section import WORK, Product, Section, name_of
from napari_olivine.training import CHECKPOINT
from napari_olivine.widgets.common import column_layout, fit_rows, small_table
from napari_olivine.widgets.state import state_of

COLUMNS = ("Model", "IoU", "Network", "Target", "Steps", "Minutes", "Made", "State")
NAME, MADE = 0, 6
"""Places of columns."""

TIPS = (
    "Name of the model",
    "IoU of olivine on the validation sessions, at the threshold that is best there",
    "What it is",
    "What it tells apart: olivine from all else, or all phases",
    "Steps of its training",
    "Time that its training took",
    "When it was finished",
    "Whether its images, mask and sessions are still the same",
)


@dataclass(frozen=True)
class ModelRow:
    """A row of the table.

    Parameters
    ----------
    name
        Of the model.
    cells
        Text of each column, and what it is sorted by.
    tip
        Said of the row under the mouse.
    """

    name: str
    cells: tuple[tuple[str, Any], ...]
    tip: str


def model_names(section: Section | None) -> list[str]:
    """Names of the models of a section, none if it is `None`."""
    return [one.name.removeprefix("models/") for one in _models(section)]


def paused_trainings(section: Section | None) -> list[str]:
    """Names of the models whose training was stopped and can go on."""
    if section is None:
        return []
    drafts = sorted((section.path / WORK).glob("models__*"))
    names = [name_of(draft) for draft in drafts if (draft / CHECKPOINT).exists()]
    return [name.removeprefix("models/") for name in names]


def _models(section: Section | None) -> list[Product]:
    if section is None:
        return []
    try:
        return [one for one in section.products() if one.name.startswith("models/")]
    except OlivineError:
        return []


def rows_of_models(section: Section | None) -> list[ModelRow]:
    """Return the rows of all models of a section; a damaged one has its name alone."""
    return [_row(section, product) for product in _models(section)] if section is not None else []


def _row(section: Section, product: Product) -> ModelRow:
    name = product.name.removeprefix("models/")
    made = datetime.fromisoformat(product.created)
    state = state_of(section, product.name)
    try:
        card = read_card(product.path)
    except OlivineError as error:
        return ModelRow(name, ((name, name), *[("", "")] * (len(COLUMNS) - 1)), str(error))
    iou, minutes = card.scores.get("iou_best"), product.seconds / 60
    steps = int(product.notes.get("steps", 0))  # models of before do not say
    stands = "up to date" if state.state == "fresh" else "out of date"
    cells = (
        (name, name.casefold()),
        (f"{iou:.3f}" if iou is not None else "", -1.0 if iou is None else iou),
        (card.network, card.network),
        ("phases" if card.phases else "olivine", len(card.phases)),
        (f"{steps:,}" if steps else "", steps),
        (f"{minutes:.1f}", minutes),
        (made.strftime("%d %b %H:%M"), product.created),
        (stands, stands),
    )
    return ModelRow(name, cells, f"{name}: {state.text}")


class _Cell(QTableWidgetItem):
    """A cell that is sorted by a value of its own."""

    def __init__(self, text: str, key: Any) -> None:
        super().__init__(text)
        self._key = key

    @override
    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, others = self._key, getattr(other, "_key", "")
        # A damaged model has texts where others have numbers.
        return bool(mine < others) if type(mine) is type(others) else str(mine) < str(others)


class ModelTable(QWidget):
    """Table of models, sorted by a click on a title; several can be selected."""

    chosen = Signal()
    """Other models are selected, or another one is the current one."""

    def __init__(self) -> None:
        super().__init__()
        self.table = small_table(COLUMNS, QHeaderView.ResizeMode.ResizeToContents)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(MADE, Qt.SortOrder.DescendingOrder)
        for column, tip in enumerate(TIPS):
            self.table.horizontalHeaderItem(column).setToolTip(tip)
        self.table.itemSelectionChanged.connect(self.chosen)
        column_layout(self, self.table)

    @property
    def current(self) -> str:
        """Name of the model whose card is shown: that which was selected last; empty if none."""
        row = self.table.currentRow()
        item = self.table.item(row, NAME) if row >= 0 else None
        return str(item.text()) if item is not None else ""

    @property
    def selected(self) -> list[str]:
        """Names of the models that are selected, from top to bottom."""
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        return [str(self.table.item(row, NAME).text()) for row in rows]

    def show_models(self, rows: Sequence[ModelRow], choose: str = "") -> None:
        """Replace the rows; what is selected stays so, without a signal.

        Parameters
        ----------
        rows
            One a model.
        choose
            Name of the model to select alone; if empty, those of before, or else the newest.
        """
        current, selected = choose or self.current, {choose} if choose else set(self.selected)
        table = self.table
        with signals_blocked(table):
            table.setSortingEnabled(False)
            table.clearSelection()
            table.setRowCount(len(rows))
            for place, row in enumerate(rows):
                for column, (text, key) in enumerate(row.cells):
                    cell = _Cell(text, key)
                    cell.setToolTip(row.tip)
                    table.setItem(place, column, cell)
            table.setSortingEnabled(True)
            self._select(current, selected)
        fit_rows(table)
        # Of a table that is wider than the dock, the last row is not to lie under the scroll bar.
        table.setFixedHeight(table.height() + table.horizontalScrollBar().sizeHint().height())

    def clear_selection(self) -> None:
        """Select no model; the current one stays, without a signal."""
        with signals_blocked(self.table):
            self.table.clearSelection()

    def _select(self, current: str, selected: set[str]) -> None:
        table = self.table
        names = [table.item(row, NAME).text() for row in range(table.rowCount())]
        if current not in names and names:
            current, selected = names[0], {names[0]}
        if current in names:
            only = QItemSelectionModel.SelectionFlag.NoUpdate
            table.setCurrentCell(names.index(current), NAME, only)
        for row, name in enumerate(names):
            if name in selected:
                for column in range(table.columnCount()):
                    table.item(row, column).setSelected(True)
