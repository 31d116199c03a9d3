"""The queue of cells: those in view come first, from its middle outwards, then row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.windows import CELL, Place
from napari_olivine.job import Event


@dataclass(frozen=True)
class View:
    """What somebody looks at, in pixels of full resolution.

    Parameters
    ----------
    rows, columns
        First pixel, and the one after the last.
    """

    rows: tuple[float, float]
    columns: tuple[float, float]


class CellQueue:
    """The cells that are still to be made, in the order in which they are wanted.

    Parameters
    ----------
    shape
        Cells along both sides of the section.
    pending
        Cells to be made.
    whole
        Whether cells outside the view are wanted as well, once those in it are there.
    """

    def __init__(self, shape: Place, pending: set[Place], whole: bool = True) -> None:
        self._pending: NDArray[np.bool_] = np.zeros(shape, bool)
        for cell in pending:
            self._pending[cell] = True
        self.whole = whole
        self.view: View | None = None

    def __len__(self) -> int:
        return int(self._pending.sum())

    def take(self) -> Place | None:
        """Take the next cell, `None` if none is wanted now."""
        cell = self._in_view() if self.view is not None else None
        if cell is None and self.whole:
            cell = self._first()
        if cell is not None:
            self._pending[cell] = False
        return cell

    def take_square(self, side: int) -> list[Place]:
        """Take the next cell and those of its square that are still to be made, if any.

        Parameters
        ----------
        side
            Cells along the side of a square; squares lie side by side from the first cell on.
        """
        first = self.take()
        if first is None:
            return []
        row, column = (place // side * side for place in first)
        square = self._pending[row : row + side, column : column + side]
        others = [(row + int(i), column + int(j)) for i, j in np.argwhere(square)]
        square[:] = False
        return sorted([first, *others])

    def follow(self, request: Event) -> bool:
        """Follow a request of the person who watches (`Job.orders`); tell whether the view moved.

        Parameters
        ----------
        request
            ``{"view": {"rows": [first, last], "columns": [first, last]}}`` in px of full
            resolution, or ``{"whole": true}`` for the cells outside the view as well.
        """
        if "whole" in request:
            self.whole = bool(request["whole"])
        view = request.get("view")
        if not isinstance(view, dict):
            return False
        self.view = View(tuple(view["rows"]), tuple(view["columns"]))
        return True

    def put_back(self, cell: Place) -> None:
        """Note that a cell has to be made after all."""
        self._pending[cell] = True

    def in_view(self) -> tuple[int, int]:
        """Return how many cells of the view are still to be taken, and how many it has."""
        if self.view is None:
            return 0, 0
        part = self._pending[self._window()]
        return int(part.sum()), part.size

    def _window(self) -> tuple[slice, slice]:
        assert self.view is not None
        high, wide = self._pending.shape
        return _cells(self.view.rows, high), _cells(self.view.columns, wide)

    def _in_view(self) -> Place | None:
        assert self.view is not None
        rows, columns = self._window()
        there = np.argwhere(self._pending[rows, columns])
        if not len(there):
            return None
        cells = there + np.array([rows.start, columns.start])
        middle = np.array([sum(self.view.rows) / 2, sum(self.view.columns) / 2])
        distance = (((cells + 0.5) * CELL - middle) ** 2).sum(1)
        row, column = cells[int(distance.argmin())]
        return int(row), int(column)

    def _first(self) -> Place | None:
        # Row by row: few cells then wait for windows, and files are written side by side.
        place = int(self._pending.argmax())
        row, column = divmod(place, self._pending.shape[1])
        return (row, column) if self._pending[row, column] else None


def _cells(pixels: tuple[float, float], count: int) -> slice:
    first = int(np.clip(pixels[0] // CELL, 0, count))
    return slice(first, int(np.clip(-(-pixels[1] // CELL), first, count)))
