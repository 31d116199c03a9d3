"""The layout of a sheet: its header row, its units, and the blocks of columns beneath headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_olivine.readers.epma.column_headers import (
    HALOGENS,
    Header,
    is_unit,
    label_of,
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

ENOUGH = {"oxide": ({"MgO", "FeO"}, {"MgO", "Fe2O3"}), "element": ({"Mg", "Fe"},)}
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


@dataclass
class Block:
    """Columns of one kind that stand together: oxides in wt%, elements in atomic %, ...

    Parameters
    ----------
    kind
        ``oxide`` or ``element``.
    unit
        ``wt%``, ``ppm``, ``at%``, ...; ``other`` under a heading such as "Detection limits"; empty
        for elements without a unit.
    columns
        Column (from 0) of each quantity.
    stated
        The unit is written in the table.
    """

    kind: str
    unit: str
    columns: dict[str, int] = field(default_factory=dict)
    stated: bool = False

    @property
    def enough(self) -> bool:
        """It holds magnesium and iron."""
        return any(needed <= set(self.columns) for needed in ENOUGH[self.kind])


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


def find_blocks(sheet: Sheet, header: int, names: Sequence[Header]) -> list[Block]:
    """Sort the columns of composition into blocks, in the order in which they begin.

    Columns belong together if they are of one kind (oxides, elements) and unit and stand under
    one heading; a quantity that comes again begins a new block.

    Parameters
    ----------
    sheet
        Sheet.
    header
        Header row, from 0.
    names
        Names of its columns, as `headers_of` reads them.

    Returns
    -------
    blocks
        Blocks of oxides or elements, with their halogens.
    """
    labels = _labels(sheet, header, names)
    in_order = _beside_each_other(labels, names)
    blocks: list[Block] = []
    for column, name in enumerate(names):
        if name.kind not in ENOUGH or name.quantity in HALOGENS:
            continue
        label = "" if in_order else labels.get(column, "")
        unit = "other" if label == "other" else name.unit or label
        stated = bool(unit)
        if not unit and name.kind == "oxide":
            unit = "wt%"
        same = [b for b in blocks if (b.kind, b.unit) == (name.kind, unit)]
        home = same[-1] if same and name.quantity not in same[-1].columns else None
        if home is None:
            home = Block(name.kind, unit, stated=stated)
            blocks.append(home)
        home.columns[name.quantity] = column
        home.stated |= stated
    if in_order:
        for block, label in zip(blocks, _heads(sheet.rows[header - _above(sheet, header)]),
                                strict=False):  # fmt: skip
            block.unit, block.stated = label, True
    for column, name in enumerate(names):
        if name.quantity in HALOGENS and (home := nearest_block(blocks, column)):
            home.columns.setdefault(name.quantity, column)
    return blocks


def nearest_block(blocks: Sequence[Block], column: int) -> Block | None:
    """Return the block that a column without a kind of its own (Total, F, Cl) stands in."""
    before = [
        (max(c for c in block.columns.values() if c < column), number)
        for number, block in enumerate(blocks)
        if any(c < column for c in block.columns.values())
    ]
    if before:
        return blocks[max(before)[1]]
    return blocks[0] if blocks else None


def is_transposed(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the oxides stand below each other, one analysis a column."""
    for column in range(3):
        names = {read_header(row[column]).quantity for row in rows[:200] if column < len(row)}
        if {"MgO", "FeO"} <= names:
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


def _above(sheet: Sheet, header: int) -> int:
    """How far above the header the nearest row that is not blank lies; 0 if none is near."""
    for up in (1, 2):
        if header - up >= 0 and any(sheet.rows[header - up]):
            return up
    return 0


def _heads(row: Sequence[str]) -> list[str]:
    return [label for cell in row if (label := label_of(cell))]


def _labels(sheet: Sheet, header: int, names: Sequence[Header]) -> dict[int, str]:
    """Meaning of the heading above each column: it holds until the next heading."""
    up = _above(sheet, header)
    if not up:
        return {}
    row = sheet.rows[header - up]
    labels: dict[int, str] = {}
    current = ""
    for column in range(len(names)):
        cell = row[column] if column < len(row) else ""
        if cell:
            current = label_of(cell)
        labels[column] = current
    return labels if any(labels.values()) else {}


def _beside_each_other(labels: dict[int, str], names: Sequence[Header]) -> bool:
    """PeakSight writes the headings of its blocks one beside the other, not above the blocks."""
    changes = [c for c, label in labels.items() if label and labels.get(c - 1) != label]
    known = sum(name.kind in ENOUGH for name in names)
    return len(changes) >= 2 and changes[-1] - changes[0] < 2 * len(changes) and known > 9
