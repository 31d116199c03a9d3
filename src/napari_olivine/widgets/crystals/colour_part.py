"""The column that colours the crystals, and its legend."""

from __future__ import annotations

import numpy as np
import pandas as pd
from qtpy.QtCore import QRectF, Qt, Signal
from qtpy.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QCheckBox, QLabel, QSizePolicy, QWidget
from superqt.utils import signals_blocked
from typing_extensions import override

from napari_olivine.widgets.common import column_layout, combo, row_layout, wrapped
from napari_olivine.widgets.layers import (
    CLASS,
    FIRST,
    UNKNOWN,
    Colouring,
    Scale,
    colour_by,
    colour_choices,
    column_of,
)

TITLES = {CLASS: "Class", "zone_class": "Class of the profile", "verdict": "Verdict"}


class ColourBar(QWidget):
    """A scale of colours with its range."""

    def __init__(self) -> None:
        super().__init__()
        self.scale: Scale | None = None
        self.pattern = "{:.3g}"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(round(10 + QFontMetricsF(self.font()).height() * 1.15))

    def show_scale(self, scale: Scale | None, pattern: str = "{:.3g}") -> None:
        """Show a scale, or none."""
        self.scale, self.pattern = scale, pattern
        self.setVisible(scale is not None)
        self.update()

    def words(self) -> list[str]:
        """Return the labels of its low end, middle and high end."""
        if self.scale is None:
            return []
        low, high = self.scale.low, self.scale.high
        middle = np.sqrt(low * high) if self.scale.logarithmic else (low + high) / 2
        return [self.pattern.format(value) for value in (low, middle, high)]

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        if self.scale is None:
            return
        painter = QPainter(self)
        metrics = QFontMetricsF(painter.font())
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        unknown = f"unknown {self.scale.unknown}" if self.scale.unknown else ""
        aside = metrics.horizontalAdvance(unknown) + 26 if unknown else 0.0
        bar = QRectF(1, 1, self.width() - 2 - aside, 9)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        colours = self.scale.colours
        for k, colour in enumerate(colours):
            gradient.setColorAt((k + 0.5) / len(colours), QColor(colour))
        painter.fillRect(bar, gradient)
        painter.setPen(ink)
        below = QRectF(bar.left(), bar.bottom() + 1, bar.width(), metrics.height())
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter)
        for side, text in zip((*sides, Qt.AlignmentFlag.AlignRight), self.words(), strict=True):
            painter.drawText(below, side, text)
        if unknown:
            painter.fillRect(QRectF(bar.right() + 12, 1, 9, 9), QColor(UNKNOWN))
            place = QRectF(bar.right() + 25, -2, aside, metrics.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, unknown)


class ColourPart(QWidget):
    """Choice of the column that colours the crystals, filled or as outlines."""

    changed = Signal()
    """Another column was chosen, or outlines instead of areas."""

    def __init__(self) -> None:
        super().__init__()
        self.box = combo()
        self.box.setMaxVisibleItems(24)
        self.box.setToolTip("Column that the crystals on the image are coloured by")
        self.outlines = QCheckBox("Outlines")
        self.outlines.setToolTip("Draw the crystals' outlines and leave their inside free")
        self.legend = wrapped(rich=True)
        self.bar = ColourBar()
        self.bar.hide()
        row = row_layout(QLabel("Colour by"), self.box, self.outlines, wide=self.box)
        column_layout(self, row, self.legend, self.bar)
        self._choices: list[str] = []
        self._table = pd.DataFrame({"id": np.zeros(0, np.int64)})
        self.colouring = Colouring(np.zeros(0, object))
        self.box.currentIndexChanged.connect(self._on_chosen)
        self.outlines.toggled.connect(lambda _on: self.changed.emit())

    @property
    def name(self) -> str:
        """The column, or `CLASS`."""
        return str(self.box.currentData() or CLASS)

    def choose(self, name: str) -> None:
        """Colour by another column."""
        self.box.setCurrentIndex(self.box.findData(name))

    def set_table(self, table: pd.DataFrame) -> None:
        """Show another table, without a signal; the column is kept if the table has it."""
        self._table = table
        choices = colour_choices(table)
        if choices != self._choices:
            self._choices = choices
            self._fill_box(self.name)
        self._work_out()

    def _fill_box(self, chosen: str) -> None:
        first = [name for name in self._choices if name in (CLASS, *FIRST)]
        with signals_blocked(self.box):
            self.box.clear()
            for k, name in enumerate(self._choices):
                if k and k == len(first):
                    self.box.insertSeparator(k)
                column = column_of(name)
                self.box.addItem(TITLES.get(name, column.title), name)
                words = column.explanation if name != CLASS else "Zoning and size class"
                self.box.setItemData(self.box.count() - 1, words, Qt.ItemDataRole.ToolTipRole)
            self.box.setCurrentIndex(max(self.box.findData(chosen), 0))

    def _on_chosen(self, _index: int) -> None:
        self._work_out()
        self.changed.emit()

    def _work_out(self) -> None:
        if self.box.currentData() is None:  # a table of nothing but ids
            self.colouring = Colouring(np.full(len(self._table), UNKNOWN, object))
        else:
            self.colouring = colour_by(self._table, self.name)
        parts = [
            f"<span style='color:{colour}'>■</span>" + f" {words} {count:,}".replace(" ", "&nbsp;")
            for words, colour, count in self.colouring.legend
        ]
        self.legend.setText("&nbsp;&nbsp; ".join(parts))
        self.legend.setVisible(bool(parts))
        self.bar.show_scale(self.colouring.scale, _pattern(self.name, self.colouring.scale))
        ends = "2nd to 98th percentile of all crystals; beyond, the colours of the ends"
        self.bar.setToolTip(f"{column_of(self.name).explanation}: {ends}")


def _pattern(name: str, scale: Scale | None) -> str:
    """Format of the numbers below the bar; more digits where the range is small."""
    pattern = column_of(name, np.zeros(0)).pattern
    if scale is None or len({pattern.format(v) for v in (scale.low, scale.high)}) < 2:
        return "{:.3g}"
    return pattern
