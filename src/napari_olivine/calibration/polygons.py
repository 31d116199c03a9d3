"""Outlines of crystals as polygons: which pixels they hold, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_CORNERS = 3

SOUGHT_PX = 128
"""Side of the blocks in which the first pixel of a polygon is sought."""


@dataclass(frozen=True)
class Polygon:
    """Outline of one crystal.

    Parameters
    ----------
    name
        What a person calls it.
    rings
        Corners (row, column) of its outline, then of its holes, px, each of shape (corners, 2);
        the last corner is joined to the first.
    """

    name: str
    rings: tuple[Floats, ...]

    @property
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
        for ring in self.rings:
            for (r0, c0), (r1, c1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                first = max(int(np.ceil(min(r0, r1))), rows.start)
                last = min(int(np.ceil(max(r0, r1))), rows.stop)
                if first < last:
                    at = np.arange(first, last)
                    column = np.ceil(c0 + (at - r0) * (c1 - c0) / (r1 - r0)).astype(int)
                    crossed[at - rows.start, np.clip(column - columns.start, 0, width)] ^= True
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


def fault_of(polygon: Polygon, shape: tuple[int, int]) -> str:
    """Say what is wrong with a polygon; empty if nothing is.

    Parameters
    ----------
    polygon
        The polygon.
    shape
        Rows and columns of the image. A polygon may reach beyond; what is outside is cut off.
    """
    if any(len(np.unique(ring, axis=0)) < LEAST_CORNERS for ring in polygon.rings):
        return f"has fewer than {LEAST_CORNERS} corners"
    if not polygon.meets(slice(0, shape[0]), slice(0, shape[1])):
        return "lies outside the image"
    if any(crosses_itself(ring) for ring in polygon.rings):
        return "crosses itself"
    return "" if _has_pixel(polygon, shape) else "encloses no pixel"


def crosses_itself(ring: Floats) -> bool:
    """Tell whether two sides of a ring that are not neighbours meet.

    Parameters
    ----------
    ring
        Corners, shape (corners, 2).
    """
    ring = ring[np.any(ring != np.roll(ring, 1, axis=0), axis=1)]  # a double click is one corner
    begin, end = ring, np.roll(ring, -1, axis=0)
    count = len(ring)
    for side in range(count - 2):
        others = slice(side + 2, count - 1 if side == 0 else count)
        if _meet(begin[side], end[side], begin[others], end[others]).any():
            return True
    return False


def _meet(a: Floats, b: Floats, c: Floats, d: Floats) -> NDArray[np.bool_]:
    """Tell whether the side from a to b meets each of the sides from c to d."""
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    crossing = (turns[0] * turns[1] < 0) & (turns[2] * turns[3] < 0)
    touching = (
        ((turns[0] == 0) & _between(a, b, c))
        | ((turns[1] == 0) & _between(a, b, d))
        | ((turns[2] == 0) & _between(c, d, a))
        | ((turns[3] == 0) & _between(c, d, b))
    )
    return np.asarray(crossing | touching)


def _turn(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return the sign of the turn from a over b to c."""
    one, other = b - a, c - a
    return np.asarray(np.sign(one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]))


def _between(a: Floats, b: Floats, c: Floats) -> NDArray[np.bool_]:
    """Tell whether c, which lies in line with a and b, lies between them."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    return np.asarray(((c >= low) & (c <= high)).all(axis=-1))


def _has_pixel(polygon: Polygon, shape: tuple[int, int]) -> bool:
    row0, row1, column0, column1 = polygon.box
    last_row, last_column = min(int(row1) + 1, shape[0]), min(int(column1) + 1, shape[1])
    for row in range(max(int(row0), 0), last_row, SOUGHT_PX):
        rows = slice(row, min(row + SOUGHT_PX, last_row))
        for column in range(max(int(column0), 0), last_column, SOUGHT_PX):
            columns = slice(column, min(column + SOUGHT_PX, last_column))
            if polygon.pixels(rows, columns).any():
                return True
    return False
