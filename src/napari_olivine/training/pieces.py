"""Connected pieces of each phase in some windows: how many there are, and where crops are laid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.regions import Region
from napari_olivine.section import Raster
from napari_olivine.training.windows import IGNORE, Window, area

LEAST_PX = 25
"""Pixels from which on a connected piece counts as one; smaller ones are specks (ours)."""

MOST_PIXELS = 16 << 20
"""Larger windows are looked at in an overview."""

MOST_POSITIONS = 50_000
"""Pixels of a phase among which crops are laid."""


@dataclass(frozen=True)
class Pieces:
    """The pieces of one phase.

    Parameters
    ----------
    count
        Pieces of `LEAST_PX` and more.
    pixels
        Pixels of the phase, also of specks, at full resolution.
    positions
        Row, column and window of some of them, shape (positions, 3).
    chances
        Cumulative chance of each, shape (positions,).
    """

    count: int
    pixels: int
    positions: NDArray[np.int64]
    chances: NDArray[np.float64]

    def draw(self, random: np.random.Generator) -> tuple[int, int, int]:
        """Draw a pixel: row, column and window."""
        last = len(self.chances) - 1
        place = min(last, int(np.searchsorted(self.chances, random.random(), side="right")))
        row, column, window = self.positions[place].tolist()
        return row, column, window


def pieces_of(
    image: Raster,
    codes: Sequence[int],
    windows: Sequence[Window],
    region: Region | None,
    job: Job,
) -> dict[int, Pieces]:
    """Find the pieces of phases.

    A piece is drawn as the root of its area: by area one large crystal would be all that is seen,
    and counting each piece as much as another, the many small ones would.

    Parameters
    ----------
    image
        Codes of phases.
    codes
        Codes to look for.
    windows
        Where to look.
    region
        Region of study, outside which nothing counts.
    job
        Running job.

    Returns
    -------
    dict
        By code; of each.
    """
    level = _level(image, sum(area(window) for window in windows))
    found: dict[int, list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = {c: [] for c in codes}
    counts = dict.fromkeys(codes, 0)
    for number, window in enumerate(windows):
        rows, columns = (slice(-(-s.start >> level), -(-s.stop >> level)) for s in window)
        part = image.read(rows, columns, level)
        if region is not None:
            part = np.where(region.pixels(rows, columns, level), part, IGNORE)
        for code in codes:
            job.check()
            count, labels, stats, _ = cv2.connectedComponentsWithStats(
                (part == code).astype(np.uint8), connectivity=8
            )
            if count == 1:
                continue
            areas = stats[:, cv2.CC_STAT_AREA].astype(float)
            counts[code] += int((areas[1:] * 4**level >= LEAST_PX).sum())
            down, along = np.nonzero(labels)
            at = np.stack([down + rows.start, along + columns.start], axis=1) << level
            place = np.concatenate([at, np.full((len(at), 1), number)], axis=1)
            found[code].append((place.astype(np.int64), areas[labels[down, along]] ** -0.5))
    return {code: _together(counts[code], parts, level) for code, parts in found.items()}


def _together(
    count: int, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]], level: int
) -> Pieces:
    if not parts:
        return Pieces(0, 0, np.zeros((0, 3), np.int64), np.zeros(0))
    positions, chances = (np.concatenate(some) for some in zip(*parts, strict=True))
    pixels = len(positions) << (2 * level)
    every = -(-len(positions) // MOST_POSITIONS)
    positions, chances = positions[::every], np.cumsum(chances[::every])
    return Pieces(count, pixels, positions, chances / chances[-1])


def _level(image: Raster, pixels: int) -> int:
    """Return the finest overview in which the windows have no more than `MOST_PIXELS`."""
    fitting = (k for k in range(len(image.levels)) if pixels >> (2 * k) <= MOST_PIXELS)
    return next(fitting, len(image.levels) - 1)
