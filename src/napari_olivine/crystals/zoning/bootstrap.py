"""Bootstrap samples of the sectors of a radial profile: how sure the zoning is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from napari_olivine.crystals.zoning.radial import (
    Floats,
    RadialProfile,
    independent_values,
    median_variance,
)
from napari_olivine.crystals.zoning.zone_rules import ZoneRules

REPLICATES = 200
"""Bootstrap samples of the sectors; a probability is known to 0.035 at worst."""

OUTLIER = 5
"""Times its usual deviation from the median by which a cell is an outlier (ours)."""

FEWEST_PX = 4
"""Smaller cells are not used (ours)."""


@dataclass(frozen=True, eq=False)
class BootstrapProfiles:
    """Profiles of the crystal (first row) and of bootstrap samples of its sectors."""

    mg: Floats
    """Shape (1 + REPLICATES, bins)."""
    centre: Floats
    """mg# of the innermost eighth of the area, shape (1 + REPLICATES,)."""
    coherence: Floats
    patchiness: Floats
    step: float
    """Twice the standard error of a difference of two bins: smaller steps do not count."""

    @classmethod
    def draw(
        cls, cells: Floats, weights: Floats, profile: RadialProfile, rules: ZoneRules, seed: int
    ) -> BootstrapProfiles:
        """Draw the samples.

        Parameters
        ----------
        cells, weights
            As from :func:`weighted_cells`, shape (bins, sectors).
        profile
            Profile of the crystal.
        rules
            Thresholds of the classes.
        seed
            The same seed gives the same samples.
        """
        weights = _without_outliers(cells, weights, profile.median)
        times = _resampling(cells.shape[1], seed)
        away = cells - profile.median[:, np.newaxis]
        number = times @ weights.T
        offset = (times @ (weights * away).T) / np.maximum(number, 1)
        offset = np.where(number > 0, offset, offset[0])
        mg = profile.median + offset
        # Variance between the bins, and within them without the noise of the cells.
        total = np.maximum(number.sum(axis=1), 1)
        mean = (number * mg).sum(axis=1) / total
        between = (number * (mg - mean[:, np.newaxis]) ** 2).sum(axis=1) / total
        squares = times @ (weights * away**2).T
        within = (squares - number * offset**2).sum(axis=1) / total
        left = np.maximum(within - _noise_of_cells(profile, weights), 0)
        variance = between + left
        coherence = between / np.where(variance > (rules.zoning / 8) ** 2, variance, np.nan)
        centre = mg[:, -innermost_bins(mg.shape[1]) :].mean(axis=1)
        step = 2 * np.sqrt(2 * mg[1:].var(axis=0).mean())
        return cls(mg, centre, coherence, np.sqrt(left), float(step))


def innermost_bins(bins: int) -> int:
    """Count the bins of the innermost eighth of the area."""
    return max(1, round(bins / 8))


def weighted_cells(profile: RadialProfile) -> tuple[Floats, Floats]:
    """Medians and weights of the cells, shape (bins, sectors); 0 in cells of too few pixels."""
    weights = np.where(profile.cell_n >= FEWEST_PX, profile.cell_n, 0).astype(np.float64)
    return np.where(weights > 0, profile.cell_median, 0), weights


def _noise_of_cells(profile: RadialProfile, weights: Floats) -> float:
    """Variance of the medians of the cells that noise alone gives."""
    width = np.diff(profile.edges_px)[:, np.newaxis]
    alone = independent_values(weights.astype(np.int64), width, profile.patch_px)
    one = profile.noise**2 * median_variance(profile.patch_px)
    return float(one * (weights / np.maximum(alone, 1)).sum() / max(weights.sum(), 1))


def _without_outliers(cells: Floats, weights: Floats, median: Floats) -> Floats:
    """Take the weight from cells that a crack or an inclusion fills."""
    away = np.where(weights > 0, np.abs(cells - median[:, np.newaxis]), np.nan)
    usual = _nanmedian(away)[:, np.newaxis]
    # A bin that cracks spoil in half of its sectors is measured by the others.
    usual = np.minimum(usual, 2 * np.nanmedian(usual))
    return np.where(away <= np.maximum(OUTLIER * usual, 1e-6), weights, 0)


def _nanmedian(values: Floats) -> Floats:
    """Median of each row, NaN left out; NaN where nothing is left."""
    ordered = np.sort(values, axis=1)  # NaN last
    number = np.count_nonzero(np.isfinite(values), axis=1)
    rows = np.arange(len(values))
    upper = ordered[rows, np.minimum(number // 2, values.shape[1] - 1)]
    lower = ordered[rows, np.maximum((number - 1) // 2, 0)]
    return np.asarray((upper + lower) / 2)


@lru_cache(maxsize=64)
def _resampling(sectors: int, seed: int) -> Floats:
    """How often each sector is in each sample; the first row is the crystal as it is.

    Runs of neighbours, an eighth of the circle long, are drawn together, because patches reach over
    several sectors: the circular block bootstrap of Politis and Romano (1992; in LePage and
    Billard, eds, Exploring the Limits of Bootstrap, 263-270).
    """
    block = max(1, round(sectors / 8))
    runs = -(-sectors // block)
    starts = np.random.default_rng(seed).integers(sectors, size=(REPLICATES, runs, 1))
    drawn = ((starts + np.arange(block)) % sectors).reshape(REPLICATES, -1)
    times = np.ones((1 + REPLICATES, sectors))
    for row, sample in enumerate(drawn, 1):
        times[row] = np.bincount(sample, minlength=sectors)
    return times
