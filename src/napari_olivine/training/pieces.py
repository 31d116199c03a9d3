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

BYTES_PER_PIXEL = 24
"""Memory for each pixel of a window while its pieces are found; they may take a quarter of it."""

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
    most = min(MOST_PIXELS, job.memory_bytes // (4 * BYTES_PER_PIXEL))
    level = _level(image, sum(area(window) for window in windows), most)
    found: dict[int, list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = {c: [] for c in codes}
    counts, pixels = dict.fromkeys(codes, 0), dict.fromkeys(codes, 0)
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
            inside = np.flatnonzero(labels)
            pixels[code] += len(inside) << (2 * level)
            every = -(-len(inside) * len(windows) // MOST_POSITIONS)
            down, along = np.unravel_index(inside[::every], labels.shape)
            chances = every * areas[labels[down, along]] ** -0.5
            at = (down + rows.start) << level, (along + columns.start) << level
            place = np.stack([*at, np.full(len(down), number)], axis=1)
            found[code].append((place.astype(np.int64), chances))
    return {code: _together(counts[code], pixels[code], parts) for code, parts in found.items()}


def _together(
    count: int, pixels: int, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]
) -> Pieces:
    if not parts:
        return Pieces(0, 0, np.zeros((0, 3), np.int64), np.zeros(0))
    positions, chances = (np.concatenate(some) for some in zip(*parts, strict=True))
    chances = np.cumsum(chances)
    return Pieces(count, pixels, positions, chances / chances[-1])


def _level(image: Raster, pixels: int, most: int) -> int:
    """Return the finest overview in which the windows have no more than so many pixels."""
    fitting = (k for k in range(len(image.levels)) if pixels >> (2 * k) <= most)
    return next(fitting, len(image.levels) - 1)
