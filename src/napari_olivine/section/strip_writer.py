"""Writing an image strip by strip: its overviews are made while the strips are in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section.downsample import halve
from napari_olivine.section.raster import OVERVIEW_ROWS, Raster


class Strips:
    """Writes strips of a raster's whole width, and every overview as its rows become complete.

    Rows of an overview are complete when all strips below them were written in order. Rows of which
    an earlier run wrote the first strips are left to `Raster.build_pyramid`.

    Parameters
    ----------
    raster
        Image to write.
    tick
        Called with the name of every block of an overview that is on disk, as `build_pyramid`
        names it.
    """

    def __init__(self, raster: Raster, tick: Callable[[str], None]) -> None:
        self.raster = raster
        self._tick = tick
        self._waiting: dict[int, tuple[int, NDArray[Any]]] = {}

    def write(self, row: int, strip: NDArray[Any]) -> None:
        """Write a strip.

        Parameters
        ----------
        row
            First row, a multiple of `CHUNK`.
        strip
            `CHUNK` rows, or fewer at the image's end.
        """
        self.raster.write(row, 0, strip)
        self._show(1, row // 2, strip)

    def _show(self, level: int, row: int, finer: NDArray[Any]) -> None:
        """Take rows of the level below, and write this level's when they fill a file."""
        if level == len(self.raster.levels):
            return
        rows = halve(finer, self.raster.reduction)
        start, waiting = self._waiting.pop(level, (row, rows[:0]))
        if row % OVERVIEW_ROWS == 0:
            start, waiting = row, rows[:0]
        elif start % OVERVIEW_ROWS or start + len(waiting) != row:
            return  # those before it came in another run
        rows = np.vstack([waiting, rows]) if len(waiting) else rows
        extent = self.raster.levels[level].shape
        if len(rows) < OVERVIEW_ROWS and start + len(rows) < extent[0]:
            self._waiting[level] = (start, rows)
            return
        self.raster.write(start, 0, rows, level)
        for _, columns in self.raster.overview_blocks(level, slice(start, start + 1)):
            self._tick(self.raster.block_name(level, start, columns.start))
        self._show(level + 1, start // 2, rows)
