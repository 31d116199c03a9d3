"""The crystal table as Qt sees it: numpy columns, sorted and filtered by index."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from typing_extensions import override

from napari_olivine.errors import InputError
from napari_olivine.widgets.radial_part import curves_of

SHOWN = {
    "id": ("Id", "{:.0f}", "Number of the crystal"),
    "zoning_class": ("Zoning", "{}", "Zoning class of a phenocryst"),
    "unlike": ("Unlike", "{:.1f}", "How unlike its radial profile is to the chosen crystal's"),
    "mg_difference": ("Core - rim", "{:+.3f}", "Difference of mg# between core and rim"),
    "area_um2": ("Area, µm²", "{:,.0f}", "Area of its olivine pixels"),
    "size_class": ("Size", "{}", "Size class"),
    "zone_class": ("Profile", "{}", "Class of the radial profile"),
    "zone_probability": ("Sure", "{:.2f}", "Probability of that class"),
    "mg_core": ("mg# core", "{:.3f}", "Median mg# of the core"),
    "mg_rim": ("mg# rim", "{:.3f}", "Median mg# of the rim"),
    "mg_mean": ("mg# mean", "{:.3f}", "Mean mg#"),
    "core_rim_ratio": ("Grey ratio", "{:.3f}", "Mean BSE grey of the core over that of the rim"),
    "mean_probability": ("Probability", "{:.2f}", "Mean probability of olivine"),
    "habit": ("Habit", "{}", "Habit"),
    "aspect_ratio": ("Aspect", "{:.2f}", "Major over minor axis"),
    "fragment": ("Broken", "{}", "A fragment: zones end at a straight side"),
    "touches_edge": ("Cut", "{}", "Cut by the edge of the section"),
    "session": ("Session", "{}", "Analytical session"),
    "x_um": ("x, µm", "{:.0f}", "Centre, from the left edge"),
    "y_um": ("y, µm", "{:.0f}", "Centre, from the top edge"),
}
"""Columns of the table: title, format, explanation. Others are not shown."""

ALIKE = 50
"""Crystals that are shown as like another one, at most."""

CONDITION = re.compile(r"^([a-z_]\w*)(<=|>=|<|>|=)(.+)$", re.IGNORECASE)

TESTS: dict[str, Any] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
}


class CrystalModel(QAbstractTableModel):
    """Table of crystals for a view; sorting 20 000 rows takes some milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.set_table(pd.DataFrame({"id": np.zeros(0, np.int64)}))

    def set_table(self, table: pd.DataFrame, profiles: pd.DataFrame | None = None) -> None:
        """Show another table; it needs a column ``id``, as do the radial profiles."""
        self.beginResetModel()
        self.table, self.profiles = table, profiles
        self.names = [name for name in SHOWN if name in table.columns]
        self._columns = {name: table[name].to_numpy() for name in table.columns}
        self.ids: NDArray[np.int64] = self._columns["id"].astype(np.int64)
        self._kept = np.arange(len(table))
        self._sorted_by: tuple[str, bool] | None = None
        self._number_rows()
        self.endResetModel()

    def keep(self, text: str) -> None:
        """Show only the crystals that fit a filter.

        Parameters
        ----------
        text
            Words and conditions, all of which must hold: a word must begin the size or zoning
            class, a number is an id, and ``area_um2>20000`` or ``mg_core<=0.85`` compare a
            column (any beginning of its name will do). ``like=12`` keeps the crystals whose
            radial profiles are the most like that of crystal 12, the most alike first.

        Raises
        ------
        InputError
            If a condition names no column or no number.
        """
        good = np.ones(len(self.table), bool)
        terms = re.sub(r"\s*(<=|>=|<|>|=)\s*", r"\1", text).split()
        alike = [term.lower().removeprefix("like=") for term in terms if _asks_alike(term)]
        for term in terms:
            good &= _asks_alike(term) or self._fits(term)
        unlike = self._unlike(alike[-1]) if alike else None
        self.beginResetModel()
        self._columns.pop("unlike", None)
        self._kept = np.flatnonzero(good)
        if unlike is not None:
            self._columns["unlike"] = unlike
            order = np.argsort(unlike[self._kept], kind="stable")
            self._kept = self._kept[order[: np.count_nonzero(np.isfinite(unlike[good]))]][:ALIKE]
        elif self._sorted_by is not None:
            self._kept = self._kept[self._order(*self._sorted_by)]
        self.names = [name for name in SHOWN if name in self._columns]
        self._number_rows()
        self.endResetModel()

    def row_of(self, crystal: int) -> int:
        """Row that shows a crystal, -1 if it is not shown."""
        return self._row_of.get(crystal, -1)

    def id_at(self, row: int) -> int:
        """Id of the crystal in a row."""
        return int(self.ids[self._kept[row]])

    def record(self, crystal: int) -> dict[str, Any] | None:
        """Everything that is known of a crystal, `None` if there is no such."""
        found = np.flatnonzero(self.ids == crystal)
        if not found.size:
            return None
        return {name: column[found[0]] for name, column in self._columns.items()}

    # ------------------------------------------------------------------ what Qt asks for

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
            return _text(self._columns[name][self._kept[index.row()]], SHOWN[name][1])
        if role == Qt.ItemDataRole.TextAlignmentRole and "{}" not in SHOWN[name][1]:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        title, _, explanation = SHOWN[self.names[section]]
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        words = f"{explanation}; {self.names[section]} in the filter"
        return words if role == Qt.ItemDataRole.ToolTipRole else None

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if not 0 <= column < len(self.names):
            return
        self.layoutAboutToBeChanged.emit()
        self._sorted_by = (self.names[column], order == Qt.SortOrder.DescendingOrder)
        self._kept = np.sort(self._kept)
        self._kept = self._kept[self._order(*self._sorted_by)]
        self._number_rows()
        self.layoutChanged.emit()

    # ------------------------------------------------------------------ helpers

    def _order(self, name: str, down: bool) -> NDArray[np.intp]:
        """Order of the kept rows by a column; empty values come last either way."""
        values = self._columns[name][self._kept]
        if values.dtype == object or not np.issubdtype(values.dtype, np.number):
            texts = np.array([_text(value, "{}") for value in values], dtype=str)
            _, ranks = np.unique(texts, return_inverse=True)
            keys = ranks.astype(float)
            keys[texts == ""] = np.nan
        else:
            keys = values.astype(float)
        order: NDArray[np.intp] = np.argsort(-keys if down else keys, kind="stable")
        return order

    def _fits(self, term: str) -> NDArray[np.bool_]:
        condition = CONDITION.match(term)
        if condition is None:
            if term.isdigit():
                return np.asarray(self.ids == int(term))
            good = np.zeros(len(self.table), bool)
            for name in ("size_class", "zoning_class", "zone_class"):
                if name in self._columns:
                    texts = pd.Series(self._columns[name]).astype("str").str.lower()
                    good |= texts.str.startswith(term.lower()).to_numpy(bool)
            return good
        start, sign, value = condition.groups()
        names = [name for name in self._columns if name.startswith(start.lower())]
        if not names:
            raise InputError(f"No column begins with {start!r}; there are {', '.join(self.names)}.")
        values = self._columns[start.lower() if start.lower() in names else names[0]]
        if not np.issubdtype(values.dtype, np.number):
            value = {"yes": "true", "no": "false"}.get(value.lower(), value.lower())
            return np.asarray(pd.Series(values).astype("str").str.lower() == value)
        try:
            return np.asarray(TESTS[sign](values, float(value)))
        except ValueError:
            raise InputError(f"{value!r} in {term!r} is no number.") from None

    def _unlike(self, crystal: str) -> NDArray[np.float64]:
        """Distance of each crystal's radial profile to a crystal's, infinite without a profile."""
        from napari_olivine.crystals.radial import profile_distances

        profiles = self.profiles
        if profiles is None or not crystal.isdigit() or int(crystal) not in set(profiles["id"]):
            raise InputError(f"Crystal {crystal} has no radial profile to compare with.")
        mg, error = curves_of(profiles)
        (place,) = np.flatnonzero(profiles["id"] == int(crystal))
        found = pd.Series(profile_distances(mg[place], error[place], mg, error), profiles["id"])
        return np.asarray(found.reindex(self.ids, fill_value=np.inf), np.float64)

    def _number_rows(self) -> None:
        self._row_of = {int(crystal): row for row, crystal in enumerate(self.ids[self._kept])}


def _asks_alike(term: str) -> bool:
    return term.lower().startswith("like=")


def _text(value: Any, pattern: str) -> str:
    if (
        value is None
        or value is pd.NA
        or (isinstance(value, (float, np.floating)) and np.isnan(value))
    ):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else ""
    text = pattern.format(value)
    return text.replace("_", " ") if isinstance(value, str) else text
