"""Seams: where two tiles meet the rock goes on, so that a step of the grey is the instrument's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.levelling.mosaic import Mosaic
from napari_olivine.levelling.sightings import Sightings
from napari_olivine.levelling.survey import Survey

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Surface = Callable[[Ints, Floats], Floats]
"""Background, as measured, of given tiles at given places (x, y)."""

BIN = 16
"""Pixels along a seam whose median step is one observation."""

FLOOR = 0.3
"""Least standard error of an observation, in levels of an 8-bit image: the rock itself differs."""

BLOCK = 64
"""Pixels along a border that are taken for independent of the next ones (crystals are long)."""

FEWEST_BLOCKS = 6
"""Blocks from which the two sides of a border are compared."""

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
        parts = parts or [empty]
        return cls(
            np.concatenate([p.before for p in parts]),
            np.concatenate([p.after for p in parts]),
            np.concatenate([p.at_before for p in parts]),
            np.concatenate([p.at_after for p in parts]),
            np.concatenate([p.step for p in parts]),
            np.concatenate([p.error for p in parts]),
        )

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


def seams_of(found: Survey, mosaic: Mosaic, job: Job) -> list[Seam]:
    """Cut the grey beside the borders of the grid into the seams of single tiles."""
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
    """Compare overlapping tiles at the middle of what they share."""
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


def sightings_at_borders(
    seams: list[Seam], surface: Surface, session_of_tile: Ints, unit: float, job: Job
) -> Sightings:
    """Compare the two sides of every border between two sessions.

    Neither side is the cause of the other and both are noisy alike, so that a regression of one on
    the other would flatten the gain. What is the same on both sides, a pixel apart, is the spread
    of the grey: the ratio of the spreads is the gain (reduced major axis), and the mean goes with
    the mean. Standard errors come from leaving out pieces of the border in turn.

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
    job
        Running job.
    """
    borders: dict[tuple[int, int], list[tuple[Floats, Floats]]] = {}
    for number, seam in enumerate(seams):
        if number % 500 == 0:
            job.check()
        one, other = int(session_of_tile[seam.before]), int(session_of_tile[seam.after])
        if one == other or min(one, other) < 0:
            continue
        at_before, at_after = seam.places()
        x = seam.grey_before - surface(np.full(len(at_before), seam.before), at_before)
        y = seam.grey_after - surface(np.full(len(at_after), seam.after), at_after)
        if one > other:
            one, other, x, y = other, one, y, x
        borders.setdefault((one, other), []).append((x, y))
    rows: list[tuple[int, int, int, float, float]] = []
    for (one, other), sides in sorted(borders.items()):
        pieces = [
            (x[at : at + BLOCK], y[at : at + BLOCK])
            for x, y in sides
            for at in range(0, x.size - BLOCK // 2, BLOCK)
        ]
        for in_one, in_other, error in matched_spread(pieces, unit):
            material = len(rows) // 2
            rows.append((one, material, -1, in_one, 0.05 * unit))
            rows.append((other, material, -1, in_other, error))
    return Sightings.of_rows(rows)


def matched_spread(
    pieces: list[tuple[Floats, Floats]], unit: float
) -> list[tuple[float, float, float]]:
    """Match mean and spread of the grey on two sides of a border.

    Parameters
    ----------
    pieces
        Grey on either side of every piece of the border; NaN where unusable.
    unit
        One level of an 8-bit image.

    Returns
    -------
    list of (grey on one side, grey on the other, standard error of the latter)
        One spread below and one above the mean, whose errors are all but independent; empty if
        there is too little border.
    """
    sums = []
    for x, y in pieces:
        good = np.isfinite(x) & np.isfinite(y)
        a, b = x[good].astype(float), y[good].astype(float)
        sums.append((good.sum(), a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()))
    table = np.array(sums, float).reshape(-1, 6)
    table = table[table[:, 0] >= BLOCK / 4]
    if len(table) < FEWEST_BLOCKS:
        return []

    def matched(total: Floats) -> tuple[float, float, float, float]:
        mean_x, mean_y = total[1] / total[0], total[2] / total[0]
        spread_x = np.sqrt(max(total[3] / total[0] - mean_x**2, 0))
        spread_y = np.sqrt(max(total[4] / total[0] - mean_y**2, 0))
        return mean_x, mean_y, spread_x, spread_y

    whole = table.sum(axis=0)
    mean_x, mean_y, spread_x, spread_y = matched(whole)
    # Without contrast the level alone can be compared.
    flat = min(spread_x, spread_y) < 3 * unit
    gain = 1.0 if flat else spread_y / spread_x
    reach = max(spread_x, 5 * unit)
    found = []
    for at in (mean_x,) if flat else (mean_x - reach, mean_x + reach):
        predicted = []
        for piece in table:
            m_x, m_y, s_x, s_y = matched(whole - piece)
            predicted.append(m_y + (1.0 if flat else s_y / max(s_x, 1e-9)) * (at - m_x))
        count, left_out = len(table), np.array(predicted)
        error = np.sqrt((count - 1) / count * np.sum((left_out - np.mean(left_out)) ** 2))
        error = float(np.hypot(error, BACKGROUND * unit))
        found.append((float(at), float(mean_y + gain * (at - mean_x)), error))
    return found


def sightings_in_overlaps(overlaps: pd.DataFrame, session_of_tile: Ints, unit: float) -> Sightings:
    """Compare overlapping tiles of different sessions, each pair at two greys."""
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
    return Sightings.of_rows(rows)


def _level_error(overlaps: pd.DataFrame, unit: float) -> Floats:
    """Give the standard error of the levels' difference: the offset's without the gain's."""
    offset = overlaps["offset_error"].to_numpy(float)
    gain = np.nan_to_num(overlaps["gain_error"].to_numpy(float)) * overlaps["level_a"].to_numpy(
        float
    )
    left = np.sqrt(np.maximum(offset**2 - gain**2, 0))
    return np.asarray(np.nan_to_num(left, nan=unit))
