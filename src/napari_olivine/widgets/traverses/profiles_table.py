"""The list of EPMA profiles: lengths, use, and the error after calibration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem
from typing_extensions import override

from napari_olivine.widgets.common import combo, readable
from napari_olivine.widgets.traverses.placements import USES, Traverses
from napari_olivine.widgets.traverses.traverse_layer import USE_COLOURS

HEADINGS = {
    "EPMA table": "Name of the microprobe's table",
    "Use": "Calibrate: the law is fitted to it. Test: only the error is measured on it.",
    "RMSE": "Root mean squared error of mg# in the last calibration",
    "Length, µm": "By the microprobe / of the line on the image: they should agree within some %",
}

NAME, USE, RMSE, LENGTH = 0, 1, 2, 3
"""Places of columns."""

DIFFER = 0.1
"""Share by which a line is longer or shorter than what was measured that is worth a look."""

ARROW_PX = 48
"""Width of the arrow of a box of choices, and of its edges."""

DIFFERENT = "#e69f00"
"""Colour of two lengths that differ."""

SHORTEST_PX = 60
"""Width that names have at least; they are elided in the middle."""


class ProfilesTable(QTableWidget):
    """EPMA profiles of the open section."""

    chosen = Signal(str)
    """Profile whose row was chosen."""
    zoomed = Signal(str)
    """Profile whose row was double-clicked."""
    use_changed = Signal(str, str)
    """Profile and its new use."""

    def __init__(self) -> None:
        super().__init__(0, len(HEADINGS))
        self.setHorizontalHeaderLabels(list(HEADINGS))
        for column, words in enumerate(HEADINGS.values()):
            self.horizontalHeaderItem(column).setToolTip(words)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Fixed)
        # A box of choices asks for more than its words take.
        header.setSectionResizeMode(USE, QHeaderView.ResizeMode.Fixed)
        longest = max(self.fontMetrics().horizontalAdvance(use) for use in USES)
        header.resizeSection(USE, longest + ARROW_PX)
        header.setMinimumSectionSize(20)
        header.setHighlightSections(False)
        self._names: list[str] = []
        self._busy = False
        self.currentCellChanged.connect(self._on_row)
        self.cellDoubleClicked.connect(self._on_double_click)

    def fill(self, traverses: Traverses, analyses: pd.DataFrame, rmse: Mapping[str, float]) -> None:
        """Show the profiles.

        Parameters
        ----------
        traverses
            Lines and uses of the profiles.
        analyses
            Analyses of all profiles.
        rmse
            Root mean squared error of mg# by profile, where it is known.
        """
        self._busy = True
        self._names = traverses.profiles
        self.setRowCount(len(self._names))
        lines = traverses.lines()
        for row, name in enumerate(self._names):
            points = analyses[analyses["profile"] == name]
            line = lines.get(name)
            length = np.hypot(line[2] - line[0], line[3] - line[1]) if line else np.nan
            extent = _extent(points)
            texts = (
                name,
                "",
                _number(rmse.get(name, np.nan), "{:.4f}"),
                f"{len(points)} spots"
                if traverses.kind(name) == "spots"
                else f"{_number(extent, '{:.0f}') or '?'} / {_number(length, '{:.0f}') or 'none'}",
            )
            use = traverses.use(name)
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(_tip(name, len(points), extent, length))
                if column == LENGTH and abs(extent - length) > DIFFER * extent:
                    item.setForeground(QColor(readable(DIFFERENT, self)))
                if column == NAME:
                    item.setForeground(QColor(readable(USE_COLOURS[use], self)))
                else:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.setItem(row, column, item)
            box = combo()
            box.addItems(USES)
            box.setCurrentText(use)
            box.textActivated.connect(lambda use, name=name: self.use_changed.emit(name, use))
            self.setCellWidget(row, USE, box)
        self.setColumnHidden(RMSE, not rmse)
        self._fit()
        self._busy = False

    @override
    def resizeEvent(self, e: QResizeEvent | None) -> None:
        super().resizeEvent(e)
        self._fit()

    def _fit(self) -> None:
        """Give the names all the room that the other columns leave."""
        others = sum(self.columnWidth(k) for k in range(1, len(HEADINGS)))
        self.setColumnWidth(NAME, max(self.viewport().width() - others, SHORTEST_PX))
        rows = min(max(len(self._names), 1), 7)
        height = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(height + rows * self.verticalHeader().defaultSectionSize() + 4)

    def choose(self, name: str) -> None:
        """Show a profile as the chosen one."""
        if name in self._names:
            self._busy = True
            self.selectRow(self._names.index(name))
            self._busy = False

    def _on_row(self, row: int, *_: int) -> None:
        if not self._busy and 0 <= row < len(self._names):
            self.chosen.emit(self._names[row])

    def _on_double_click(self, row: int, _column: int) -> None:
        self.zoomed.emit(self._names[row])


def _tip(name: str, points: int, extent: float, length: float) -> str:
    measured = _number(extent, "measured over {:.1f} µm")
    drawn = _number(length, "its line is {:.1f} µm long")
    about = ", ".join(words for words in (f"{points} analyses", measured, drawn) if words)
    return f"{name}: {about}; a double click zooms to it"


def _extent(points: pd.DataFrame) -> float:
    distance = points["distance_um"].to_numpy(float)
    distance = distance[np.isfinite(distance)]
    return float(np.ptp(distance)) if distance.size else float("nan")


def _number(value: float, pattern: str) -> str:
    return pattern.format(value) if np.isfinite(value) else ""
