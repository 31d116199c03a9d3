"""Results of windows, in whatever order they come, become finished cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.windows import FloatImage, Grid, Place


@dataclass
class _PartialCell:
    """A cell that not all windows have added to."""

    total: FloatImage
    added: set[Place] = field(default_factory=set)


class Blender:
    """Weighted means of overlapping windows, a cell at a time.

    A cell that one window covers alone is handed on as it is. Of any other the sum is kept until
    its last window has come; `most` such sums at a time.

    Parameters
    ----------
    grid
        Windows and cells.
    classes
        Classes of the network.
    wanted
        Tells whether a cell is still to be made.
    most
        Unfinished cells that are kept; what a window adds to further ones is dropped, and that
        window is needed again.
    """

    def __init__(
        self, grid: Grid, classes: int, wanted: Callable[[Place], bool], most: int
    ) -> None:
        self._grid = grid
        self._classes = classes
        self._wanted = wanted
        self._most = max(1, most)
        self._partial: dict[Place, _PartialCell] = {}

    def missing(self, cell: Place) -> list[Place]:
        """Return the windows that a cell still waits for."""
        partial = self._partial.get(cell)
        windows = self._grid.windows_of(cell)
        return windows if partial is None else [w for w in windows if w not in partial.added]

    def add(
        self, place: Place, values: NDArray[np.uint8]
    ) -> Iterator[tuple[Place, NDArray[np.uint8]]]:
        """Add a window's result and hand out the cells that it finishes.

        Parameters
        ----------
        place
            Which window.
        values
            Shape (classes, rows, columns), 255 is probability 1.

        Yields
        ------
        cell
            Which cell.
        ndarray of uint8, shape (classes, rows, columns)
            Its probabilities.
        """
        top, left = self._grid.corner(place)
        for cell in self._grid.cells_of(place):
            if not self._wanted(cell):
                continue
            rows, columns = self._grid.cell(cell)
            windows = self._grid.windows_of(cell)
            if len(windows) == 1:
                yield (
                    cell,
                    values[
                        :,
                        rows.start - top : rows.stop - top,
                        columns.start - left : columns.stop - left,
                    ],
                )
                continue
            partial = self._partial_cell(cell, rows, columns)
            if partial is None or place in partial.added:
                continue
            down = _common(rows, self._grid.rows.support(place[0]))
            across = _common(columns, self._grid.columns.support(place[1]))
            weights = (
                self._grid.rows.share(place[0], down)[:, None]
                * self._grid.columns.share(place[1], across)[None, :]
            )
            partial.total[
                :,
                down.start - rows.start : down.stop - rows.start,
                across.start - columns.start : across.stop - columns.start,
            ] += (
                values[
                    :, down.start - top : down.stop - top, across.start - left : across.stop - left
                ]
                * weights
            )
            partial.added.add(place)
            if len(partial.added) == len(windows):
                del self._partial[cell]
                yield cell, np.rint(partial.total).astype(np.uint8)

    def make_room(self) -> None:
        """Drop the unfinished cells if there is no room for others."""
        if len(self._partial) >= self._most:
            self._partial.clear()

    def _partial_cell(self, cell: Place, rows: slice, columns: slice) -> _PartialCell | None:
        if cell not in self._partial:
            if len(self._partial) >= self._most:
                return None
            shape = (self._classes, rows.stop - rows.start, columns.stop - columns.start)
            self._partial[cell] = _PartialCell(np.zeros(shape, np.float32))
        return self._partial[cell]


def _common(pixels: slice, support: tuple[int, int]) -> slice:
    return slice(max(pixels.start, support[0]), min(pixels.stop, support[1]))
