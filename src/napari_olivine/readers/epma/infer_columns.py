"""The best guess of the quantity and unit of each column of a table, and the reason for it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.blocks import find_blocks
from napari_olivine.readers.epma.body import Body
from napari_olivine.readers.epma.column_headers import LENGTHS_UM, NOTHING, Header
from napari_olivine.readers.epma.composition import Composition
from napari_olivine.readers.epma.infer_composition import Found, infer_composition
from napari_olivine.readers.epma.layout import (
    HeaderRow,
    find_header,
    find_units_row,
    headers_of,
    open_sheets,
    without_second_table,
)
from napari_olivine.readers.epma.mapping import FILE, Column, ColumnMapping
from napari_olivine.readers.epma.number_marks import number_marks
from napari_olivine.readers.epma.verdicts import means_rejected
from napari_olivine.tabular import Sheet, is_number

SAMPLE = 2000
"""Rows whose numbers are looked at to judge a column."""

LONGEST_STAGE_MM = 200.0
"""No stage is longer: coordinates beyond are micrometres."""

_DATE = re.compile(r"\b\d{1,2}:\d{2}\b|\b(?:\d{4}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2})[-/.]\d{1,4}\b")


def suggest(file: Path, sheet: str = "", given: ColumnMapping | None = None) -> ColumnMapping:
    """Guess what the columns of a table hold.

    Parameters
    ----------
    file
        A table of any maker: .csv, .txt, .xlsx, .ods, ...
    sheet
        Sheet of a spreadsheet; empty for the one that fits best.
    given
        A mapping without columns: what a person said of the rest is kept.

    Returns
    -------
    mapping
        Every column of the sheet with quantity, unit, confidence and reason; the quantity is
        empty where none was found. It need not be enough to read the table: `read_profile`
        says what is missing.

    Raises
    ------
    InputError
        If the file cannot be read as a table at all, or has no such sheet.
    """
    sheets = open_sheets(file, given)
    chosen = choose_sheet(file, sheets, sheet)
    return suggest_for(file, chosen, alone=len(sheets) == 1, given=given)


def suggest_all(file: Path) -> list[tuple[Sheet, ColumnMapping]]:
    """Guess the columns of every sheet that holds analyses; of the best sheet if none does."""
    sheets = open_sheets(file)
    alone = len(sheets) == 1
    found = [(sheet, find_header(sheet.rows)) for sheet in sheets]
    good = [sheet for sheet, header in found if header is not None and header.heads_analyses]
    chosen = good or [choose_sheet(file, sheets, "")]
    return [(sheet, suggest_for(file, sheet, alone=alone)) for sheet in chosen]


def choose_sheet(file: Path, sheets: Sequence[Sheet], name: str) -> Sheet:
    """Return the sheet of a name, or the one with the best header.

    Parameters
    ----------
    file
        For the messages.
    sheets
        Sheets of the file.
    name
        Name of the sheet; empty for the best.

    Returns
    -------
    sheet
        One of the sheets.

    Raises
    ------
    InputError
        If there is none.
    """
    if name:
        for sheet in sheets:
            if sheet.name == name:
                return sheet
        raise InputError(
            f"{file} has no sheet {name!r}; it has "
            f"{', '.join(repr(s.name) for s in sheets if s.name) or 'no sheets'}."
        )
    if not sheets or not any(sheet.rows for sheet in sheets):
        raise InputError(f"{file} holds no analyses.")

    def rank(sheet: Sheet) -> tuple[bool, bool, int, int]:
        header = find_header(sheet.rows)
        return (*(header.rank if header else (False, False, 0)), len(sheet.rows))

    return max(sheets, key=rank)


def suggest_for(
    file: Path, sheet: Sheet, *, alone: bool = True, given: ColumnMapping | None = None
) -> ColumnMapping:
    """Guess what the columns of one sheet hold.

    Parameters
    ----------
    file
        File that the mapping names.
    sheet
        The sheet.
    alone
        Whether the file has no other sheet; otherwise the mapping names the sheet.
    given
        A mapping without columns: what a person said of the rest is kept.

    Returns
    -------
    mapping
        As `suggest` returns it.
    """
    said = given.model_dump(include=given.model_fields_set) if given is not None else {}
    header = find_header(sheet.rows) or HeaderRow(_first_words(sheet), False, 0, 0, False)
    row = min(said.get("header_row", header.row + 1), max(len(sheet.rows), 1)) - 1
    units = said["units_row"] - 1 if "units_row" in said else find_units_row(sheet, row)
    names = headers_of(sheet, row, units) if sheet.rows else []
    skipped = set(said.get("skip_columns", ()))
    names = [NOTHING if n + 1 in skipped else name for n, name in enumerate(names)]
    rows = sheet.rows[max(row, units) + 1 :]
    decimal = said.get("decimal") or number_marks(sheet, rows, _quantities(names)).decimal
    guess = _Guess(sheet, row, names, rows[:SAMPLE], decimal == ",")
    guess.composition()
    guess.places()
    guess.naming()
    found = {
        "file": file.name,
        "sheet": "" if alone else sheet.name,
        "separator": sheet.separator,
        "decimal": decimal,
        "header_row": row + 1,
        "units_row": units + 1,
    }
    return ColumnMapping(**{**found, **said, "columns": tuple(guess.columns())})


def completed(file: Path, sheet: Sheet, mapping: ColumnMapping) -> ColumnMapping:
    """Return a mapping with its columns: guessed, if a person said of the table only the rest.

    Parameters
    ----------
    file, sheet
        The table.
    mapping
        As it is kept, with or without columns.

    Returns
    -------
    mapping
        With columns; what the person said is as it was.
    """
    if mapping.columns:
        return mapping
    return suggest_for(file, sheet, alone=not mapping.sheet, given=mapping)


def _quantities(names: Sequence[Header]) -> list[tuple[int, str, str]]:
    return [(n, name.quantity, name.unit) for n, name in enumerate(names)]


class _Guess:
    """Quantity, unit, confidence and reason of every column, filled in one after the other."""

    def __init__(
        self,
        sheet: Sheet,
        header: int,
        names: list[Header],
        rows: list[list[str]],
        decimal_comma: bool,
    ) -> None:
        self.sheet, self.header = sheet, header
        self.names = without_second_table(names)
        self.body = Body(rows, decimal_comma=decimal_comma)
        self.peaksight = any(name.quantity == "dataset" for name in names)
        self.explicit = False
        self._found: dict[int, Found] = {}

    def columns(self) -> list[Column]:
        """Every column that has a name or a meaning."""
        texts = self.sheet.rows[self.header] if self.sheet.rows else []
        result = []
        for number in range(max(len(texts), max(self._found, default=-1) + 1)):
            text = texts[number] if number < len(texts) else ""
            found = self._found.get(number, Found(number, why="not recognised"))
            if text or found.quantity:
                result.append(
                    Column(
                        column=number + 1, header=text, quantity=found.quantity, unit=found.unit,
                        confidence=found.confidence, why=found.why or "not recognised",
                        note=found.note,
                    )
                )  # fmt: skip
        return result

    def composition(self) -> None:
        """Find oxides or elements, their total, and the mg# that they are compared with."""
        blocks = find_blocks(self.sheet, self.header, self.names)
        for found in infer_composition(Composition(blocks, self.names, self.body)):
            before = self._found.get(found.column)
            if before is None or found.quantity:
                self._found[found.column] = found
            elif found.note:
                self._found[found.column] = replace(before, note=found.note)
        for number, name in enumerate(self.names):
            if name.quantity == "Fo" and self.body.values(number):
                self._set(number, "Fo", "", 0.9, "compared with MgO and FeO, and not used")

    def places(self) -> None:
        """Find distances and positions; a place that several columns hold is decided or left."""
        places: dict[str, list[Found]] = {}
        for number, name in enumerate(self.names):
            if name.kind != "place":
                continue
            values = self.body.values(number)
            if 2 * len(values) < self.body.filled(number) or not values:
                self._leave(number, "named like a place, but holds words")
                continue
            unit, confidence, why = self._unit(name, values)
            found = Found(number, name.quantity, unit, confidence, why)
            places.setdefault(name.quantity, []).append(found)
        for quantity in sorted(places, key=lambda quantity: quantity != "distance"):
            self._place(places[quantity])
        self._lone_axis()
        placed = self._holds("distance") or self._holds("stage_x") or self._holds("x")
        for number, found in list(self._found.items()):
            if found.quantity == "stage_z" and not placed and self._varies(number):
                self._set(number, "distance", found.unit, 0.5, "z, and no other column can be it")

    def _place(self, candidates: list[Found]) -> None:
        """Take a place that one column holds, or several in one manner; else leave it undecided."""
        if candidates[0].quantity == "distance":
            candidates = [c for c in candidates if self._varies(c.column)] or candidates
        first, *others = candidates
        for other in others:
            factors = (LENGTHS_UM[first.unit], LENGTHS_UM[other.unit])
            same = self.body.agree(first.column, other.column, factors)
            if same and self.body.is_better(other.column, first.column):
                first = other
        others = [each for each in candidates if each is not first]
        self._found[first.column] = first
        for other in others:
            factors = (LENGTHS_UM[first.unit], LENGTHS_UM[other.unit])
            why = f"column {first.column + 1} again"
            name = self.sheet.rows[self.header][other.column]
            if first.quantity == "stage_z" or self.body.agree(first.column, other.column, factors):
                self._leave(other.column, why)
            elif first.quantity == "distance" and self._runs_back(first, other):
                self._leave(other.column, why, f"{name!r} is {why}, counted from the other end")
            elif first.quantity.startswith("stage") and self._holds("distance"):
                note = (
                    f"{name!r} and column {first.column + 1} would both be {first.quantity}; "
                    f"neither is used, for there is a distance. Say in {FILE} which is not to be "
                    f"read: skip_columns = [{other.column + 1}]"
                )
                self._leave(other.column, "contradicts another column", note)
                self._leave(first.column, "contradicts another column")
            else:
                self._found[other.column] = other

    def _runs_back(self, one: Found, other: Found) -> bool:
        """Two distances are those along one line, counted from its two ends."""
        a = self.body.numbers(one.column) * LENGTHS_UM[one.unit]
        b = self.body.numbers(other.column) * LENGTHS_UM[other.unit]
        both = a + b
        both = both[~np.isnan(both)]
        rounding = self.body.rounding(one.column) * LENGTHS_UM[one.unit]
        rounding += self.body.rounding(other.column) * LENGTHS_UM[other.unit]
        return len(both) > 1 and float(np.ptp(both)) <= 2 * rounding + 1e-9

    def _varies(self, column: int) -> bool:
        return len(set(self.body.values(column))) > 1

    def _lone_axis(self) -> None:
        """Take x without y (or y without x) for the distance: a place on the stage needs both."""
        axes = [n for n, found in self._found.items() if found.quantity in ("stage_x", "stage_y")]
        if len(axes) == 1 and not self._holds("distance") and self._varies(axes[0]):
            unit = self.names[axes[0]].unit
            unit = unit if unit in LENGTHS_UM else "um"
            self._set(axes[0], "distance", unit, 0.5, "one axis without the other")

    def naming(self) -> None:
        """Find the columns that number and name the points."""
        best: dict[str, int] = {}
        for number, name in enumerate(self.names):
            quantity = name.quantity
            if quantity == "point" and 2 * len(self.body.values(number)) < self.body.filled(number):
                quantity = "comment"
            elif quantity == "point" and self._in_runs(number):
                quantity = "group"
            if quantity in ("point", "dataset", "profile") and quantity not in best:
                best[quantity] = number
                self._set(number, quantity, "", 0.9, "named so")
                self.explicit |= quantity == "profile"
            elif quantity == "group" and self.body.filled(number):
                self._set(number, "group", "", 0.6, "names crystals or samples")
            elif quantity == "verdict" and self.body.filled(number):
                self._set(number, "verdict", "", 0.8, "says which analyses are rejected")
            elif quantity == "comment" and self.body.filled(number):
                plain = self.sheet.rows[self.header][number].strip().lower()
                if "comment" not in best or plain.startswith("comment"):
                    best["comment"] = number
        if "comment" not in best and not self.explicit:
            for number in range(min(self.body.width, 40)):
                words = self.body.filled(number) - len(self.body.values(number))
                free = not self._quantity(number) and not self._name(number)
                free = free and not self._holds_dates(number)
                if free and words and words > 0.6 * len(self.body.rows):
                    best["comment"] = number
                    break
        if "comment" in best and not self._quantity(best["comment"]):
            self._set(best["comment"], "comment", "", 0.7, "text")
        for number in range(len(self.names)):
            cells = [row[number] for row in self.body.rows if number < len(row)]
            spare = self._name(number) == "comment" and not self._quantity(number)
            if spare and means_rejected(cells):
                self._set(number, "verdict", "", 0.6, "its words reject analyses")

    def _unit(self, name: Header, values: list[float]) -> tuple[str, float, str]:
        if name.unit in LENGTHS_UM:
            return name.unit, 0.95, f"{name.unit}, as its name says"
        farthest = max(abs(value) for value in values)
        if name.quantity == "distance":
            if farthest < 3 and len(values) > 2:
                return "um", 0.4, f"no unit: um; the largest is {farthest:g}, perhaps it is mm"
            return "um", 0.8, "no unit: um"
        if name.quantity in ("x", "y"):
            return "um", 0.9, "in the section"
        if name.quantity in ("beam_x", "beam_y"):
            return "um", 0.9, "the beam is deflected by micrometres"
        if self.peaksight:
            return "um", 0.95, "PeakSight gives the stage in um"
        if self._stage_reach() > LONGEST_STAGE_MM:
            return "um", 0.8, f"no unit: um, for no stage is {self._stage_reach():.0f} mm long"
        return "mm", 0.6, "no unit: mm"

    def _stage_reach(self) -> float:
        """Farthest coordinate of all stage axes, so that they get one unit."""
        return max(
            (
                abs(value)
                for number, name in enumerate(self.names)
                if name.quantity in ("stage_x", "stage_y")
                for value in self.body.values(number)
            ),
            default=0.0,
        )

    def _holds_dates(self, column: int) -> bool:
        """Tell whether most cells are days or times, which name no traverse."""
        return 2 * sum(
            column < len(row) and _DATE.search(row[column]) is not None for row in self.body.rows
        ) > self.body.filled(column)

    def _in_runs(self, column: int) -> bool:
        """Tell whether a number stays the same over several rows, as that of a traverse does."""
        values = self.body.values(column)
        changes = sum(a != b for a, b in itertools.pairwise(values))
        return len(values) > 3 and 0 < 2 * changes < len(values)

    def _name(self, column: int) -> str:
        return self.names[column].quantity if column < len(self.names) else ""

    def _quantity(self, column: int) -> str:
        return self._found[column].quantity if column in self._found else ""

    def _holds(self, quantity: str) -> bool:
        return any(found.quantity == quantity for found in self._found.values())

    def _set(self, column: int, quantity: str, unit: str, confidence: float, why: str) -> None:
        self._found[column] = Found(column, quantity, unit, confidence, why)

    def _leave(self, column: int, why: str, note: str = "") -> None:
        self._found[column] = Found(column, why=why, note=note)


def _first_words(sheet: Sheet) -> int:
    """Row that a person may have meant as the header: the first with several words."""
    for number, row in enumerate(sheet.rows[:50]):
        words = [cell for cell in row if cell and not is_number(cell)]
        if len(words) > 1:
            return number
    return 0
