"""Qt model of the crystal table: numpy columns, sorted and filtered by index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from typing_extensions import override

from napari_olivine.errors import InputError
from napari_olivine.widgets.crystals.values import CrystalValues, terms_of
from napari_olivine.widgets.layers import VERBATIM, Column, column_of, ordered, text_of

MOST_SIMILAR = 50
"""Largest number of similar crystals that are shown."""


class CrystalModel(QAbstractTableModel):
    """Table of crystals for a view; sorting 20 000 rows takes some milliseconds.

    It has every column; the view hides some of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sorted_by: tuple[str, bool] | None = None
        """Column and whether it runs downwards."""
        self.text = ""
        """The filter."""
        self.names: list[str] = []
        """Columns, in their order."""
        self._kept: NDArray[np.intp] = np.zeros(0, np.intp)
        self.problem = ""
        """Why the filter could not be kept when the table was replaced."""
        self.set_table(pd.DataFrame({"id": np.zeros(0, np.int64)}))

    def set_table(self, table: pd.DataFrame, profiles: pd.DataFrame | None = None) -> None:
        """Show another table, or the same after an edit; order and filter are kept.

        Parameters
        ----------
        table
            It needs a column ``id``, as do the profiles.
        profiles
            Radial profiles of some of the crystals.
        """
        self.beginResetModel()
        self.table, self.profiles = table, profiles
        self.values = CrystalValues(table, profiles)
        self.problem = ""
        try:
            self._apply(self.text)
        except InputError as error:
            self.problem = str(error)
            self._apply("")
        self.endResetModel()

    def keep(self, text: str) -> None:
        """Show only the crystals that fit a filter.

        Parameters
        ----------
        text
            Words and conditions, all of which must hold: a word must begin a class or verdict,
            a number is an id, and ``area_um2>20000``, ``verdict=rejected``, ``habit!=rounded``
            or ``note~crack`` (contains) compare a column (any beginning of its name will do).
            ``like=12`` keeps the crystals whose radial profiles are the most similar to that of
            crystal 12, the most similar first.

        Raises
        ------
        InputError
            If a condition names no column or no number; nothing changes then.
        """
        terms = terms_of(text)
        self.values.fits([term for term in terms if not _is_similarity(term)])  # it may be refused
        for term in terms:
            if _is_similarity(term):
                self.values.unlike(_reference(term))
        self.beginResetModel()
        self.text, self.problem = text, ""
        self._apply(text)
        self.endResetModel()

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of all crystals, in the order of the table."""
        return self.values.ids

    @property
    def kept(self) -> NDArray[np.intp]:
        """Places in the table of the crystals that are shown, in their order."""
        return self._kept

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Which crystals the filter keeps, in the order of the table."""
        shown = np.zeros(len(self.ids), bool)
        shown[self._kept] = True
        return shown

    def row_of(self, crystal: int) -> int:
        """Row that shows a crystal, -1 if it is not shown."""
        return self._row_of.get(crystal, -1)

    def id_at(self, row: int) -> int:
        """Id of the crystal in a row."""
        return int(self.ids[self._kept[row]])

    def record(self, crystal: int) -> dict[str, Any] | None:
        """Row of a crystal as a dictionary, `None` if there is no such crystal."""
        return self.values.record(crystal)

    def column(self, name: str) -> Column:
        """Describe a column."""
        return column_of(name, self.values.columns.get(name))

    def text_at(self, row: int, name: str) -> str:
        """Value of a column in a row, as it is shown."""
        value = self.values.columns[name][self._kept[row]]
        if name in VERBATIM and isinstance(value, str):
            return value
        return text_of(value, self.column(name).pattern)

    # ------------------------------------------------------------------ Qt's interface

    @override
    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._kept)

    @override
    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.names)

    @override
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        name = self.names[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text_at(index.row(), name)
        if role == Qt.ItemDataRole.TextAlignmentRole and self.values.is_number(name):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.names):
            return None
        column = self.column(self.names[section])
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        words = f"{column.explanation}; {column.name} in the filter"
        return words if role == Qt.ItemDataRole.ToolTipRole else None

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if not 0 <= column < len(self.names):
            return
        self.layoutAboutToBeChanged.emit()
        self.sorted_by = (self.names[column], order == Qt.SortOrder.DescendingOrder)
        self._kept = self._in_order(np.sort(self._kept))
        self._number_rows()
        self.layoutChanged.emit()

    # ------------------------------------------------------------------ helpers

    def _apply(self, text: str) -> None:
        terms = terms_of(text)
        references = [_reference(term) for term in terms if _is_similarity(term)]
        good = self.values.fits([term for term in terms if not _is_similarity(term)])
        unlike = self.values.unlike(references[-1]) if references else None
        self.values.columns.pop("unlike", None)
        self._kept = np.flatnonzero(good)
        if unlike is not None:
            self.values.columns["unlike"] = unlike
            order = np.argsort(unlike[self._kept], kind="stable")
            with_profile = np.count_nonzero(np.isfinite(unlike[good]))
            self._kept = self._kept[order[: min(with_profile, MOST_SIMILAR)]]
        else:
            self._kept = self._in_order(self._kept)
        self.names = ordered(list(self.values.columns))
        self._number_rows()

    def _in_order(self, kept: NDArray[np.intp]) -> NDArray[np.intp]:
        """Order places by the column that was chosen; empty values come last either way."""
        if self.sorted_by is None or self.sorted_by[0] not in self.values.columns:
            return kept
        name, down = self.sorted_by
        keys = self.values.columns[name] if name == "unlike" else self.values.keys(name)
        keys = keys[kept]
        order: NDArray[np.intp] = np.argsort(-keys if down else keys, kind="stable")
        return kept[order]

    def _number_rows(self) -> None:
        shown = self.ids[self._kept].tolist()
        self._row_of = dict(zip(shown, range(len(shown)), strict=True))


def _is_similarity(term: str) -> bool:
    return term.lower().startswith("like=")


def _reference(term: str) -> str:
    return term.lower().removeprefix("like=")
