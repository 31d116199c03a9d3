"""A window in which a person names the quantities in the columns of an EPMA table."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QFormLayout,
    QLabel,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_olivine.errors import OlivineError
from napari_olivine.readers.epma import (
    QUANTITIES,
    SUFFIXES,
    ColumnMapping,
    load_mappings,
    mapping_for,
    preview,
    save_mapping,
    suggest,
    units_of,
)
from napari_olivine.widgets.common import (
    Problem,
    combo,
    in_words,
    keep_from_wheel,
    push_button,
    readable,
    row_layout,
    single_shot,
    wrapped,
)

NOTHING = "-"
ROWS = 12
"""Rows of the table that are shown."""
ORANGE = "#e69f00"
UNSURE = 0.7
"""A guess below this confidence is shown in orange."""
QUANTITY_ROW, UNIT_ROW, FIRST_ROW = 0, 1, 2

SPLITS = {"auto": "found out", "column": "by the column 'profile'", "none": "one traverse"}


class ColumnMapper(QDialog):
    """Shows a table with a choice of quantity and unit above each column, and the result.

    Parameters
    ----------
    folder
        Folder of the tables; the mapping is kept there.
    parent
        Widget that the window belongs to.
    file
        The table to begin with; the first one if not given.
    """

    saved = Signal()
    """The mapping was written."""

    def __init__(self, folder: Path, parent: QWidget | None = None, *, file: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("Columns of EPMA tables")
        self.resize(940, 640)
        self._folder = folder
        self._filling = False
        self.mapping: ColumnMapping | None = None
        self.file = combo(_tables(folder))
        self.file.setCurrentText(file)
        self.file.currentTextChanged.connect(self.read)
        self.sheet = combo()
        self.sheet.textActivated.connect(self._on_sheet)
        self.header_row, self.units_row = _row_box(1), _row_box(0)
        self.units_row.setSpecialValueText("none")
        self.split = combo(list(SPLITS.values()))
        self.split.setToolTip("Where a new traverse begins in a table that holds several")
        form = QFormLayout()
        for title, box in (
            ("Table", self.file),
            ("Sheet", self.sheet),
            ("Row of the names", self.header_row),
            ("Row of the units", self.units_row),
            ("Traverses", self.split),
        ):
            form.addRow(title, box)
        self.table = QTableWidget()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.horizontalHeader().setDefaultSectionSize(112)
        self.outcome = QTableWidget()
        self.outcome.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.outcome.setFixedHeight(170)
        self.message = wrapped(rich=True)
        self.guess_button = push_button(
            "Guess again", self.guess, "Forget what was set here, and look at the table anew"
        )
        self.save_button = push_button(
            "Save and look again", self.save, "Keep this in columns.toml beside the tables"
        )
        close = push_button("Close", self.close)
        outer = QVBoxLayout(self)
        outer.addLayout(form)
        outer.addWidget(QLabel("What each column holds, above its first rows:"))
        outer.addWidget(self.table, 1)
        self.outcome_title = QLabel("What is read by that:")
        outer.addWidget(self.outcome_title)
        outer.addWidget(self.outcome)
        outer.addWidget(self.message)
        outer.addLayout(row_layout(self.guess_button, self.save_button, close))
        self._soon = single_shot(self, 150, self.try_out)
        for box in (self.header_row, self.units_row):
            box.valueChanged.connect(self._on_changed)
        self.split.textActivated.connect(self._on_changed)
        self.read()

    @property
    def path(self) -> Path:
        """The table."""
        return self._folder / self.file.currentText()

    # ------------------------------------------------------------------ reading

    def read(self, _name: str = "") -> None:
        """Show the stored mapping of the table, or a guess."""
        if not self.file.currentText():
            self._say("There is no table in this folder.", wrong=True)
            self.save_button.setEnabled(False)
            return
        try:
            kept = mapping_for(self.path, load_mappings(self._folder))
        except OlivineError as error:
            self._say(error, wrong=True)
            kept = []
        if not kept:
            self.guess()
        elif kept[0].columns:
            self._use(kept[0].model_copy(update={"file": self.path.name}))
        else:
            self._guess(kept[0].sheet, kept[0])

    def guess(self) -> None:
        """Guess the quantities of the columns again."""
        self._guess("")

    def _guess(self, sheet: str, given: ColumnMapping | None = None) -> None:
        try:
            mapping = suggest(self.path, sheet, given)
            self._use(mapping.model_copy(update={"file": self.path.name}))
        except OlivineError as error:
            self.mapping = None
            self.table.setColumnCount(0)
            self._say(error, wrong=True)

    def _on_sheet(self, name: str) -> None:
        self._guess(name)

    def _use(self, mapping: ColumnMapping) -> None:
        self.mapping = mapping
        self._filling = True
        self.header_row.setValue(mapping.header_row)
        self.units_row.setValue(mapping.units_row)
        self.split.setCurrentText(SPLITS[mapping.split])
        self._filling = False
        self._show_table()
        self.try_out()

    def _show_table(self) -> None:
        """Show the first rows with the choices above them."""
        assert self.mapping is not None
        try:
            seen = preview(self.path, self.mapping, ROWS)
        except OlivineError as error:
            self._say(error, wrong=True)
            return
        self._filling = True
        self.sheet.clear()
        self.sheet.addItems(list(seen.sheets))
        self.sheet.setCurrentText(self.mapping.sheet or (seen.sheets[0] if seen.sheets else ""))
        self.sheet.setEnabled(len(seen.sheets) > 1)
        width = max(
            [len(row) for row in seen.rows] + [column.column for column in self.mapping.columns],
            default=0,
        )
        self.table.clear()
        self.table.setColumnCount(width)
        self.table.setRowCount(FIRST_ROW + len(seen.rows))
        self.table.setVerticalHeaderLabels(
            ["holds", "unit", *(str(k + 1) for k in range(len(seen.rows)))]
        )
        self.table.setHorizontalHeaderLabels([str(k + 1) for k in range(width)])
        for k, row in enumerate(seen.rows):
            for column, text in enumerate(row):
                item = QTableWidgetItem(text)
                if k + 1 in (self.mapping.header_row, self.mapping.units_row):
                    item.setBackground(QColor(90, 120, 170, 90))
                self.table.setItem(FIRST_ROW + k, column, item)
        known = {column.column - 1: column for column in self.mapping.columns}
        for column in range(width):
            self._add_boxes(column, known.get(column))
        self._filling = False

    def _add_boxes(self, column: int, found: Any) -> None:
        holds, unit = keep_from_wheel(QComboBox()), keep_from_wheel(QComboBox())
        holds.addItems([NOTHING, *QUANTITIES])
        holds.setCurrentText((found.quantity if found is not None else "") or NOTHING)
        if found is not None and found.why:
            holds.setToolTip(found.why)
        if found is not None and found.quantity and found.confidence < UNSURE:
            holds.setStyleSheet(f"QComboBox {{ color: {readable(ORANGE, self)}; }}")
        _fill_units(unit, holds.currentText(), found.unit if found is not None else "")
        holds.textActivated.connect(lambda text, unit=unit: _fill_units(unit, text, ""))
        holds.textActivated.connect(self._on_changed)
        unit.textActivated.connect(self._on_changed)
        self.table.setCellWidget(QUANTITY_ROW, column, holds)
        self.table.setCellWidget(UNIT_ROW, column, unit)

    # ------------------------------------------------------------------ trying and saving

    def edited(self) -> ColumnMapping | None:
        """Return the mapping as it stands in the window."""
        if self.mapping is None:
            return None
        before = {column.column: column for column in self.mapping.columns}
        header = self.header_row.value()
        columns = []
        for place in range(self.table.columnCount()):
            quantity = self.table.cellWidget(QUANTITY_ROW, place).currentText()
            unit = self.table.cellWidget(UNIT_ROW, place).currentText()
            quantity = "" if quantity == NOTHING else quantity
            old = before.get(place + 1)
            cell = self.table.item(FIRST_ROW + header - 1, place)
            values = {"column": place + 1, "quantity": quantity, "unit": unit if quantity else ""}
            if old is not None and (old.quantity, old.unit) == (quantity, values["unit"]):
                columns.append(old.model_dump())
            elif quantity or old is not None:
                name = cell.text() if cell is not None else ""
                columns.append(values | {"header": name, "why": "set by hand"})
        split = next(key for key, words in SPLITS.items() if words == self.split.currentText())
        values = self.mapping.model_dump() | {
            "header_row": header,
            "units_row": self.units_row.value(),
            "split": split,
            "columns": columns,
        }
        return ColumnMapping(**values)

    def try_out(self) -> None:
        """Read the table by the mapping, and show the result."""
        self._soon.stop()
        try:
            mapping = self.edited()
            if mapping is None:
                return
            seen = preview(self.path, mapping, ROWS)
        except OlivineError as error:
            self._show_result(pd.DataFrame())
            self._say(error, wrong=True)
            self.save_button.setEnabled(False)
            return
        self._show_result(seen.analyses)
        self.save_button.setEnabled(not seen.error)
        if seen.error:
            self._say(seen.error, wrong=True)
            return
        count = ", ".join(f"{name} ({n})" for name, n in list(seen.count.items())[:6])
        more = f" and {len(seen.count) - 6} more" if len(seen.count) > 6 else ""
        remarks = "".join(f"<br>{escape(text)}" for text in seen.problems[:4])
        self._say(
            f"{sum(seen.count.values())} analyses in {len(seen.count)} profile"
            f"{'s' if len(seen.count) > 1 else ''}: "
            f"{escape(count)}{more}.{remarks}"
        )

    def save(self) -> None:
        """Store the mapping beside the tables."""
        try:
            mapping = self.edited()
            if mapping is None:
                return
            file = save_mapping(self._folder, mapping)
        except (OlivineError, OSError) as error:
            self._say(error, wrong=True)
            return
        self._say(f"Kept in {escape(str(file))}.")
        self.saved.emit()

    def _on_changed(self, *_: Any) -> None:
        if self._filling:
            return
        if self.sender() in (self.header_row, self.units_row):
            self._mark_rows()
        self._soon.start()

    def _mark_rows(self) -> None:
        marked = {self.header_row.value(), self.units_row.value()}
        for row in range(FIRST_ROW, self.table.rowCount()):
            on = row - FIRST_ROW + 1 in marked
            for column in range(self.table.columnCount()):
                item = self.table.item(row, column)
                if item is not None:
                    item.setBackground(QColor(90, 120, 170, 90 if on else 0))

    def _show_result(self, analyses: pd.DataFrame) -> None:
        shown = analyses.dropna(axis=1, how="all")
        for part in (self.outcome, self.outcome_title):  # the table has the room until then
            part.setVisible(len(shown) > 0)
        self.outcome.clear()
        self.outcome.setRowCount(len(shown))
        self.outcome.setColumnCount(len(shown.columns))
        self.outcome.setHorizontalHeaderLabels([str(name) for name in shown.columns])
        for row, values in enumerate(shown.itertuples(index=False)):
            for column, value in enumerate(values):
                text = f"{value:.5g}" if isinstance(value, float) else str(value)
                self.outcome.setItem(row, column, QTableWidgetItem(text))
        self.outcome.resizeColumnsToContents()

    def _say(self, problem: Problem, *, wrong: bool = False) -> None:
        text = in_words(problem, places={"columns.toml": "above them"})
        colour = readable(ORANGE, self)
        self.message.setText(
            f"<span style='color:{colour}'>{escape(text)}</span>" if wrong else text
        )


def _fill_units(box: QComboBox, quantity: str, unit: str) -> None:
    choices = [] if quantity == NOTHING else list(units_of(quantity))
    box.clear()
    box.addItems(choices)
    if unit in choices:
        box.setCurrentText(unit)
    box.setEnabled(bool(choices))


def _row_box(low: int) -> QSpinBox:
    box = keep_from_wheel(QSpinBox())
    box.setRange(low, 9999)
    return box


def _tables(folder: Path) -> list[str]:
    """Names of the files that may be tables."""
    return sorted(
        file.name
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES
        and file.stem.lower() != "placements"
        and not file.name.startswith((".", "~"))
    )
