"""The columns of the composition: oxides or elements, their total, and columns that come twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from napari_olivine.readers.epma.blocks import Block
from napari_olivine.readers.epma.column_headers import IRON_OXIDES, SHARES_PERCENT
from napari_olivine.readers.epma.composition import Choice, Composition, compare, is_whole
from napari_olivine.readers.epma.elements import oxide_of

MAIN = ("Mg", "Fe", "Si")
"""Elements of olivine: where they contradict their oxides, something was misread."""

ATOMIC_WEIGHTS = 2e-3
"""How far apart the factors are with which programs convert elements to oxides."""


@dataclass(frozen=True)
class Found:
    """What was found out about a column; see `mapping.Column`.

    Parameters
    ----------
    column
        From 0.
    quantity
        Empty if the column is left out.
    unit, confidence, why, note
        As a column of a mapping has them.
    """

    column: int
    quantity: str = ""
    unit: str = ""
    confidence: float = 0.0
    why: str = ""
    note: str = ""


def infer_composition(composition: Composition) -> list[Found]:
    """Find the columns of the composition.

    Parameters
    ----------
    composition
        The blocks of a table.

    Returns
    -------
    found
        Columns that are taken, and columns that are left out for a reason. A quantity that two
        columns hold, between which nothing decides, is there twice.
    """
    choice = composition.choose()
    if choice.block is None:
        return [*_oxides_alone(composition), *_others(composition, choice, set())]
    why = choice.why if not choice.rivals else "each of the blocks can be the composition"
    found = [
        Found(column, quantity, block.unit or "wt%", choice.confidence, why)
        for block in (choice.block, *choice.rivals)
        for quantity, column in block.columns.items()
    ]
    for block in composition.blocks:
        if block is not choice.block and block not in choice.rivals:
            found = _with_single_columns(composition, choice.block, block, found)
    found += _total(composition, choice)
    return [*found, *_others(composition, choice, {each.column for each in found})]


def _oxides_alone(composition: Composition) -> Iterator[Found]:
    """Oxides of a table that has too few for mg#, so that a person sees what was understood."""
    for block in composition.blocks:
        if block.kind == "oxide" and block.unit in SHARES_PERCENT:
            for quantity, column in block.columns.items():
                name = composition.names[column]
                if name.unit in ("", *SHARES_PERCENT):
                    yield Found(column, quantity, block.unit, 0.5, "name of an oxide")


def _with_single_columns(
    composition: Composition, chosen: Block, block: Block, found: list[Found]
) -> list[Found]:
    """Add columns that the chosen block lacks; decide between those that it holds already."""
    if block.kind == "element" and chosen.kind == "oxide":
        return [*found, *_elements_beside(composition, chosen, block)]
    if is_whole(block, chosen) or block.kind != chosen.kind or block.unit not in SHARES_PERCENT:
        return found
    alike = (block.unit, block.stated) == (chosen.unit, chosen.stated)
    filled = {q: c for q, c in block.columns.items() if composition.body.filled(c)}
    if block.stated or (alike and len(block.columns) <= 2):
        found = found + [
            Found(column, quantity, block.unit, 0.7, f"in {block.unit}, on its own")
            for quantity, column in filled.items()
            if quantity not in chosen.columns
        ]
    again = {q: c for q, c in filled.items() if q in chosen.columns}
    if again and block.unit == chosen.unit:
        return _decide_again(composition, chosen, again, found)
    return found + [
        Found(c, note=f"{q} in {block.unit} (column {c + 1}) is not what {q} in {chosen.unit} "
              f"(column {chosen.columns[q] + 1}) says; the second is taken, beside the others",
              why="contradicts the column in the other unit")
        for q, c in again.items()
        if not _agree(composition, chosen, q, c, block.unit)
    ]  # fmt: skip


def _decide_again(
    composition: Composition, chosen: Block, again: dict[str, int], found: list[Found]
) -> list[Found]:
    verdict = compare(composition, chosen, again)
    if not verdict.decided:
        return found + [
            Found(column, quantity, chosen.unit, 0.5, verdict.why)
            for quantity, column in again.items()
        ]
    left = {q: chosen.columns[q] if q in verdict.replace else c for q, c in again.items()}
    for quantity in verdict.replace:
        column = chosen.columns[quantity] = again[quantity]
        found = [each for each in found if each.column != left[quantity]]
        found.append(Found(column, quantity, chosen.unit, 0.9, verdict.why))
    said = [quantity for quantity in again if quantity not in verdict.same]
    note = (
        f"{', '.join(said)} stand twice in the header; {_columns(chosen.columns, said)} taken and "
        f"{_columns(left, said)} left out: {verdict.why}"
    )
    for quantity, column in left.items():
        why = f"column {chosen.columns[quantity] + 1} again: {verdict.why}"
        first = bool(said) and quantity == said[0]
        found = [*found, Found(column, why=why, note=note if first else "")]
    return found


def _columns(columns: dict[str, int], quantities: list[str]) -> str:
    numbers = [str(columns[quantity] + 1) for quantity in quantities]
    return f"column {numbers[0]} is" if len(numbers) == 1 else f"columns {', '.join(numbers)} are"


def _elements_beside(composition: Composition, chosen: Block, block: Block) -> Iterator[Found]:
    """Elements beside oxides: traces in ppm become oxides, others must agree with their oxides."""
    if block.unit not in SHARES_PERCENT:
        return
    held = {oxide_of(quantity)[0] for quantity in chosen.columns}
    held |= {"FeO"} if held & set(IRON_OXIDES) else set()
    for element, column in block.columns.items():
        if element == "O" or not composition.body.filled(column):
            continue
        oxide = oxide_of(element)[0]
        if oxide not in held:
            if block.unit == "ppm":
                yield Found(column, element, "ppm", 0.7, "in ppm, converted to its oxide")
        elif (
            block.stated
            and element in MAIN
            and oxide in chosen.columns
            and not _agree(composition, chosen, oxide, column, block.unit, oxide_of(element)[1])
        ):
            yield Found(
                column,
                why=f"contradicts {oxide}",
                note=f"{element} (column {column + 1}) is not what {oxide} (column "
                f"{chosen.columns[oxide] + 1}) says, which is taken; check which of them is right",
            )


def _agree(
    composition: Composition,
    chosen: Block,
    quantity: str,
    column: int,
    unit: str,
    factor: float = 1.0,
) -> bool:
    factors = (SHARES_PERCENT[chosen.unit], SHARES_PERCENT[unit] * factor)
    relative = ATOMIC_WEIGHTS if factor != 1.0 else 1e-9
    return composition.body.agree(chosen.columns[quantity], column, factors, relative)


def _total(composition: Composition, choice: Choice) -> list[Found]:
    """Take the total of the chosen block; of several the one that is nearest to its sum."""
    block = choice.block
    if block is None or (block.kind == "element" and "O" not in block.columns):
        return []
    columns = composition.totals_of(block)
    if not columns:
        return []
    best = min(columns, key=lambda column: composition.misfit_of(block, column))
    return [Found(best, "Total", "wt%", choice.confidence, "total of the oxides")]


def _others(composition: Composition, choice: Choice, taken: set[int]) -> Iterator[Found]:
    """Say why the columns of the other blocks are left out."""
    for block in composition.blocks:
        unit = {"other": "no shares by weight", "": "without a unit"}.get(block.unit, block.unit)
        if not block.stated:
            unit += f", whose oxides sum to {composition.median_sum(block):.1f}"
        why = f"in a block of {block.kind}s, {unit}: not taken"
        for column in block.columns.values():
            if column not in taken:
                yield Found(column, why=why, note=choice.notes.get(column, ""))
            elif column in choice.notes:
                yield Found(column, note=choice.notes[column])
