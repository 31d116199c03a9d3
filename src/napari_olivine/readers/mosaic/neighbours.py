"""Which tiles are neighbours, judged by the images: whether they overlap, or the grey goes on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.readers.mosaic.correlate import NARROWEST_PX, Whitened, find_shift, whiten

ReadTile = Callable[[int], NDArray[Any] | None]
"""Gives the pixels of a tile by its number, `None` if it cannot be used."""

Scores = dict[tuple[int, int, int], tuple[float, float, float]]
"""Tile a, tile b, axis of a seam: strength of the overlap, overlap in px, grey going on."""

STRENGTH, OVERLAP, GOING_ON = 0, 1, 2

CHANCE = {STRENGTH: 7.0, GOING_ON: 0.15}
"""What tiles that are no neighbours reach."""

FEWEST_SEAMS = 2
"""Seams in which two arrangements must differ to be compared."""

Place = tuple[int, int]
"""Row and column of a tile in the grid."""

SAMPLE = 12
"""Tiles whose neighbours are looked at to choose among many arrangements."""

LARGER_SAMPLE = 40
"""Tiles whose neighbours are looked at to compare the best of them."""

FINALISTS = 6
CLEAR = 3.0
"""Standard errors between the best two arrangements from which the best is believed."""

KEPT = 96
"""Tiles that are kept in memory."""

WIDEST_SHARE = 0.3
"""Largest share of a tile that an unknown overlap may take."""

OVERLAPPING = 9.0
"""Strength of the correlation from which an overlap is believed; chance reaches 8."""


@dataclass(frozen=True)
class Verdict:
    """The arrangement that the images speak for.

    Parameters
    ----------
    best
        Number of the arrangement.
    clear
        Whether it is clearly better than every other.
    words
        By what, in words.
    overlap_px
        Rows and columns that neighbours share as measured; (0, 0) if they abut or it is unknown.
    """

    best: int
    clear: bool
    words: str
    overlap_px: tuple[float, float]


@dataclass
class Seams:
    """Compares tiles across their seams.

    Parameters
    ----------
    read_tile
        Gives a tile by its number.
    tile_shape
        Rows and columns of a tile.
    overlap_px
        Rows and columns that neighbours share by plan, `None` if that is not known.
    """

    read_tile: ReadTile
    tile_shape: tuple[int, int]
    overlap_px: tuple[float, float] | None = None
    _tiles: OrderedDict[int, tuple[Whitened, list[NDArray[np.float32]]] | None] = field(
        default_factory=OrderedDict
    )
    _scores: Scores = field(default_factory=dict)

    def score(self, a: int, b: int, axis: int) -> tuple[float, float, float]:
        """Compare two tiles as if they were neighbours.

        Parameters
        ----------
        a, b
            Numbers of the tiles.
        axis
            0 if b lies below a, 1 if it lies right of a.

        Returns
        -------
        tuple
            Strength of the correlation of what would overlap; the overlap found, px; correlation
            of the grey on both sides of the seam if the tiles abut. NaN for a blank tile.
        """
        key = (a, b, axis)
        if key not in self._scores:
            one, other = self._tile(a), self._tile(b)
            if one is None or other is None:
                self._scores[key] = (np.nan, np.nan, np.nan)
            else:
                strength, overlap = self._overlap(one[0], other[0], axis)
                going_on = _correlation(one[1][2 * axis + 1], other[1][2 * axis])
                self._scores[key] = (strength, overlap, going_on)
        return self._scores[key]

    def _overlap(self, a: Whitened, b: Whitened, axis: int) -> tuple[float, float]:
        if self.overlap_px is not None and self.overlap_px[axis] < NARROWEST_PX:
            return 0.0, 0.0
        side = self.tile_shape[axis]
        if self.overlap_px is None:
            middle = side * (1 - WIDEST_SHARE / 2)
            search = int(side * WIDEST_SHARE / 2) - NARROWEST_PX // 2
        else:
            middle, search = side - self.overlap_px[axis], 48
        search = max(min(search, min(self.tile_shape) // 4), 2)
        shift = find_shift(a, b, (middle, 0) if axis == 0 else (0, middle), search, refine=False)
        if shift is None:
            return 0.0, 0.0
        return shift.strength, side - (shift.drow, shift.dcol)[axis]

    def _tile(self, tile: int) -> tuple[Whitened, list[NDArray[np.float32]]] | None:
        if tile in self._tiles:
            self._tiles.move_to_end(tile)
            return self._tiles[tile]
        pixels = self.read_tile(tile)
        found = None
        if pixels is not None and pixels.shape == self.tile_shape:
            found = (whiten(pixels), _edges(pixels))
        self._tiles[tile] = found
        if len(self._tiles) > KEPT:
            self._tiles.popitem(last=False)
        return found


def choose(
    arrangements: Sequence[Callable[[], NDArray[np.int64]]], seams: Seams, job: Job
) -> Verdict:
    """Choose the arrangement whose neighbours fit best.

    Parameters
    ----------
    arrangements
        Each gives row and column of every tile, shape (tiles, 2), the most usual first.
    seams
        Compares tiles.
    job
        Running job.

    Returns
    -------
    Verdict
        The best arrangement, and whether it is clearly better than the others.
    """
    random = np.random.default_rng(job.seed)
    count = len(arrangements[0]())
    few = random.permutation(count)[:SAMPLE]
    more = random.permutation(count)[:LARGER_SAMPLE]
    scores: list[Scores] = []
    for done, cells in enumerate(arrangements):
        job.progress(done, len(arrangements), "Comparing tiles across their seams")
        scores.append(_neighbours(cells(), few, seams, job))
    overlapping = max(_mean(_values(score, STRENGTH)) for score in scores) >= OVERLAPPING
    kind = STRENGTH if overlapping else GOING_ON
    finalists = _ranking(range(len(scores)), scores, kind)[:FINALISTS]
    last = {k: _neighbours(arrangements[k](), more, seams, job) for k in finalists}
    finalists = _ranking(finalists, last, kind)
    best = finalists[0]
    overlap = _typical_overlap(last[best]) if overlapping else (0.0, 0.0)
    if len(finalists) == 1:
        return Verdict(best, True, "", overlap)
    clear = all(_is_better(last[best], last[k], kind) for k in finalists[1:])
    second = finalists[1]
    by = "correlation of the overlaps" if overlapping else "correlation of the grey across seams"
    words = (
        f"{by} {_mean(_values(last[best], kind)):.2g} over {len(last[best])} seams, in the next "
        f"best arrangement {_mean(_values(last[second], kind)):.2g} over {len(last[second])}"
    )
    return Verdict(best, clear, words, overlap)


def _neighbours(
    cells: NDArray[np.int64], sample: NDArray[np.int64], seams: Seams, job: Job
) -> Scores:
    """Score the seams right of and below some tiles."""
    at: dict[Place, int] = {(int(row), int(col)): tile for tile, (row, col) in enumerate(cells)}
    scores: Scores = {}
    for tile in sample.tolist():
        job.check()
        row, col = int(cells[tile, 0]), int(cells[tile, 1])
        for axis, place in ((0, (row + 1, col)), (1, (row, col + 1))):
            if place in at:
                key = (tile, at[place], axis)
                scores[key] = seams.score(*key)
    return scores


def _is_better(one: Scores, other: Scores, kind: int) -> bool:
    """Tell whether the seams that one arrangement has alone fit clearly better than the other's."""
    own = _values({key: one[key] for key in one.keys() - other.keys()}, kind)
    theirs = _values({key: other[key] for key in other.keys() - one.keys()}, kind)
    if len(own) < FEWEST_SEAMS:
        return False
    chance = CHANCE[kind]
    against = _mean(theirs) if len(theirs) else chance
    error = np.hypot(_error(own), _error(theirs) if len(theirs) > 1 else 0.0)
    return bool(_mean(own) - max(against, chance) > CLEAR * error)


def _ranking(
    which: Sequence[int] | range, scores: Mapping[int, Scores] | Sequence[Scores], kind: int
) -> list[int]:
    """Order arrangements by the seams that fit, less those that do not; of equals the usual."""
    level = max(_mean(_values(scores[k], kind)) for k in which) / 2
    total = {k: float((_values(scores[k], kind) - level).sum()) for k in which}
    return sorted(which, key=lambda k: -total[k])


def _values(scores: Scores, kind: int) -> NDArray[np.float64]:
    values = np.array([score[kind] for score in scores.values()], np.float64)
    return values[np.isfinite(values)]


def _typical_overlap(scores: Scores) -> tuple[float, float]:
    overlap = []
    for axis in (0, 1):
        good = [
            score[OVERLAP]
            for (_, _, along), score in scores.items()
            if along == axis and score[STRENGTH] >= OVERLAPPING
        ]
        overlap.append(float(np.median(good)) if good else np.nan)
    down, right = overlap
    return (right if np.isnan(down) else down, down if np.isnan(right) else right)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _error(values: NDArray[np.float64]) -> float:
    return float(values.std() / np.sqrt(len(values) - 1)) if len(values) > 1 else np.inf


def _edges(pixels: NDArray[Any]) -> list[NDArray[np.float32]]:
    """Grey along the top, bottom, left and right edge, two pixels deep and a little smoothed."""
    image = np.nan_to_num(pixels.astype(np.float32))
    lines = (image[:2], image[-2:], image[:, :2].T, image[:, -2:].T)
    return [cv2.GaussianBlur(line.mean(axis=0)[None], (0, 0), 1.0)[0] for line in lines]


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    one, other = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / spread if spread > 0 else np.nan
