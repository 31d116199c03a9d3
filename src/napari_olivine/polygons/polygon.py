"""Polygons that a person draws: which pixels they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Polygon:
    """A polygon with holes.

    Parameters
    ----------
    name
        What a person calls it.
    rings
        Corners (row, column) of its outline, then of its holes, px, each of shape (corners, 2);
        the last corner is joined to the first.
    classification
        Class that it was given in the program where it was drawn; empty if none.
    """

    name: str
    rings: tuple[Floats, ...]
    classification: str = ""

    @cached_property
    def sides(self) -> Floats:
        """First and last row, first and last column of each side, px, shape (sides, 4)."""
        begin = np.concatenate(self.rings)
        end = np.concatenate([np.roll(ring, -1, axis=0) for ring in self.rings])
        return np.stack([begin[:, 0], end[:, 0], begin[:, 1], end[:, 1]], axis=1)

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """First and last row, first and last column, px."""
        (row0, column0), (row1, column1) = self.rings[0].min(axis=0), self.rings[0].max(axis=0)
        return float(row0), float(row1), float(column0), float(column1)

    def meets(self, rows: slice, columns: slice) -> bool:
        """Tell whether its box reaches into a window."""
        row0, row1, column0, column1 = self.box
        return bool(
            row1 >= rows.start
            and row0 <= rows.stop - 1
            and column1 >= columns.start
            and column0 <= columns.stop - 1
        )

    def pixels(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Return the pixels of a window whose centres lie inside, by the even-odd rule."""
        height, width = rows.stop - rows.start, columns.stop - columns.start
        crossed = np.zeros((height, width + 1), bool)
        r0, r1, c0, c1 = self.sides.T
        low, high = np.minimum(r0, r1), np.maximum(r0, r1)
        # A side to the right of the window is not crossed on the way to any of its pixels.
        near = (
            (low <= rows.stop - 1) & (high > rows.start - 1) & (np.minimum(c0, c1) <= columns.stop)
        )
        for r0, r1, c0, c1 in self.sides[near]:
            first = max(int(np.ceil(min(r0, r1))), rows.start)
            last = min(int(np.ceil(max(r0, r1))), rows.stop)
            if first < last:
                at = np.arange(first, last)
                column = np.ceil(c0 + (at - r0) * (c1 - c0) / (r1 - r0)).astype(int)
                crossed[at - rows.start, np.clip(column - columns.start, 0, width)] ^= True
        if not crossed[:, 1:].any():  # no side within the window: whole rows are in or out
            return np.repeat(crossed[:, :1], width, axis=1)
        return np.logical_xor.accumulate(crossed, axis=1)[:, :width]


def pixels_inside(
    polygons: Sequence[Polygon], rows: slice, columns: slice
) -> NDArray[np.bool_] | None:
    """Return the pixels of a window that lie in any polygon.

    Parameters
    ----------
    polygons
        The polygons.
    rows, columns
        The window.

    Returns
    -------
    numpy.ndarray or None
        Whether each pixel lies inside, shape (rows, columns); `None` where no polygon is near.
    """
    near = [one for one in polygons if one.meets(rows, columns)]
    if not near:
        return None
    inside = near[0].pixels(rows, columns)
    for one in near[1:]:
        inside |= one.pixels(rows, columns)
    return inside
