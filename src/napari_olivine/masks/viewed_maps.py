"""The maps of a part of a section at the resolution of the screen.

An overview holds means of counts. What a mean has smoothed already is left out of the smoothing of
the rule (`smoothing_at`); how its noise weighs is in `napari_olivine.masks.overview_noise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.masks.coverage import Coverage
from napari_olivine.section import Block, Raster, Section, halve

MOST_PX = 800_000
"""Pixels of a view at most: 1,000 x 800."""

FINER = 2
"""Levels by which the maps are read finer than they are viewed.

Each level of a pyramid rounds to whole counts, half up. A map of 0.3 counts would be one of 0.6
three levels further: the last levels are averaged here, in fractions.
"""


@dataclass(frozen=True)
class ViewedMaps:
    """Maps of a part of a section; all places are pixels of a level of the pyramid.

    Parameters
    ----------
    values
        Means of the counts (or wt%) of each map, float32, with a halo.
    rows, columns
        The part without its halo.
    inner
        Where it lies in block and halo.
    level
        Level of the pyramid; each pixel is the mean of 4^level pixels.
    measured
        Pixels of the part that were measured, bool.
    """

    values: dict[str, NDArray[np.float32]]
    rows: slice
    columns: slice
    inner: Block
    level: int
    measured: NDArray[np.bool_]

    @property
    def factor(self) -> int:
        """Pixels of the section along a side of a pixel."""
        return 1 << self.level

    def place(self, row: float, column: float) -> tuple[int, int] | None:
        """Return the pixel of the part that holds a pixel of the section, `None` if none does."""
        down = int(np.floor(row + 0.5)) // self.factor - self.rows.start
        right = int(np.floor(column + 0.5)) // self.factor - self.columns.start
        height, width = self.measured.shape
        return (down, right) if 0 <= down < height and 0 <= right < width else None


def smoothing_at(level: int, smoothing_px: float) -> float:
    """Return the smoothing that is left at a level of the pyramid.

    Parameters
    ----------
    level
        Level of the pyramid.
    smoothing_px
        Standard deviation of the smoothing at full resolution, px.

    Returns
    -------
    float
        Standard deviation, px of that level. The mean of 2^level pixels along a side has smoothed
        by a variance of (4^level - 1) / 12 already.
    """
    left = smoothing_px**2 - (4.0**level - 1) / 12
    return float(np.sqrt(left)) / 2**level if left > 0 else 0.0


def level_for(rows: slice, columns: slice, levels: int) -> int:
    """Return the finest level at which a window has at most `MOST_PX` pixels.

    Parameters
    ----------
    rows, columns
        Window, px of the section.
    levels
        Levels of the pyramid.

    Returns
    -------
    int
        0 is full resolution.
    """
    pixels = (rows.stop - rows.start) * (columns.stop - columns.start)
    level = 0
    while pixels >> 2 * level > MOST_PX and level + 1 < levels:
        level += 1
    return level


class ViewReader:
    """Reads the maps of a view; those of the last view are kept.

    Parameters
    ----------
    section
        Open section.
    """

    def __init__(self, section: Section) -> None:
        self._section = section
        self._rasters: dict[str, Raster] = {}
        self._coverages: dict[tuple[tuple[str, ...], int], Coverage] = {}
        self._window: object = None
        self._values: dict[str, NDArray[np.float32]] = {}
        self._measured: dict[tuple[tuple[str, ...], int], NDArray[np.bool_]] = {}

    def rasters(self, signals: Sequence[str]) -> dict[str, Raster]:
        """Open maps."""
        for signal in signals:
            if signal not in self._rasters:
                self._rasters[signal] = self._section.raster("images", signal)
        return {signal: self._rasters[signal] for signal in signals}

    def coverage(self, signals: Sequence[str], rim_px: int) -> Coverage:
        """Return where maps were measured.

        Parameters
        ----------
        signals
            The maps.
        rim_px
            See `Coverage`.
        """
        key = (tuple(signals), rim_px)
        if key not in self._coverages:
            self._coverages[key] = Coverage.of(self._section, self.rasters(signals), rim_px)
        return self._coverages[key]

    def read(
        self,
        window: Block,
        signals: Sequence[str],
        smoothing_px: float,
        rim_px: int = 0,
        more: Sequence[str] = (),
        job: Job | None = None,
    ) -> ViewedMaps:
        """Read the maps of a window.

        Parameters
        ----------
        window
            Rows and columns, px of the section.
        signals
            Maps of the rule, which say what was measured.
        smoothing_px
            Smoothing of the rule at full resolution, px, for which there must be a halo.
        rim_px
            Width of the rim of a submap that counts as not measured, px.
        more
            Further maps to read.
        job
            It can stop the reading between two maps.

        Returns
        -------
        ViewedMaps
            The maps at the finest level that is not too large.
        """
        maps = self.rasters([*signals, *(one for one in more if one not in signals)])
        shapes = next(iter(maps.values())).level_shapes
        level = level_for(*window, len(shapes))
        halo = ceil(4 * smoothing_at(level, smoothing_px)) + 1
        rows, columns = (slice(side.start >> level, -(-side.stop >> level)) for side in window)
        wide = tuple(
            slice(max(side.start - halo, 0), min(side.stop + halo, length))
            for side, length in zip((rows, columns), shapes[level], strict=True)
        )
        if (
            key := (level, rows.start, rows.stop, columns.start, columns.stop, halo)
        ) != self._window:
            self._window, self._values, self._measured = key, {}, {}
        for signal, raster in maps.items():
            if signal not in self._values:
                if job is not None:
                    job.check()
                self._values[signal] = _read(raster, wide[0], wide[1], level)
        of_rule = (tuple(signals), rim_px)
        if of_rule not in self._measured:
            coverage = self.coverage(signals, rim_px).at_level(level)
            self._measured[of_rule] = coverage.measured(rows, columns)
        inner = tuple(
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip((rows, columns), wide, strict=True)
        )
        values = {signal: self._values[signal] for signal in maps}
        return ViewedMaps(
            values, rows, columns, (inner[0], inner[1]), level, self._measured[of_rule]
        )


def _read(raster: Raster, rows: slice, columns: slice, level: int) -> NDArray[np.float32]:
    """Read a window of a level by the mean of a finer one."""
    finer = min(level, FINER)
    down, right = (slice(side.start << finer, side.stop << finer) for side in (rows, columns))
    values = raster.read(down, right, level - finer).astype(np.float32)
    for _ in range(finer):
        values = halve(values, "mean")
    return values
