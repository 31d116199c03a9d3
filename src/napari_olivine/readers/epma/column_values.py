"""A column of analyses into numbers: values, cells below detection, words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_olivine.tabular import has_error, is_blank, parts_thousands, read_number

_BELOW = re.compile(
    r"<\s*(?:[\d.,]+\s*(?:%|wt\.?\s?%|ppm)?|l\.?o\.?d\.?|m?\.?d\.?l\.?|detection.*)|"
    r"(?:b|u)\.?\s?d\.?(?:\s?l\.?)?|lld|b\.?l\.?o\.?d\.?|below\s.*|under\s.*detection.*"
)


@dataclass
class Numbers:
    """A column of numbers.

    Parameters
    ----------
    values
        Shape (n,); NaN where nothing was measured, 0 where it was below detection.
    below
        Cells that say so ('<0.02', 'b.d.l.').
    words
        Cells that hold neither a number nor a blank ('crack').
    word_count, below_count
        How many cells these are.
    error_count
        Cells whose number has an error behind it, which is left out.
    thousands, thousands_count
        A cell whose only mark is read as one between thousands (``12.345``), and how many are.
    """

    values: NDArray[np.float64]
    below: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    word_count: int = 0
    below_count: int = 0
    error_count: int = 0
    thousands: str = ""
    thousands_count: int = 0


def read_numbers(cells: Sequence[str], *, decimal_comma: bool) -> Numbers:
    """Read a column; see `Numbers`."""
    numbers = Numbers(np.full(len(cells), np.nan))
    below: dict[str, None] = {}
    words: dict[str, None] = {}
    for row, cell in enumerate(cells):
        value = read_number(cell, decimal_comma=decimal_comma)
        if value is not None:
            numbers.values[row] = value
            numbers.error_count += has_error(cell)
            if parts_thousands(cell, decimal_comma=decimal_comma):
                numbers.thousands = numbers.thousands or cell
                numbers.thousands_count += 1
        elif is_below_detection(cell):
            numbers.values[row] = 0.0
            numbers.below_count += 1
            below[cell.strip()[:40]] = None
        elif not is_blank(cell):
            numbers.word_count += 1
            words[cell.strip()[:40]] = None
    numbers.below, numbers.words = list(below), list(words)
    return numbers


def is_below_detection(cell: str) -> bool:
    """Tell whether a cell says that the element was measured and not found."""
    text = cell.strip().lower()
    return len(text) <= 40 and _BELOW.fullmatch(text) is not None
