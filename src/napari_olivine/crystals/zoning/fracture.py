"""Broken sides of a crystal: where zones end at the outline instead of following it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.zoning.bootstrap import innermost_bins
from napari_olivine.crystals.zoning.radial import Floats, RadialProfile
from napari_olivine.crystals.zoning.zone_rules import ZoneRules

Bools = NDArray[np.bool_]

BEND_FREE, BEND_ROUND = 0.10, 0.30
"""Bend of a side up to which it is straight, and from which it is round (ours)."""


def find_fracture(
    profile: RadialProfile, cells: Floats, weights: Floats, rules: ZoneRules
) -> tuple[float, Bools]:
    """Find a straight side along which mg# does not follow the distance to the outline.

    Zones follow the outline of a whole crystal; where it broke, its inside lies at the outline.
    Two signs of that are measured in each sector, both 0 along a face and up to 1 along a
    fracture: how far the outermost tenth of the area has gone from the mg# of a rim to that of
    the inside, and which part is missing of the range of mg# that the crystal has at the same
    depths. The longest run of sectors in which either exceeds `rules.truncated` is the candidate.
    Its score is the mean of the larger sign times the straightness of the side, which tells it
    from a bay that melt ate. A contact with another crystal, against which no rim grew, looks
    the same.

    Parameters
    ----------
    profile
        Profile of the crystal.
    cells, weights
        Median and weight of each bin in each sector, shape (bins, sectors).
    rules
        Thresholds.

    Returns
    -------
    score
        0 to 1; NaN where mg# varies too little to tell.
    broken
        Sectors of the candidate, shape (sectors,).
    """
    none = np.zeros(cells.shape[1], bool)
    if np.ptp(profile.median) < 2 * rules.zoning:
        return float("nan"), none
    gone = np.fmax(_gone_inside(profile, cells, weights), _range_missing(profile, cells, weights))
    broken = _longest_run(gone >= rules.truncated)
    if np.count_nonzero(broken) < max(3, len(broken) / 10):
        return 0.0, none
    score = np.clip(gone[broken], 0, 1).mean() * _straightness(profile, broken)
    return float(score), broken


def _gone_inside(profile: RadialProfile, cells: Floats, weights: Floats) -> Floats:
    """Part of the way from rim to inside at the outline of each sector; NaN where unknown."""
    ring = max(1, round(len(cells) / 10))
    total = weights[:ring].sum(axis=0)
    rim = (cells * weights)[:ring].sum(axis=0) / np.where(total > 0, total, np.nan)
    seen = np.isfinite(rim)
    if np.count_nonzero(seen) < len(rim) / 2:
        return np.full(len(rim), np.nan)
    if seen.all():
        rim = np.sort([np.roll(rim, 1), rim, np.roll(rim, -1)], axis=0)[1]
    # Most of the outline is a rim: of the fifths of its sectors the one less like the centre.
    inner = profile.median[-innermost_bins(len(cells)) :].mean()
    ordered = np.sort(rim[seen])
    fifth = len(ordered) // 5
    low, high = ordered[fifth], ordered[-1 - fifth]
    reference = low if abs(inner - low) > abs(inner - high) else high
    away = profile.median - reference
    return np.asarray((rim - reference) / away[np.argmax(np.abs(away))])


def _range_missing(profile: RadialProfile, cells: Floats, weights: Floats) -> Floats:
    """Part of the range of the same bins that each sector lacks; NaN where it holds too few."""
    there = weights > 0
    own = _middle_range(np.where(there, cells, np.nan))
    expected = _middle_range(np.where(there, profile.median[:, np.newaxis], np.nan))
    enough = expected >= np.ptp(profile.median) / 2
    return 1 - own / np.where(enough, expected, np.nan)


def _middle_range(values: Floats) -> Floats:
    """Range of the middle eight tenths of each column, NaN left out."""
    ordered = np.sort(values, axis=0)  # NaN last
    last = np.maximum(np.count_nonzero(np.isfinite(values), axis=0) - 1, 0)
    columns = np.arange(values.shape[1])
    tenth = last // 10
    return np.asarray(ordered[last - tenth, columns] - ordered[tenth, columns])


def _longest_run(flags: Bools) -> Bools:
    """Keep the longest run of true values on a circle."""
    if flags.all() or not flags.any():
        return flags
    start = int(np.argmin(flags))
    rolled = np.roll(flags, -start)  # begins with False, so no run goes over the end
    edges = np.flatnonzero(np.diff(np.concatenate([rolled, [False]]).astype(np.int8)))
    begin, end = edges[::2] + 1, edges[1::2] + 1
    longest = int(np.argmax(end - begin))
    kept = np.zeros_like(flags)
    kept[begin[longest] : end[longest]] = True
    return np.roll(kept, start)


def _straightness(profile: RadialProfile, side: Bools) -> float:
    """1 for a line, 0 for what bends like an arc: by the scatter across over the length."""
    points = np.stack([profile.rim_row[side], profile.rim_col[side]])
    points = points[:, np.isfinite(points).all(axis=0)]
    if points.shape[1] < 3:
        return 1.0
    small, large = np.linalg.eigvalsh(np.cov(points))
    # Root of the ratio of variances: 0 for a line, 0.10 for an eighth of a circle, 0.21 for a
    # quarter, 0.44 for half.
    bend = np.sqrt(max(small, 0) / max(large, 1e-9))
    return float(np.clip(1 - (bend - BEND_FREE) / (BEND_ROUND - BEND_FREE), 0, 1))
