"""Overlapping windows over an image, and the cells that their results are kept in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.section import CHUNK

Blend = Literal["halo", "cosine", "mean"]
FloatImage = NDArray[np.float32]
Place = tuple[int, int]
"""Row and column of a window or of a cell, counted in windows or cells."""

CELL = CHUNK
"""Side of a cell: what is written at once, and a chunk of the result on disk."""


@dataclass(frozen=True)
class Axis:
    """Windows along one side of an image.

    Parameters
    ----------
    length
        Pixels of the image along it.
    window
        Pixels of a window.
    starts
        First pixel of each window; negative where a window begins before the image.
    weights
        Weight of each pixel of a window, shape (window,).
    """

    length: int
    window: int
    starts: list[int]
    weights: FloatImage

    @cached_property
    def total(self) -> FloatImage:
        """Sum of the weights on each pixel of the image, shape (length,)."""
        total = np.zeros(self.length, np.float32)
        for k, start in enumerate(self.starts):
            first, last = self.support(k)
            total[first:last] += self.weights[first - start : last - start]
        return total

    @property
    def cells(self) -> int:
        """Cells along the axis."""
        return -(-self.length // CELL)

    def cell(self, k: int) -> slice:
        """Pixels of a cell."""
        return slice(k * CELL, min(self.length, (k + 1) * CELL))

    def support(self, k: int) -> tuple[int, int]:
        """First pixel of the image that a window gives a weight to, and the one after the last."""
        first, last = self._weighted
        start = self.starts[k]
        return max(0, start + first), min(self.length, start + last)

    def cells_of(self, k: int) -> range:
        """Cells that a window adds to."""
        first, last = self.support(k)
        return range(first // CELL, -(-last // CELL)) if first < last else range(0)

    def windows_of(self, cell: int) -> list[int]:
        """Windows that add to a cell."""
        return self._windows_of[cell]

    def share(self, k: int, part: slice) -> FloatImage:
        """Weights of a window on some pixels of the image, with all windows' making up 1."""
        start = self.starts[k]
        return self.weights[part.start - start : part.stop - start] / self.total[part]

    @cached_property
    def _weighted(self) -> tuple[int, int]:
        there = np.flatnonzero(self.weights)
        return int(there[0]), int(there[-1]) + 1

    @cached_property
    def _windows_of(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in range(self.cells)]
        for k in range(len(self.starts)):
            for cell in self.cells_of(k):
                found[cell].append(k)
        return found


def make_axis(length: int, window: int, overlap: int, blend: Blend) -> Axis:
    """Lay windows along one side of an image.

    The first begins half an overlap before the image and the last ends at least so far beyond it,
    so that the image's edge is not at a window's edge; what lies outside is a reflection.

    Parameters
    ----------
    length
        Pixels of the image.
    window, overlap
        Pixels of a window, and shared by two neighbours. The window becomes smaller, in steps of
        32 pixels, where the image is.
    blend
        ``"halo"`` keeps the middle of each window, half an overlap away from its edges;
        ``"mean"`` gives equal weights, ``"cosine"`` a raised cosine over the overlap.

    Returns
    -------
    Axis
        Windows that cover every pixel.

    Raises
    ------
    InputError
        If the overlap is not smaller than the window.
    """
    margin = overlap // 2
    window = min(window, -(-(length + overlap) // 32) * 32)
    if overlap >= window:
        raise InputError(
            f"The overlap of {overlap} px must be less than the window, which is {window} px here.",
            setting="overlap_px",
        )
    starts = [-margin]
    while starts[-1] + window < length + overlap - margin:
        starts.append(starts[-1] + window - overlap)
    return Axis(length, window, starts, _weights(window, overlap, blend))


@dataclass(frozen=True)
class Grid:
    """Windows over an image, and the cells that it is kept in.

    Parameters
    ----------
    rows, columns
        Windows along both sides.
    """

    rows: Axis
    columns: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """Cells along both sides."""
        return self.rows.cells, self.columns.cells

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of a window."""
        return self.rows.window, self.columns.window

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return len(self.rows.starts) * len(self.columns.starts)

    def corner(self, place: Place) -> Place:
        """Return the first row and column of a window."""
        return self.rows.starts[place[0]], self.columns.starts[place[1]]

    def cell(self, cell: Place) -> tuple[slice, slice]:
        """Return the pixels of a cell."""
        return self.rows.cell(cell[0]), self.columns.cell(cell[1])

    def cells(self) -> Iterator[Place]:
        """Go through all cells, row by row."""
        high, wide = self.shape
        yield from ((i, j) for i in range(high) for j in range(wide))

    def cells_of(self, place: Place) -> Iterator[Place]:
        """Go through the cells that a window adds to."""
        for i in self.rows.cells_of(place[0]):
            for j in self.columns.cells_of(place[1]):
                yield i, j

    def windows_of(self, cell: Place) -> list[Place]:
        """Return the windows that add to a cell."""
        across = self.columns.windows_of(cell[1])
        return [(i, j) for i in self.rows.windows_of(cell[0]) for j in across]


def make_grid(shape: tuple[int, int], window: int, overlap: int, blend: Blend) -> Grid:
    """Lay windows over an image.

    Parameters
    ----------
    shape
        Rows and columns of the image, px.
    window, overlap, blend
        As for `make_axis`.

    Returns
    -------
    Grid
        Windows along both sides.
    """
    rows, columns = (make_axis(length, window, overlap, blend) for length in shape)
    return Grid(rows, columns)


def _weights(window: int, overlap: int, blend: Blend) -> FloatImage:
    weights = np.ones(window, np.float32)
    if blend == "halo":
        margin = overlap // 2
        weights[:margin] = 0
        weights[window - (overlap - margin) :] = 0
    elif blend == "cosine" and overlap:
        rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(overlap) + 0.5) / overlap)
        ramp = min(overlap, window // 2)
        weights[:ramp] = rise[:ramp]
        weights[window - ramp :] = np.minimum(weights[window - ramp :], rise[:ramp][::-1])
    return weights
