"""Which of the blocks of a table is the composition: by its headings and by what numbers can be."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_olivine.readers.epma.blocks import Block, nearest_block
from napari_olivine.readers.epma.body import Body
from napari_olivine.readers.epma.column_headers import IRON_OXIDES, SHARES_PERCENT, Header
from napari_olivine.readers.epma.elements import ALL_IRON, CATIONS, oxide_of

Floats = NDArray[np.float64]

LIKELY_TOTAL = (60.0, 115.0)
"""Range of the median sum of a block of oxides in wt%; formulas sum to a few, errors to less."""

LIKELY_OXIDES = (88.0, 108.0)
"""Range of the sum of oxides calculated from elements that do not say that they are wt%."""

SAME_TOTAL = 0.3
"""wt%: a sum of rounded oxides and the total that a program calculated before it rounded them."""

MOST_ALONE = 4
"""Up to so many columns that stand twice are decided one by one."""

OLIVINE_CATIONS = (2.94, 3.06)
"""Cations of 4 O; M2SiO4 has three, one of them Si. Analyses within 3 % of it are good ones."""

OLIVINE_SILICON = (0.95, 1.05)


@dataclass
class Choice:
    """What was decided about the blocks.

    Parameters
    ----------
    block
        The composition; `None` if no block is.
    why, confidence
        As the columns of a mapping have them.
    rivals
        Other blocks that can be the composition as well: a person must say which.
    notes
        By the first column of a block that is left out: why, where that is to be said.
    """

    block: Block | None = None
    why: str = ""
    confidence: float = 0.0
    rivals: list[Block] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)


class Composition:
    """Sums, totals and formulas of the blocks of one table.

    Parameters
    ----------
    blocks
        Blocks of its header.
    names
        Names of all its columns.
    body
        Its rows.
    """

    def __init__(self, blocks: Sequence[Block], names: Sequence[Header], body: Body) -> None:
        self.blocks, self.names, self.body = blocks, names, body

    def choose(self) -> Choice:
        """Choose the block of oxides in wt%, or of elements where there is none."""
        shares = [b for b in self.blocks if b.enough and b.unit in SHARES_PERCENT]
        oxides = [block for block in shares if block.kind == "oxide"]
        # Single columns that stand twice are no composition beside a block that has silica.
        oxides = [block for block in oxides if "SiO2" in block.columns] or oxides
        likely = [block for block in oxides if self.is_likely(block)]
        if likely:
            best = self._decide(likely)
            how = "as the table says" if best.block and best.block.stated else "to which they sum"
            best.confidence = 0.95 if best.block and best.block.stated else 0.85
            best.why = f"oxides in wt%, {how}{best.why and '; '}{best.why}"
            return best
        elements = [
            block
            for block in self.blocks
            if block.kind == "element" and block.enough
            and (block in shares or not block.unit)
        ]  # fmt: skip
        good = [block for block in elements if self.is_likely(block)]
        if good and not any(block.stated for block in oxides):
            best = self._decide([b for b in good if b.stated] or good)
            stated = best.block is not None and best.block.stated
            best.confidence = 0.9 if stated else 0.6
            first = "elements in wt%" if stated else "elements whose oxides sum to 100 %"
            best.why = f"{first}: converted to oxides{best.why and '; '}{best.why}"
            return best
        return self._unlikely(oxides, [block for block in elements if block in shares])

    def _unlikely(self, oxides: list[Block], elements: list[Block]) -> Choice:
        """Choose where no sum is that of a composition: by what the table says alone."""
        for blocks in ([b for b in oxides if b.stated], elements, oxides):
            if blocks:
                best = self._decide(blocks)
                best.why = f"{blocks[0].kind}s; their sum is not that of wt%"
                best.confidence = 0.5
                return best
        misnamed = [
            block
            for block in self.blocks
            if block.unit == "other" and block.kind == "oxide" and block.enough
            and LIKELY_OXIDES[0] <= self.median_sum(block) <= LIKELY_OXIDES[1]
        ]  # fmt: skip
        if len(misnamed) == 1:
            (block,) = misnamed
            block.unit = "wt%"
            total = f"{self.median_sum(block):.1f}"
            why = f"oxides that sum to {total}, though the heading says {block.heading!r}"
            note = f"the oxides of {block.where} are read as wt%: they sum to {total}, though "
            note += f"{block.heading!r} stands above them"
            return Choice(block, why, 0.5, notes={min(block.columns.values()): note})
        return Choice()

    def _decide(self, blocks: list[Block]) -> Choice:
        """Choose among blocks that all can be the composition."""
        if len(blocks) == 1:
            return Choice(blocks[0])
        notes: dict[int, str] = {}

        def leave(others: Iterable[Block], why: str) -> None:
            for block in others:
                text = f"the {block.kind}s of {block.where} are left out: {why}"
                notes[min(block.columns.values())] = text

        left = [block for block in blocks if not self._is_normalised(block)]
        if left and len(left) < len(blocks):
            leave([b for b in blocks if b not in left], "each row sums to 100, as if normalised")
            blocks = left
        first = max(blocks, key=lambda block: (len(block.columns), -self._rounding(block)))
        blocks = [first, *(b for b in blocks if b is not first and not self._same(first, b))]
        for fits, why in (
            (self._fits_total, "their sum is not the total that the table gives"),
            (self._is_olivine, "they are no formula of olivine, as those of the other block are"),
        ):
            good = [block for block in blocks if fits(block)]
            if good and len(good) < len(blocks):
                leave([block for block in blocks if block not in good], why)
                blocks = good
        return Choice(blocks[0], rivals=blocks[1:], notes=notes)

    # ------------------------------------------------------------------ what the numbers can be

    def is_likely(self, block: Block) -> bool:
        """Tell whether the sums of a block are those of a composition in its unit."""
        low, high = LIKELY_TOTAL if block.kind == "oxide" else LIKELY_OXIDES
        return low <= self.median_sum(block) <= high

    def median_sum(self, block: Block) -> float:
        """Median over the rows of the sum of a block's oxides, wt%; 0 without a number."""
        return _median(self.sums(block.columns, block.unit), 0.0)

    def sums(self, columns: Mapping[str, int], unit: str = "wt%") -> Floats:
        """Sum of the oxides of every row, wt%; all iron once; NaN in rows without a number."""
        oxides = self.oxides(columns, unit)
        if not oxides:
            return np.full(len(self.body.rows), np.nan)
        stacked = np.array(list(oxides.values()))
        return np.where(np.isnan(stacked).all(axis=0), np.nan, np.nansum(stacked, axis=0))

    def oxides(self, columns: Mapping[str, int], unit: str = "wt%") -> dict[str, Floats]:
        """Oxides of every row in wt%; of several irons the one that is called all iron."""
        iron = next((quantity for quantity in ALL_IRON if quantity in columns), "")
        oxides: dict[str, Floats] = {}
        for quantity, column in columns.items():
            if quantity == "O" or (iron and quantity in IRON_OXIDES and quantity != iron):
                continue
            oxide, factor = oxide_of(quantity)
            oxides[oxide] = self.body.numbers(column) * factor * SHARES_PERCENT.get(unit, 1.0)
        return oxides

    def totals_of(self, block: Block) -> list[int]:
        """Columns that may hold the total of a block."""
        return [
            column
            for column, name in enumerate(self.names)
            if name.kind == "total"
            and name.unit in ("", "wt%")
            and (own := nearest_block(self.blocks, column)) is not None
            and (own is block or not is_whole(own, block))
        ]

    def misfit(self, columns: Mapping[str, int], block: Block) -> float:
        """Median difference of the sum of some columns and the total of a block, wt%; NaN: none."""
        sums = self.sums(columns, block.unit)
        found = [self._misfit_of(sums, column) for column in self.totals_of(block)]
        best = min(found, default=np.inf)
        return best if np.isfinite(best) else np.nan

    def usual_total(self, block: Block) -> float:
        """Median of the total that is nearest to the sum of a block; NaN without one."""
        best = min(self.totals_of(block), key=lambda c: self.misfit_of(block, c), default=None)
        return np.nan if best is None else _median(self.body.numbers(best), np.nan)

    def misfit_of(self, block: Block, total: int) -> float:
        """Median difference of the sum of a block and one total, wt%; infinite without numbers."""
        return self._misfit_of(self.sums(block.columns, block.unit), total)

    def _misfit_of(self, sums: Floats, total: int) -> float:
        return _median(np.abs(sums - self.body.numbers(total)), np.inf)

    def _fits_total(self, block: Block) -> bool:
        return self.misfit(block.columns, block) <= SAME_TOTAL

    def _is_olivine(self, block: Block) -> bool:
        """Three cations of 4 O, one of them Si, in the median."""
        oxides = self.oxides(block.columns, block.unit)
        moles = {name: oxides[name] / CATIONS[name][2] for name in oxides if name in CATIONS}
        if "SiO2" not in moles:
            return False
        oxygens = sum(np.nan_to_num(each) * CATIONS[n][1] for n, each in moles.items())
        per_oxygen = 4.0 / np.where(oxygens > 0, oxygens, np.nan)
        cations = sum(np.nan_to_num(each) * CATIONS[n][0] for n, each in moles.items())
        found = (_median(cations * per_oxygen, 0.0), _median(moles["SiO2"] * per_oxygen, 0.0))
        return all(
            low <= value <= high
            for value, (low, high) in zip(found, (OLIVINE_CATIONS, OLIVINE_SILICON), strict=True)
        )

    def _is_normalised(self, block: Block) -> bool:
        """Every row sums to 100, as no measurement does."""
        sums = self.sums(block.columns, block.unit)
        sums = sums[~np.isnan(sums)]
        return len(sums) > 1 and bool((np.abs(sums - 100) < 0.05).all())

    def _rounding(self, block: Block) -> float:
        share = SHARES_PERCENT.get(block.unit, 1.0)
        return sum(self.body.rounding(column) * share for column in block.columns.values())

    def _same(self, one: Block, other: Block) -> bool:
        """Two blocks hold the same numbers, as far as they have the same columns."""
        factors = (SHARES_PERCENT.get(one.unit, 1.0), SHARES_PERCENT.get(other.unit, 1.0))
        both = set(one.columns) & set(other.columns)
        return len(both) > 1 and all(
            self.body.agree(one.columns[quantity], other.columns[quantity], factors)
            for quantity in both
        )


def is_whole(block: Block, chosen: Block) -> bool:
    """Tell whether a block can be a composition itself, and not single columns that stand twice."""
    silicon = {"SiO2", "Si"} & set(chosen.columns)
    return block.enough and bool({"SiO2", "Si"} & set(block.columns) or not silicon)


@dataclass(frozen=True)
class Verdict:
    """What becomes of columns whose quantities the composition holds already.

    Parameters
    ----------
    decided
        Whether anything decides.
    replace
        Quantities that are read from the other column.
    same
        Quantities of which both columns hold the same numbers.
    why
        The reason.
    """

    decided: bool
    replace: frozenset[str]
    same: frozenset[str]
    why: str


def compare(composition: Composition, chosen: Block, again: Mapping[str, int]) -> Verdict:
    """Decide between the columns of a composition and others of the same quantities and unit.

    Parameters
    ----------
    composition, chosen
        The composition.
    again
        The other columns, by their quantities.

    Returns
    -------
    verdict
        By their numbers, or by the totals of the table.
    """
    body = composition.body
    same = frozenset(q for q, c in again.items() if body.agree(chosen.columns[q], c))
    better = {q for q in same if body.is_better(again[q], chosen.columns[q])}
    others = [quantity for quantity in again if quantity not in same]
    if not others:
        return Verdict(True, frozenset(better), same, "the same numbers, as far as both hold any")
    # Each column by itself may be the right one; of many they are a block that stands together.
    sizes = range(len(others) + 1) if len(others) <= MOST_ALONE else (0, len(others))
    ways = [frozenset(way) for size in sizes for way in itertools.combinations(others, size)]
    columns = [{**chosen.columns, **{q: again[q] for q in way}} for way in ways]
    sums = [_median(composition.sums(each, chosen.unit), 0.0) for each in columns]
    misfits = [composition.misfit(each, chosen) for each in columns]
    low, high = LIKELY_OXIDES
    if not np.isnan(misfits[0]):
        order = np.argsort(misfits)
        best, next_best = int(order[0]), misfits[order[1]]
        decided = misfits[best] <= SAME_TOTAL and next_best > 2 * misfits[best] + 0.1
        how = "the total of the table is"
    else:
        good = [number for number, each in enumerate(sums) if low <= each <= high]
        best, decided, how = (*good, 0)[0], len(good) == 1, "analyses sum to"
    rest = ", ".join(f"{each:.2f}" for number, each in enumerate(sums) if number != best)
    if not decided:
        return Verdict(False, frozenset(), same, f"the oxides sum to {sums[0]:.2f} or to {rest}")
    total = f"{composition.usual_total(chosen):.2f}" if how.startswith("the") else "about 100"
    why = f"so the oxides sum to {sums[best]:.2f}, else to {rest}; {how} {total}"
    return Verdict(True, ways[best] | better, same, why)


def _median(values: Floats, otherwise: float) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else otherwise
