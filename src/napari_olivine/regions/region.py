"""Which pixels are studied, by polygons that a person drew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_olivine.polygons import Polygon, pixels_inside
from napari_olivine.section import blocks

COARSE_PX = 2048
"""Longer side of the grid on which a whole section is looked at."""

BLOCK_PX = 2048


class Region:
    """Region of study: what lies in any polygon to keep and in none to leave out.

    Without polygons to keep it is all that is not left out.

    Parameters
    ----------
    shape
        Rows and columns of the section.
    keep, leave_out
        The polygons, in pixels of the section.
    """

    def __init__(
        self, shape: tuple[int, int], keep: Sequence[Polygon], leave_out: Sequence[Polygon]
    ) -> None:
        self.shape = shape
        self._levels = {0: (tuple(keep), tuple(leave_out))}

    def pixels(self, rows: slice, columns: slice, level: int = 0) -> NDArray[np.bool_]:
        """Tell which pixels of a window are studied: those whose centres lie in the region.

        Only polygons near the window are looked at; nothing of the section's size is held.

        Parameters
        ----------
        rows, columns
            The window, px of its level.
        level
            Level of the pyramid, 0 for full resolution.

        Returns
        -------
        numpy.ndarray
            bool, shape (rows, columns).
        """
        keep, leave_out = self._at(level)
        shape = rows.stop - rows.start, columns.stop - columns.start
        kept = pixels_inside(keep, rows, columns) if keep else np.ones(shape, bool)
        if kept is None:
            return np.zeros(shape, bool)
        out = pixels_inside(leave_out, rows, columns)
        return kept if out is None else kept & ~out

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns around all that is kept, cut off at the section's edge."""
        keep, _ = self._levels[0]
        if not keep:
            return slice(0, self.shape[0]), slice(0, self.shape[1])
        row0, row1, col0, col1 = np.array([one.box for one in keep]).T
        rows, columns = (
            slice(max(int(low.min()), 0), min(int(high.max()) + 1, side))
            for low, high, side in ((row0, row1, self.shape[0]), (col0, col1, self.shape[1]))
        )
        return rows, columns

    @property
    def empty(self) -> bool:
        """Whether no pixel is left."""
        if self.coarse()[0].any():
            return False
        rows, columns = self.box
        extent = rows.stop - rows.start, columns.stop - columns.start
        return not any(
            self.pixels(
                slice(rows.start + down.start, rows.start + down.stop),
                slice(columns.start + right.start, columns.start + right.stop),
            ).any()
            for down, right in blocks(extent, BLOCK_PX, BLOCK_PX)
        )

    def coarse(self) -> tuple[NDArray[np.bool_], int]:
        """Tell what is studied on a grid over the whole section, and the level of that grid."""
        level = coarse_level(max(self.shape))
        rows, columns = (slice(0, -(-side >> level)) for side in self.shape)
        return self.pixels(rows, columns, level), level

    def _at(self, level: int) -> tuple[tuple[Polygon, ...], tuple[Polygon, ...]]:
        if level not in self._levels:
            keep, leave_out = self._levels[0]
            self._levels[level] = (
                tuple(at_level(one, level) for one in keep),
                tuple(at_level(one, level) for one in leave_out),
            )
        return self._levels[level]


def coarse_level(side: int) -> int:
    """Return the level at which a side of so many pixels has `COARSE_PX` at most."""
    level = 0
    while side >> level > COARSE_PX:
        level += 1
    return level


def at_level(polygon: Polygon, level: int) -> Polygon:
    """Return a polygon in pixels of a coarser level, whose centres lie between those of level 0."""
    factor = 2**level
    rings = tuple((ring - (factor - 1) / 2) / factor for ring in polygon.rings)
    return Polygon(polygon.name, rings, polygon.classification)
