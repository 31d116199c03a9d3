"""Seams: where two tiles meet the rock goes on, so that a step of the grey is the instrument's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from napari_olivine.job import Job
from napari_olivine.levelling.mosaic import Mosaic
from napari_olivine.levelling.sampling import ClippingLimits, GreySamples
from napari_olivine.levelling.tie_points import TiePoints

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Surface = Callable[[Ints, Floats], Floats]
"""Background, as measured, of given tiles at given places (x, y)."""

BIN = 16
"""Pixels along a seam whose median step is one observation."""

FLOOR = 0.3
"""Least standard error of an observation, in levels of an 8-bit image: the rock itself differs."""

PIECE = 8
"""Pixels along a border that are one piece of rock."""

FEWEST_PIECES = 24
"""Pieces from which the two sides of a border are compared."""

MOST_PIECES = 800
"""Pieces of a border that are used at most."""

EVEN = 2.0
"""Scatter of a border's pieces below which it is even, in levels of an 8-bit image."""

LEAST_CORRELATION = 0.25
"""Least correlation of the ranks of the pieces on either side. Ours."""

BESIDE = 1.2
"""How far the rock a pixel further and the backgrounds at a tile's edge differ, in levels of an
8-bit image. Ours."""

BACKGROUND = 0.5
"""What backgrounds of tiles leave in the mean step of a border, in levels of an 8-bit image."""


@dataclass(frozen=True)
class Steps:
    """Steps of the grey between two places of two tiles, or between one place and nothing.

    Parameters
    ----------
    before, after
        Tiles, shape (n,); `before` is -1 where a tile is compared with what it should be.
    at_before, at_after
        Place (x, y) in either tile from -0.5 to 0.5, shape (n, 2).
    step, error
        Grey after less grey before, and its standard error, shape (n,).
    """

    before: Ints
    after: Ints
    at_before: Floats
    at_after: Floats
    step: Floats
    error: Floats

    @classmethod
    def joined(cls, parts: list[Steps]) -> Steps:
        """Put several lists of steps together."""
        empty = cls(*np.zeros((2, 0), np.int64), *np.zeros((2, 0, 2)), *np.zeros((2, 0)))
        columns = zip(*(vars(part).values() for part in [empty, *parts]), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def __len__(self) -> int:
        return self.step.size


@dataclass(frozen=True)
class Seam:
    """Both sides of one seam.

    Parameters
    ----------
    before, after
        Tiles.
    upright
        Whether the tiles lie side by side.
    grey_before, grey_after
        Grey along either side, shape (pixels,); NaN where unusable.
    """

    before: int
    after: int
    upright: bool
    grey_before: NDArray[np.float32]
    grey_after: NDArray[np.float32]

    def places(self) -> tuple[Floats, Floats]:
        """Place (x, y) of every pixel in the tile before and in the tile after."""
        along = (np.arange(self.grey_before.size) + 0.5) / self.grey_before.size - 0.5
        edge = np.full(along.size, 0.5)
        if self.upright:
            return np.stack([edge, along], 1), np.stack([-edge, along], 1)
        return np.stack([along, edge], 1), np.stack([along, -edge], 1)


def seams_of(found: GreySamples, mosaic: Mosaic, job: Job) -> list[Seam]:
    """Cut the grey beside the borders of the grid into the seams of single tiles.

    Parameters
    ----------
    found
        Grey beside the borders.
    mosaic
        Tiles.
    job
        Running job.

    Returns
    -------
    list of Seam
        Both sides of every seam.
    """
    bounds = mosaic.tiles.bounds
    rows, columns = mosaic.shape
    seams = []
    for before, after, border in mosaic.vertical_seams():
        along = slice(max(0, bounds[before, 0]), min(rows, bounds[before, 1]))
        left, right = found.left[along, border], found.right[along, border]
        seams.append(Seam(int(before), int(after), True, left, right))
    job.check()
    for before, after, border in mosaic.horizontal_seams():
        along = slice(max(0, bounds[before, 2]), min(columns, bounds[before, 3]))
        above, below = found.above[border, along], found.below[border, along]
        seams.append(Seam(int(before), int(after), False, above, below))
    return seams


def steps_of_seams(seams: list[Seam], gain: Floats, offset: Floats, unit: float, job: Job) -> Steps:
    """Median steps along all seams, piece by piece, on the common scale.

    Parameters
    ----------
    seams
        Both sides of every seam.
    gain, offset
        Scale of each tile: grey = gain x common grey + offset, shape (tiles,).
    unit
        One level of an 8-bit image.
    job
        Running job.

    Returns
    -------
    Steps
        One a piece of a seam.
    """
    parts = []
    for number, seam in enumerate(seams):
        if number % 500 == 0:
            job.check()
        count = seam.grey_before.size // BIN
        if count == 0:
            continue
        one = (seam.grey_before - offset[seam.before]) / gain[seam.before]
        other = (seam.grey_after - offset[seam.after]) / gain[seam.after]
        step = (other - one)[: count * BIN].reshape(count, BIN)
        which = np.flatnonzero(np.isfinite(step).sum(axis=1) >= BIN // 2)
        if not which.size:
            continue
        step = step[which]
        median = np.nanmedian(step, axis=1)
        spread = 1.4826 * np.nanmedian(np.abs(step - median[:, None]), axis=1)
        error = np.hypot(1.253 * spread / np.sqrt(BIN), FLOOR * unit)
        at_before, at_after = seam.places()
        middle = which * BIN + BIN // 2
        half = 0.5 / seam.grey_before.size
        shift = np.array([0, half]) if seam.upright else np.array([half, 0])
        parts.append(
            Steps(
                np.full(which.size, seam.before),
                np.full(which.size, seam.after),
                at_before[middle] - shift,
                at_after[middle] - shift,
                median.astype(np.float64),
                error.astype(np.float64),
            )
        )
    return Steps.joined(parts)


def steps_of_overlaps(
    overlaps: pd.DataFrame, mosaic: Mosaic, gain: Floats, offset: Floats, unit: float
) -> Steps:
    """Compare overlapping tiles at the middle of their common part.

    Parameters
    ----------
    overlaps
        Table of the import: tile_a, tile_b, level_a, level_b and their errors.
    mosaic
        Tiles.
    gain, offset
        Scale of each tile: grey = gain x common grey + offset, shape (tiles,).
    unit
        One level of an 8-bit image.

    Returns
    -------
    Steps
        One an overlap.
    """
    good = overlaps[np.isfinite(overlaps["level_a"]) & np.isfinite(overlaps["level_b"])]
    a, b = good["tile_a"].to_numpy(np.int64), good["tile_b"].to_numpy(np.int64)
    bounds = mosaic.tiles.bounds.astype(float)
    first = np.maximum(bounds[a][:, [0, 2]], bounds[b][:, [0, 2]])
    last = np.minimum(bounds[a][:, [1, 3]], bounds[b][:, [1, 3]])
    middle = (first + last) / 2

    def place(tile: Ints) -> Floats:
        begin, end = bounds[tile][:, [0, 2]], bounds[tile][:, [1, 3]]
        return np.asarray(((middle - begin) / (end - begin) - 0.5)[:, ::-1])

    step = (good["level_b"].to_numpy(float) - offset[b]) / gain[b]
    step -= (good["level_a"].to_numpy(float) - offset[a]) / gain[a]
    error = np.hypot(_level_error(good, unit), FLOOR * unit)
    return Steps(a, b, place(a), place(b), step, error)


def border_tie_points(
    seams: list[Seam],
    surface: Surface,
    session_of_tile: Ints,
    unit: float,
    limits: ClippingLimits,
    job: Job,
) -> TiePoints:
    """See the same piece of rock on the two sides of every border between two sessions.

    A piece of some pixels is a material of its own: seen on both sides, with an error on both, so
    that neither side is the cause of the other and no regression flattens the gain (errors in
    variables, as Deming 1943). Where a piece is no single grain, its error is larger.

    Parameters
    ----------
    seams
        Both sides of every seam.
    surface
        Backgrounds of the tiles, to be taken off.
    session_of_tile
        Session of each tile, -1 for none.
    unit
        One level of an 8-bit image.
    limits
        Where the image is clipped.
    job
        Running job.

    Returns
    -------
    TiePoints
        Two a piece of rock.
    """
    noise = _noise_of_sessions(seams, session_of_tile)
    borders: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    for number, seam in enumerate(seams):
        if number % 500 == 0:
            job.check()
        one, other = int(session_of_tile[seam.before]), int(session_of_tile[seam.after])
        if one == other or min(one, other) < 0 or not (one in noise and other in noise):
            continue
        at_before, at_after = seam.places()
        x = _pieces(seam.grey_before - surface(np.full(len(at_before), seam.before), at_before))
        y = _pieces(seam.grey_after - surface(np.full(len(at_after), seam.after), at_after))
        good = limits.is_unclipped(x.mean(axis=1)) & limits.is_unclipped(y.mean(axis=1))
        x, y = x[good], y[good]
        more = x.std(axis=1, ddof=1) - noise[one], y.std(axis=1, ddof=1) - noise[other]
        uneven = np.hypot(np.maximum(np.maximum(*more), 0), BESIDE * unit)
        tiles = np.broadcast_to([[seam.before, seam.after]], (len(x), 2))
        greys = np.stack([x.mean(axis=1), y.mean(axis=1)], axis=1)
        errors = np.stack([np.hypot(noise[k] / np.sqrt(PIECE), uneven) for k in (one, other)], 1)
        pair = min(one, other), max(one, other)
        borders.setdefault(pair, []).append(np.concatenate([tiles, greys, errors], axis=1))
    rows: list[tuple[int, int, int, float, float]] = []
    for _, parts in sorted(borders.items()):
        pieces = np.concatenate(parts)
        if len(pieces) < FEWEST_PIECES or not _is_continuous(pieces[:, 2], pieces[:, 3], unit):
            continue
        for piece in pieces[:: -(-len(pieces) // MOST_PIECES)]:
            for side in range(2):
                tile = int(piece[side])
                seen = float(piece[2 + side]), float(piece[4 + side])
                rows.append((int(session_of_tile[tile]), len(rows) // 2, tile, *seen))
    return TiePoints.of_rows(rows)


def _is_continuous(x: Floats, y: Floats, unit: float) -> bool:
    """Tell whether the rock goes on beyond a border: what is bright on one side is on the other.

    It does not where tiles were put in a wrong place. An even border tells nothing against it.
    """
    if min(x.std(), y.std()) < EVEN * unit and max(x.std(), y.std()) < 5 * EVEN * unit:
        return True
    return float(spearmanr(x, y).statistic) > LEAST_CORRELATION


def _pieces(grey: NDArray[Any]) -> Floats:
    count = grey.size // PIECE
    return np.asarray(grey[: count * PIECE].reshape(count, PIECE), np.float64)


def _noise_of_sessions(seams: list[Seam], session_of_tile: Ints) -> dict[int, float]:
    """Scatter along even pieces: that of the evenest fifth."""
    scatters: dict[int, list[Floats]] = {}
    for seam in seams:
        for tile, grey in ((seam.before, seam.grey_before), (seam.after, seam.grey_after)):
            scatter = _pieces(grey).std(axis=1, ddof=1)
            of_session = scatters.setdefault(int(session_of_tile[tile]), [])
            of_session.append(scatter[np.isfinite(scatter)])
    joined = {session: np.concatenate(parts) for session, parts in scatters.items()}
    return {k: float(np.percentile(v, 20)) for k, v in joined.items() if v.size}


def overlap_tie_points(overlaps: pd.DataFrame, session_of_tile: Ints, unit: float) -> TiePoints:
    """Compare overlapping tiles of different sessions, each pair at two greys.

    Parameters
    ----------
    overlaps
        As for `steps_of_overlaps`.
    session_of_tile
        Session of each tile, -1 for none.
    unit
        One level of an 8-bit image.

    Returns
    -------
    TiePoints
        Two or four a pair of tiles.
    """
    rows: list[tuple[int, int, int, float, float]] = []
    good = overlaps[np.isfinite(overlaps["level_a"]) & np.isfinite(overlaps["level_b"])]
    level_error = np.hypot(_level_error(good, unit), BACKGROUND * unit)
    for pair, level in zip(good.to_dict("records"), level_error, strict=True):
        a, b = int(pair["tile_a"]), int(pair["tile_b"])
        one, other = int(session_of_tile[a]), int(session_of_tile[b])
        if one == other or min(one, other) < 0:
            continue
        gain, gain_error = float(pair["gain"]), float(pair["gain_error"])
        known = np.isfinite(gain) and np.isfinite(gain_error) and gain_error > 0
        reach = float(np.clip(level / gain_error, 3 * unit, 60 * unit)) if known else 0.0
        for away in (-reach, reach) if known else (0.0,):
            material = len(rows) // 2
            error = float(np.hypot(level, gain_error * away)) if known else float(level)
            grey = pair["level_b"] + (gain if known else 1.0) * away
            rows.append((one, material, a, pair["level_a"] + away, 0.05 * unit))
            rows.append((other, material, b, grey, error))
    return TiePoints.of_rows(rows)


def _level_error(overlaps: pd.DataFrame, unit: float) -> Floats:
    """Give the standard error of the levels' difference: the offset's without the gain's."""
    offset = overlaps["offset_error"].to_numpy(float)
    gain = np.nan_to_num(overlaps["gain_error"].to_numpy(float)) * overlaps["level_a"].to_numpy(
        float
    )
    left = np.sqrt(np.maximum(offset**2 - gain**2, 0))
    return np.asarray(np.nan_to_num(left, nan=unit))
