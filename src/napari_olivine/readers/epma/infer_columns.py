"""The best guess of the quantity and unit of each column of a table, and the reason for it."""

from __future__ import annotations

import itertools
import math
import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.column_headers import LENGTHS_UM, SHARES_PERCENT, Header
from napari_olivine.readers.epma.elements import oxide_of
from napari_olivine.readers.epma.layout import (
    Block,
    HeaderRow,
    find_blocks,
    find_header,
    find_units_row,
    headers_of,
    nearest_block,
    open_sheets,
)
from napari_olivine.readers.epma.mapping import Column, ColumnMapping
from napari_olivine.readers.epma.verdicts import means_rejected
from napari_olivine.tabular import Sheet, has_decimal_commas, is_blank, is_number, read_number

SAMPLE = 2000
"""Rows whose numbers are looked at to judge a column."""

LIKELY_TOTAL = (60.0, 115.0)
"""Range of the median sum of a block of oxides in wt%; formulas sum to a few, errors to less."""

LIKELY_OXIDES = (88.0, 108.0)
"""Range of the sum of oxides calculated from elements that do not say that they are wt%."""

LONGEST_STAGE_MM = 200.0
"""No stage is longer: coordinates beyond are micrometres."""

_DATE = re.compile(r"\b\d{1,2}:\d{2}\b|\b(?:\d{4}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2})[-/.]\d{1,4}\b")


def suggest(file: Path, sheet: str = "") -> ColumnMapping:
    """Guess what the columns of a table hold.

    Parameters
    ----------
    file
        A table of any maker: .csv, .txt, .xlsx, .ods, ...
    sheet
        Sheet of a spreadsheet; empty for the one that fits best.

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
    sheets = open_sheets(file)
    chosen = choose_sheet(file, sheets, sheet)
    return suggest_for(file, chosen, alone=len(sheets) == 1)


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


def suggest_for(file: Path, sheet: Sheet, *, alone: bool = True) -> ColumnMapping:
    """Guess what the columns of one sheet hold.

    Parameters
    ----------
    file
        File that the mapping names.
    sheet
        The sheet.
    alone
        Whether the file has no other sheet; otherwise the mapping names the sheet.

    Returns
    -------
    mapping
        As `suggest` returns it.
    """
    header = find_header(sheet.rows) or HeaderRow(_first_words(sheet), False, 0, 0, False)
    units = find_units_row(sheet, header.row) if sheet.rows else -1
    names = headers_of(sheet, header.row, units) if sheet.rows else []
    body = sheet.rows[max(header.row, units) + 1 :][:SAMPLE]
    decimal = decimal_mark(sheet, body)
    guess = _Guess(sheet, header.row, names, body, decimal == ",")
    guess.composition()
    guess.places()
    guess.naming()
    return ColumnMapping(
        file=file.name,
        sheet="" if alone else sheet.name,
        separator=sheet.separator,  # type: ignore[arg-type]
        decimal=decimal,  # type: ignore[arg-type]
        header_row=header.row + 1,
        units_row=units + 1,
        columns=tuple(guess.columns()),
    )


def decimal_mark(sheet: Sheet, body: Sequence[Sequence[str]]) -> str:
    """Return ``,`` or ``.``, as the numbers of a sheet are written."""
    cells = (cell for row in body for cell in row)
    return "," if has_decimal_commas(cells, typed=not sheet.separator) else "."


class _Guess:
    """Quantity, unit, confidence and reason of every column, filled in one after the other."""

    def __init__(
        self,
        sheet: Sheet,
        header: int,
        names: list[Header],
        body: list[list[str]],
        decimal_comma: bool,
    ) -> None:
        self.sheet, self.header, self.names, self.body = sheet, header, names, body
        self.decimal_comma = decimal_comma
        self.peaksight = any(name.quantity == "dataset" for name in names)
        self.explicit = False
        self._found: dict[int, tuple[str, str, float, str]] = {}
        self._not: dict[int, str] = {}
        self._numbers: dict[int, list[float]] = {}

    def columns(self) -> list[Column]:
        """Every column that has a name or a meaning."""
        texts = self.sheet.rows[self.header] if self.sheet.rows else []
        result = []
        for number in range(max(len(texts), max(self._found, default=-1) + 1)):
            text = texts[number] if number < len(texts) else ""
            quantity, unit, confidence, why = self._found.get(
                number, ("", "", 0.0, self._not.get(number, "not recognised"))
            )
            if text or quantity:
                result.append(
                    Column(
                        column=number + 1, header=text, quantity=quantity, unit=unit,
                        confidence=confidence, why=why,
                    )
                )  # fmt: skip
        return result

    def composition(self) -> None:
        """Choose the block of oxides in wt%, or of elements where there is none."""
        blocks = find_blocks(self.sheet, self.header, self.names)
        chosen, why, confidence = self._choose(blocks)
        if chosen is None:
            for number, name in enumerate(self.names):
                if name.kind == "oxide" and name.unit in ("", *SHARES_PERCENT):
                    block = next((b for b in blocks if number in b.columns.values()), None)
                    if block is not None and block.unit in SHARES_PERCENT:
                        self._set(number, name.quantity, block.unit, 0.5, "name of an oxide")
            self._unused(blocks, None)
            return
        for quantity, column in chosen.columns.items():
            self._set(column, quantity, chosen.unit or "wt%", confidence, why)
        self._orphans(blocks, chosen)
        self._total(blocks, chosen, confidence)
        self._unused(blocks, chosen)

    def places(self) -> None:
        """Find distances and positions."""
        for number, name in enumerate(self.names):
            if name.kind != "place" or self._holds(name.quantity):
                continue
            values = self._values(number)
            if 2 * len(values) < self._filled(number) or not values:
                self._not[number] = "named like a place, but holds words"
                continue
            unit, confidence, why = self._unit(name, values)
            self._set(number, name.quantity, unit, confidence, why)
        self._lone_axis()
        placed = self._holds("distance") or self._holds("stage_x") or self._holds("x")
        for number, (quantity, unit, _, _) in list(self._found.items()):
            if quantity == "stage_z" and not placed and len(set(self._values(number))) > 1:
                self._set(number, "distance", unit, 0.5, "z, and no other column can be it")

    def _lone_axis(self) -> None:
        """Take x without y (or y without x) for the distance: a place on the stage needs both."""
        axes = [n for n, found in self._found.items() if found[0] in ("stage_x", "stage_y")]
        if len(axes) == 1 and not self._holds("distance") and len(set(self._values(axes[0]))) > 1:
            unit = self.names[axes[0]].unit
            unit = unit if unit in LENGTHS_UM else "um"
            self._set(axes[0], "distance", unit, 0.5, "one axis without the other")

    def naming(self) -> None:
        """Find the columns that number and name the points."""
        best: dict[str, int] = {}
        for number, name in enumerate(self.names):
            quantity = name.quantity
            if quantity == "point" and 2 * len(self._values(number)) < self._filled(number):
                quantity = "comment"
            elif quantity == "point" and self._in_runs(number):
                quantity = "group"
            if quantity in ("point", "dataset", "profile") and quantity not in best:
                best[quantity] = number
                self._set(number, quantity, "", 0.9, "named so")
                self.explicit |= quantity == "profile"
            elif quantity == "group" and self._filled(number):
                self._set(number, "group", "", 0.6, "names crystals or samples")
            elif quantity == "verdict" and self._filled(number):
                self._set(number, "verdict", "", 0.8, "says which analyses are rejected")
            elif quantity == "comment" and self._filled(number):
                plain = self.sheet.rows[self.header][number].strip().lower()
                if "comment" not in best or plain.startswith("comment"):
                    best["comment"] = number
        if "comment" not in best and not self.explicit:
            for number in range(min(self._width(), 40)):
                words = self._filled(number) - len(self._values(number))
                free = number not in self._found and not self._name(number)
                free = free and not self._holds_dates(number)
                if free and words and words > 0.6 * len(self.body):
                    best["comment"] = number
                    break
        if "comment" in best and best["comment"] not in self._found:
            self._set(best["comment"], "comment", "", 0.7, "text")
        for number in range(len(self.names)):
            cells = [row[number] for row in self.body if number < len(row)]
            spare = self._name(number) == "comment" and number not in self._found
            if spare and means_rejected(cells):
                self._set(number, "verdict", "", 0.6, "its words reject analyses")

    def _choose(self, blocks: list[Block]) -> tuple[Block | None, str, float]:
        oxides = [b for b in blocks if b.kind == "oxide" and b.enough and b.unit in SHARES_PERCENT]
        if self.peaksight and len(oxides) > 1:
            return oxides[-1], "the last block of oxides (PeakSight)", 0.9
        if len(oxides) == 1 and oxides[0].stated:
            return oxides[0], f"oxides in {oxides[0].unit}, as the table says", 0.95
        likely = [b for b in oxides if LIKELY_TOTAL[0] <= self._sum(b) <= LIKELY_TOTAL[1]]
        if likely:
            likely = [b for b in likely if not self._is_normalised(b)] or likely
            best = next((b for b in likely if b.stated), likely[0])
            how = "as the table says" if best.stated else "to which they sum"
            return best, f"oxides in wt%, {how}", 0.95 if best.stated else 0.85
        if oxides:
            return oxides[0], "oxides; their sum is not that of wt%", 0.5
        elements = [b for b in blocks if b.kind == "element" and b.enough]
        for block in elements:
            if block.unit in SHARES_PERCENT:
                return block, f"elements in {block.unit}, converted to oxides", 0.9
        for block in elements:
            low, high = LIKELY_OXIDES
            if not block.unit and low <= self._sum(block) <= high:
                return block, "elements whose oxides sum to 100 %: converted to oxides", 0.6
        return None, "", 0.0

    def _orphans(self, blocks: list[Block], chosen: Block) -> None:
        """Add oxides and elements in ppm, or oxides between others, that the chosen block lacks."""
        for block in blocks:
            if (block.kind, block.unit, chosen.kind) == ("element", "ppm", "oxide"):
                for element, column in block.columns.items():
                    if element != "O" and oxide_of(element)[0] not in chosen.columns:
                        self._set(column, element, "ppm", 0.7, "in ppm, converted to its oxide")
            if block is chosen or block.kind != chosen.kind or block.enough:
                continue
            twice = (block.unit, block.stated) == (chosen.unit, chosen.stated)
            if block.unit not in SHARES_PERCENT or (not block.stated and not twice):
                continue
            if twice and len(block.columns) > 2:
                continue
            for quantity, column in block.columns.items():
                # The same oxide twice is left to the person, who sees both.
                if quantity not in chosen.columns or (twice and not self._is_empty(column)):
                    self._set(column, quantity, block.unit, 0.7, f"in {block.unit}, on its own")

    def _total(self, blocks: list[Block], chosen: Block, confidence: float) -> None:
        if chosen.kind == "element" and "O" not in chosen.columns:
            return
        for number, name in enumerate(self.names):
            if name.kind != "total" or name.unit not in ("", "wt%"):
                continue
            own = nearest_block(blocks, number)
            if own is chosen or (own is not None and not own.enough):
                self._set(number, "Total", "wt%", confidence, "total of the oxides")
                return

    def _unused(self, blocks: list[Block], chosen: Block | None) -> None:
        for block in blocks:
            if block is not chosen:
                unit = {"other": "no shares by weight", "": "without a unit"}.get(
                    block.unit, block.unit
                )
                for column in block.columns.values():
                    self._not.setdefault(column, f"in a block of {block.kind}s, {unit}: not taken")

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
                for value in self._values(number)
            ),
            default=0.0,
        )

    def _sum(self, block: Block) -> float:
        """Median over the rows of the sum of a block's oxides, wt%."""
        sums = self._sums(block)
        return statistics.median(sums) if sums else 0.0

    def _is_normalised(self, block: Block) -> bool:
        """Every row sums to 100, as no measurement does."""
        sums = self._sums(block)
        return len(sums) > 1 and all(abs(each - 100) < 0.05 for each in sums)

    def _sums(self, block: Block) -> list[float]:
        sums: list[float] = []
        for row in self.body[:500]:
            total, seen = 0.0, False
            for quantity, column in block.columns.items():
                value = self._number(row, column)
                if value is None or quantity == "O":
                    continue
                seen = True
                if block.kind == "element":
                    value *= oxide_of(quantity)[1]
                total += value * SHARES_PERCENT.get(block.unit, 1.0)
            if seen and math.isfinite(total):
                sums.append(total)
        return sums

    def _values(self, column: int) -> list[float]:
        if column not in self._numbers:
            read = (self._number(row, column) for row in self.body)
            self._numbers[column] = [value for value in read if value is not None]
        return self._numbers[column]

    def _number(self, row: Sequence[str], column: int) -> float | None:
        if column >= len(row):
            return None
        return read_number(row[column], decimal_comma=self.decimal_comma)

    def _filled(self, column: int) -> int:
        return sum(column < len(row) and not is_blank(row[column]) for row in self.body)

    def _holds_dates(self, column: int) -> bool:
        """Tell whether most cells are days or times, which name no traverse."""
        return 2 * sum(
            column < len(row) and _DATE.search(row[column]) is not None for row in self.body
        ) > self._filled(column)

    def _in_runs(self, column: int) -> bool:
        """Tell whether a number stays the same over several rows, as that of a traverse does."""
        values = self._values(column)
        changes = sum(a != b for a, b in itertools.pairwise(values))
        return len(values) > 3 and 0 < 2 * changes < len(values)

    def _is_empty(self, column: int) -> bool:
        return self._filled(column) == 0

    def _width(self) -> int:
        return max((len(row) for row in self.body[:50]), default=0)

    def _name(self, column: int) -> str:
        return self.names[column].quantity if column < len(self.names) else ""

    def _holds(self, quantity: str) -> bool:
        return any(found[0] == quantity for found in self._found.values())

    def _set(self, column: int, quantity: str, unit: str, confidence: float, why: str) -> None:
        self._found[column] = (quantity, unit, confidence, why)


def _first_words(sheet: Sheet) -> int:
    """Row that a person may have meant as the header: the first with several words."""
    for number, row in enumerate(sheet.rows[:50]):
        words = [cell for cell in row if cell and not is_number(cell)]
        if len(words) > 1:
            return number
    return 0
