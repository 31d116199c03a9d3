"""The cells beneath a header as numbers, column by column, to judge what a column can be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_olivine.tabular import StoredNumber, is_blank, read_number

Floats = NDArray[np.float64]


class Body:
    """The rows beneath a header.

    Parameters
    ----------
    rows
        Cells as text; rows may be of unequal length.
    decimal_comma
        The numbers have decimal commas.
    """

    def __init__(self, rows: Sequence[Sequence[str]], *, decimal_comma: bool) -> None:
        self.rows = rows
        self.decimal_comma = decimal_comma
        self._numbers: dict[int, Floats] = {}
        self._steps: dict[int, float] = {}

    @cached_property
    def width(self) -> int:
        """Cells of the longest of the first rows."""
        return max((len(row) for row in self.rows[:50]), default=0)

    def cells(self, column: int) -> list[str]:
        """Cells of a column (from 0); empty behind the end of a row."""
        return [row[column] if column < len(row) else "" for row in self.rows]

    def numbers(self, column: int) -> Floats:
        """Numbers of a column, shape (rows,); NaN where the cell holds none."""
        if column not in self._numbers:
            read = [read_number(c, decimal_comma=self.decimal_comma) for c in self.cells(column)]
            self._numbers[column] = np.array([np.nan if v is None else v for v in read], float)
        return self._numbers[column]

    def values(self, column: int) -> list[float]:
        """Numbers of a column, without the cells that hold none."""
        numbers = self.numbers(column)
        return [float(value) for value in numbers[~np.isnan(numbers)]]

    def filled(self, column: int) -> int:
        """How many cells of a column are not blank."""
        return sum(not is_blank(cell) for cell in self.cells(column))

    def rounding(self, column: int) -> float:
        """Half a unit of the last decimal that any number of a column is written with."""
        if column not in self._steps:
            numbers = (
                cell
                for cell in self.cells(column)
                if read_number(cell, decimal_comma=self.decimal_comma) is not None
            )
            decimals = max(map(self._decimals, numbers), default=0)
            self._steps[column] = 0.5 * 10.0 ** -min(decimals, 15)
        return self._steps[column]

    def _decimals(self, cell: str) -> int:
        stored = isinstance(cell, StoredNumber)
        mark = "," if self.decimal_comma and not stored else "."
        return len(cell.partition(mark)[2].rstrip(" %"))

    def is_better(self, one: int, other: int) -> bool:
        """Tell which of two columns with the same numbers to take: the fuller, then the finer."""
        filled, rounding = self.filled(one), self.rounding(one)
        return (-filled, rounding) < (-self.filled(other), self.rounding(other))

    def agree(
        self,
        one: int,
        other: int,
        factors: tuple[float, float] = (1.0, 1.0),
        relative: float = 1e-9,
    ) -> bool:
        """Tell whether two columns hold the same numbers within their rounding.

        Parameters
        ----------
        one, other
            Columns, from 0.
        factors
            Factors that bring their numbers to one unit.
        relative
            How exact the factors are.
        """
        a, b = self.numbers(one) * factors[0], self.numbers(other) * factors[1]
        both = ~(np.isnan(a) | np.isnan(b))
        coarser = max(self.rounding(one) * factors[0], self.rounding(other) * factors[1])
        allowed = coarser * 1.001 + relative * np.abs(a[both])
        return bool(both.any() and (np.abs(a[both] - b[both]) <= allowed).all())
