"""Blocks of columns of one kind: oxides, elements, counts, limits, told apart by their headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from napari_olivine.readers.epma.column_headers import HALOGENS, Header, label_of
from napari_olivine.readers.epma.layout import ENOUGH, row_above
from napari_olivine.tabular import Sheet

Named = tuple[int, str]
"""Column (from 0) and its quantity."""


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
    heading
        What stands above the block, empty if nothing does.
    """

    kind: str
    unit: str
    columns: dict[str, int] = field(default_factory=dict)
    stated: bool = False
    heading: str = ""

    @property
    def enough(self) -> bool:
        """It holds magnesium and iron."""
        return any(needed <= set(self.columns) for needed in ENOUGH[self.kind])

    @property
    def where(self) -> str:
        """Its columns, from 1, as a message names them."""
        numbers = sorted(column + 1 for column in self.columns.values())
        return (
            f"column {numbers[0]}" if len(numbers) == 1 else f"columns {numbers[0]}-{numbers[-1]}"
        )


def find_blocks(sheet: Sheet, header: int, names: Sequence[Header]) -> list[Block]:
    """Sort the columns of composition into blocks, in the order in which they begin.

    Columns belong together if they are of one kind (oxides, elements) and unit. A block ends
    where the same columns come again; a single column that comes again is a block of its own.

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
    composition = [
        (column, name)
        for column, name in enumerate(names)
        if name.kind in ENOUGH and name.quantity not in HALOGENS
    ]
    headings = _headings(sheet, header, names)
    groups: dict[tuple[str, str], list[Named]] = {}
    stated = set()
    for column, name in composition:
        label = label_of(headings.get(column, ""))
        unit = "other" if label == "other" else name.unit or label
        if unit:
            stated.add(column)
        elif name.kind == "oxide":
            unit = "wt%"
        groups.setdefault((name.kind, unit), []).append((column, name.quantity))
    blocks = [
        Block(kind, unit, columns, any(c in stated for c in columns.values()),
              headings.get(min(columns.values()), ""))
        for (kind, unit), group in groups.items()
        for columns in _split(group)
    ]  # fmt: skip
    blocks.sort(key=lambda block: min(block.columns.values()))
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


def _split(columns: Sequence[Named]) -> list[dict[str, int]]:
    """Part columns of one kind and unit into blocks in which no quantity comes twice."""
    blocks: list[dict[str, int]] = [{}]
    again: list[dict[str, int]] = []
    for place, (column, quantity) in enumerate(columns):
        if quantity in blocks[-1]:
            if _begins_anew(columns[place:], blocks[-1]):
                blocks.append({})
            else:  # one column twice, or two blocks whose columns alternate
                home = next((each for each in again if quantity not in each), None)
                if home is None:
                    again.append(home := {})
                home[quantity] = column
                continue
        blocks[-1][quantity] = column
    return [*blocks, *again]


def _begins_anew(following: Sequence[Named], block: dict[str, int]) -> bool:
    """Tell whether the columns that follow are those of a block again, and not one of them."""
    run: set[str] = set()
    for _, quantity in following:
        if quantity in run:
            break
        run.add(quantity)
    both = run & set(block)
    return len(both) > 2 or (len(both) == 2 and run <= set(block))


def _headings(sheet: Sheet, header: int, names: Sequence[Header]) -> dict[int, str]:
    """Heading over each column of composition."""
    above = row_above(sheet, header)
    filled = [column for column, cell in enumerate(above) if cell]
    if not filled:
        return {}
    runs = _runs(names)
    if len(filled) > 1 and len(filled) == len(runs) and filled[-1] - filled[0] < len(filled):
        # PeakSight packs the names of its blocks side by side, in the blocks' order.
        return {
            column: above[place]
            for place, run in zip(filled, runs, strict=True)
            for column in run
        }  # fmt: skip
    first = min((column for run in runs for column in run), default=0)
    if len(filled) == 1 and filled[0] < first:
        return {}  # the title of the table
    headings: dict[int, str] = {}
    current = ""
    for column in range(len(names)):
        current = (above[column] if column < len(above) else "") or current
        headings[column] = current
    return headings if any(label_of(text) for text in headings.values()) else {}


def _runs(names: Sequence[Header]) -> list[list[int]]:
    """Columns of composition, parted where their kind changes or they come again."""
    runs: list[list[int]] = []
    kind, block = "", dict[str, int]()
    columns = [(c, n) for c, n in enumerate(names) if n.kind in ENOUGH]
    for place, (column, name) in enumerate(columns):
        following = [(c, n.quantity) for c, n in columns[place:] if n.kind == name.kind]
        again = name.quantity in block and _begins_anew(following, block)
        if name.kind != kind or again:
            runs.append([])
            kind, block = name.kind, {}
        runs[-1].append(column)
        block[name.quantity] = column
    return runs
