"""The layout of a sheet: its separator, its header row, its units."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_olivine.readers.epma.column_headers import (
    IRON_OXIDES,
    NOTHING,
    Header,
    is_unit,
    read_header,
)
from napari_olivine.readers.epma.mapping import ColumnMapping
from napari_olivine.tabular import (
    SEPARATORS,
    Sheet,
    is_blank,
    is_number,
    is_spreadsheet,
    read_spreadsheet,
    read_text,
    split_text,
)

HEADER_ROWS = 400
"""Rows among which the header is sought; PeakSight writes some 40 lines before it."""

HEADER_COLUMNS = 400

ENOUGH = {
    "oxide": tuple({"MgO", iron} for iron in IRON_OXIDES),
    "element": ({"Mg", "Fe"},),
}
"""Columns that a block needs for mg#."""


@dataclass(frozen=True)
class HeaderRow:
    """A row of a sheet that looks like the header.

    Parameters
    ----------
    row
        From 0.
    enough
        It names magnesium and iron.
    score
        Number of quantities that it names.
    composition
        Number of oxides and elements among them.
    followed
        Numbers stand beneath it.
    """

    row: int
    enough: bool
    score: int
    composition: int
    followed: bool

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Larger for a better header."""
        return self.enough, self.followed, self.score

    @property
    def heads_analyses(self) -> bool:
        """It is the header of a table of analyses, and not a list of elements in some note."""
        return self.enough and self.followed


def open_sheets(file: Path, mapping: ColumnMapping | None = None) -> list[Sheet]:
    """Read all sheets of a file, split as the mapping says or as gives the best header.

    Raises
    ------
    InputError
        If the file cannot be read as a table at all.
    """
    if is_spreadsheet(file):
        return read_spreadsheet(file)
    text = read_text(file)
    if mapping is not None and mapping.separator:
        return [split_text(file, text, mapping.separator)]
    return [split_text(file, text, _separator(file, text))]


def find_header(rows: Sequence[Sequence[str]]) -> HeaderRow | None:
    """Find the row that names the most quantities; the first of equals."""
    best = None
    for number in range(min(len(rows), HEADER_ROWS)):
        found = _judge(rows, number)
        if found is not None and (best is None or found.rank > best.rank):
            best = found
    return best


def headers_of(sheet: Sheet, row: int, units_row: int = -1) -> list[Header]:
    """Read the names of all columns, with the units beneath them.

    Places and names of points may stand above a blank or a unit of the header row: in cells that
    were merged with it, beside a heading over the oxides.

    Parameters
    ----------
    sheet
        Sheet.
    row, units_row
        From 0; -1 where there is no row of units.

    Returns
    -------
    headers
        One for each column of the header row.
    """
    names = sheet.rows[row]
    units = sheet.rows[units_row] if units_row >= 0 else []
    found = []
    for column, name in enumerate(names):
        header = read_header(name)
        unit = units[column] if column < len(units) else ""
        if unit and not header.unit:
            header = read_header(f"{name} ({unit.strip('()[] ')})")
        if not name or is_unit(name):
            header = _merged_above(sheet, row, column, unit or name) or header
        found.append(header)
    return found


def _merged_above(sheet: Sheet, row: int, column: int, unit: str) -> Header | None:
    """Read the name in the next filled cell above a column; `None` if it heads no column alone."""
    for above in sheet.rows[max(0, row - 2) : row][::-1]:
        cell = above[column] if column < len(above) else ""
        if cell:
            header = read_header(f"{cell} ({unit.strip('()[] ')})" if unit else cell)
            if cell.lower().startswith("oliv"):  # the heading of a sheet
                return None
            return header if header.kind in ("place", "name", "point") else None
    return None


def find_units_row(sheet: Sheet, header: int) -> int:
    """Return the row beneath the header if it holds units and nothing else, else -1."""
    if header + 1 >= len(sheet.rows):
        return -1
    cells = [cell for cell in sheet.rows[header + 1] if cell]
    units = sum(is_unit(cell) for cell in cells)
    if units and 2 * units >= len(cells) and not any(is_number(cell) for cell in cells):
        return header + 1
    return -1


def row_above(sheet: Sheet, header: int) -> Sequence[str]:
    """Return the row of headings above the names of the columns; empty if there is none near."""
    for above in sheet.rows[max(0, header - 2) : header][::-1]:
        if any(above):
            return above
    return ()


def second_table_begins(quantities: Sequence[str]) -> int | None:
    """Column (from 0) where a second table stands beside the first: distances and MgO alternate."""
    turns = [(n, q) for n, q in enumerate(quantities) if q in ("distance", "MgO")][:4]
    if len(turns) < 4 or any(a[1] == b[1] for a, b in itertools.pairwise(turns)):
        return None
    return turns[2][0]


def without_second_table(names: Sequence[Header]) -> list[Header]:
    """Return the names of the columns, without those of a table beside the first."""
    begins = second_table_begins([name.quantity for name in names])
    kept = len(names) if begins is None else begins
    return [*names[:kept], *[NOTHING] * (len(names) - kept)]


def is_transposed(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the oxides stand below each other, one analysis a column."""
    for column in range(3):
        names = {read_header(row[column]).quantity for row in rows[:200] if column < len(row)}
        if any(needed <= names for needed in ENOUGH["oxide"]):
            return True
    return False


def _judge(rows: Sequence[Sequence[str]], number: int) -> HeaderRow | None:
    quantities: dict[str, int] = {}
    composition = numbers = filled = 0
    for column, cell in enumerate(rows[number][:HEADER_COLUMNS]):
        if not cell:
            continue
        filled += 1
        header = read_header(cell)
        if header.quantity and header.quantity not in quantities:
            quantities[header.quantity] = column
            composition += header.kind in ENOUGH
        elif cell[0] in "0123456789.+-,":
            numbers += 1
    if not quantities or 2 * numbers > filled:
        return None
    enough = any(needed <= set(quantities) for sets in ENOUGH.values() for needed in sets)
    below = [row for row in rows[number + 1 : number + 12] if any(row)]
    followed = any(
        sum(column < len(row) and is_number(row[column]) for column in quantities.values())
        >= min(2, len(quantities))
        for row in below
    )
    return HeaderRow(number, enough, len(quantities), composition, followed)


def _separator(file: Path, text: str) -> str:
    """Choose the separator that splits off the best header, then the most even rows."""
    lines = text.splitlines()[:HEADER_ROWS]
    part = "\n".join(line[:20_000] for line in lines)
    best, best_rank = "", (False, False, -1, -1.0)
    for separator in SEPARATORS:
        if separator == "spaces" and best_rank[0] and best_rank[1]:
            break
        rows = split_text(file, part, separator).rows
        header = find_header(rows)
        filled = [sum(not is_blank(cell) for cell in row) for row in rows if any(row)]
        usual = sorted(filled)[len(filled) // 2] if filled else 0
        named = header.rank if header is not None else (False, False, 0)
        rank = (*named, float(usual) if separator not in ("spaces", "space") else 0.5)
        if rank > best_rank:
            best, best_rank = separator, rank
    return best
