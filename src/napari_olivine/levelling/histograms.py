"""Sessions tied by their histograms, where nothing tells materials but the grey itself.

The histogram of even spots has a peak for every mineral and for the groundmass. Stretched by the
right gain and offset, that of one session covers that of another but for minerals that one has
more of. Where the fourth roots of two densities differ least in the sum, large peaks lie on large
ones and small distinct ones (epoxy, oxides) on theirs. That is the initial scale, found from coarse
to fine. How wide a peak of varying composition is differs between sessions by some per cent; so
would the gain: it comes from where the peaks are (`napari_olivine.levelling.histogram_peaks`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize

from napari_olivine.job import Job
from napari_olivine.levelling.sampling import spread_tiles
from napari_olivine.levelling.scales import Priors, Scales

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS_PER_GREY = 4

POWER = 0.25
"""Power of the densities that are compared: epoxy of some thousandths must count."""

SMOOTH = 0.5
"""Standard deviation of the smoothing of densities, in levels of an 8-bit image."""

COARSE_TO_FINE = (4.0, 2.0, 0.0)
"""Further smoothing under which scales are compared in turn, in levels of an 8-bit image."""

KEPT = 6
"""Scales that are followed from coarse to fine."""

LEAST_COVERED = 0.6
"""Share that two densities must have in common to be compared."""

FEWEST_SPOTS = 500

PRIOR_WEIGHT = 0.02
"""Weight of what is known beforehand against the difference of the densities' roots. Ours."""

LEAST_GAIN_ERROR = 0.02
"""How sure other sources can be at most of the gain that the comparison begins with."""


@dataclass(frozen=True)
class TileGreys:
    """Histograms of the even spots of single tiles.

    Parameters
    ----------
    number
        Spots in every bin, shape (tiles, bins).
    centre
        Grey as measured in the middle of the bins.
    tile, session
        Of each histogram.
    """

    number: Floats
    centre: Floats
    tile: Ints
    session: Ints

    @classmethod
    def of_spots(cls, grey: Floats, tile: Ints, session_of_tile: Ints, unit: float) -> TileGreys:
        """Count the spots of the tiles that tie sessions together.

        Parameters
        ----------
        grey, tile
            Grey and tile of each spot, shape (n,).
        session_of_tile
            Session of each tile, -1 for none.
        unit
            One level of an 8-bit image.
        """
        chosen = spread_tiles(session_of_tile)[tile]
        grey, tile = grey[chosen], tile[chosen]
        tiles, place = np.unique(tile, return_inverse=True)
        if not grey.size:
            return cls(np.zeros((0, 1)), np.zeros(1), tiles, session_of_tile[tiles])
        low, high = np.percentile(grey, [0.01, 99.99])
        width = unit / BINS_PER_GREY
        first = low - 10 * unit
        bins = int(np.ceil((high + 10 * unit - first) / width))
        at = np.floor((grey - first) / width).astype(np.int64)
        inside = (at >= 0) & (at < bins)
        number = np.bincount((place * bins + at)[inside], minlength=tiles.size * bins)
        centre = first + (np.arange(bins) + 0.5) * width
        histograms = number.reshape(-1, bins).astype(np.float64)
        return cls(histograms, centre.astype(np.float64), tiles, session_of_tile[tiles])

    @property
    def width(self) -> float:
        """Width of a bin."""
        return float(self.centre[1] - self.centre[0]) if self.centre.size > 1 else 1.0

    def of_session(self, session: int) -> Floats:
        """Histograms of one session's tiles, shape (tiles, bins)."""
        return np.asarray(self.number[self.session == session])


def typical_density(number: Floats, smooth: float, power: float = 0.5) -> Floats:
    """Root of the density that is typical of tiles: the mean of their roots.

    A crystal that fills one tile of many is a high peak of the mean density, and a low one here.

    Parameters
    ----------
    number
        Histograms of tiles, shape (tiles, bins).
    smooth
        Standard deviation of the smoothing, bins.
    power
        Power of the density that is the root: the smaller, the more a small peak counts.

    Returns
    -------
    ndarray, shape (bins,)
        Root of the density.
    """
    density = gaussian_filter1d(number, smooth, axis=1, mode="constant")
    total = density.sum(axis=1)
    full = total > 0
    root = (density[full] / total[full, None]) ** power
    return np.asarray(root.mean(axis=0)) if full.any() else np.zeros(number.shape[1])


@dataclass(frozen=True)
class InitialScales:
    """InitialScales scale of each session against one of them, the base.

    Parameters
    ----------
    base
        Session with most spots.
    gain, offset
        grey = gain x grey in the base + offset; NaN where nothing is comparable, shape (sessions,).
    """

    base: int
    gain: Floats
    offset: Floats


def initial_scales(
    tiles: TileGreys, begin: Scales, tied: Ints, priors: Priors, unit: float, job: Job
) -> InitialScales:
    """Compare every session's histogram with that of the session that has most spots.

    Parameters
    ----------
    tiles
        Histograms of tiles.
    begin
        What other sources say of the scales; the prior where they say nothing.
    tied
        Which sessions other sources tie together: the same number for sessions of one group.
    priors
        What is likely beforehand.
    unit
        One level of an 8-bit image.
    job
        Running job.

    Returns
    -------
    InitialScales
        Good enough to find the same peaks in all sessions.
    """
    count = begin.gain.size
    spots = np.array([tiles.of_session(one).sum() for one in range(count)])
    gain, offset = np.full((2, count), np.nan)
    base = int(np.argmax(spots)) if count else 0
    if not count or spots[base] < FEWEST_SPOTS:
        return InitialScales(base, gain, offset)
    gain[base], offset[base] = 1.0, 0.0
    known_gain, known_offset, covariance = begin.relative(base)
    smooth = SMOOTH * unit / tiles.width
    reference = typical_density(tiles.of_session(base), smooth, POWER)
    for one in range(count):
        job.check()
        if one == base or spots[one] < FEWEST_SPOTS:
            continue
        other = typical_density(tiles.of_session(one), smooth, POWER)
        along = np.array([begin.pivot, 1.0])
        centre_error = float(np.sqrt(max(along @ covariance[one] @ along, 0)))
        gain_error = float(np.sqrt(max(covariance[one, 0, 0], 0)))
        match = _Match(
            centre=tiles.centre,
            pivot=begin.pivot,
            likely=(known_gain[one], known_gain[one] * begin.pivot + known_offset[one]),
            spread=(max(gain_error, LEAST_GAIN_ERROR), max(centre_error, unit)),
            unit=unit,
        )
        (found, middle), covered = match.best(reference, other)
        if covered >= LEAST_COVERED or tied[one] == tied[base]:
            gain[one], offset[one] = found, middle - found * begin.pivot
    return InitialScales(base, gain, offset)


@dataclass(frozen=True)
class _Match:
    """Stretches one density over another: grey in the other = gain (grey - pivot) + middle."""

    centre: Floats
    pivot: float
    likely: tuple[float, float]
    spread: tuple[float, float]
    unit: float

    def best(self, one: Floats, other: Floats) -> tuple[tuple[float, float], float]:
        """Gain and middle, and the share that the densities then have in common."""
        starts = self._starts(one, other)
        for smooth in COARSE_TO_FINE:
            a, b = (self._smoothed(root, smooth) for root in (one, other))
            starts = sorted(starts, key=lambda scale: self._distance(scale, a, b))
            starts = [self._nearest(start, a, b) for start in self._apart(starts)]
        best = min(starts, key=lambda scale: self._distance(scale, a, b))
        common = np.minimum(one, self._stretched(other, best)) ** (1 / POWER)
        total = min((root ** (1 / POWER)).sum() for root in (one, other))
        return best, float(common.sum() / total) if total > 0 else 0.0

    def _distance(self, scale: tuple[float, float], a: Floats, b: Floats) -> float:
        if scale[0] <= 0.2:
            return 1e3
        off = np.abs(a - self._stretched(b, scale)).sum() * (self.centre[1] - self.centre[0])
        known = zip(scale, self.likely, self.spread, strict=True)
        prior = sum(((value - likely) / spread) ** 2 for value, likely, spread in known)
        return float(off / self.unit + PRIOR_WEIGHT * prior)

    def _nearest(self, start: tuple[float, float], a: Floats, b: Floats) -> tuple[float, float]:
        simplex = np.array(start) + np.array([[0, 0], [0.02, 0], [0, self.unit]])
        found = minimize(
            lambda at: self._distance((at[0], at[1]), a, b),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-4, "fatol": 1e-7, "initial_simplex": simplex},
        )
        return float(found.x[0]), float(found.x[1])

    def _starts(self, one: Floats, other: Floats) -> list[tuple[float, float]]:
        """Scales to begin from: medians side by side, and what is known."""
        median, of_other = (self._median(root ** (1 / POWER)) for root in (one, other))
        gains = self.likely[0] + np.linspace(-2.5, 2.5, 11) * self.spread[0]
        found = [self.likely]
        for gain in gains:
            for away in np.arange(-16, 17, 2) * self.unit:
                found.append((float(gain), of_other + away - float(gain) * (median - self.pivot)))
        return found

    def _apart(self, scales: list[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for gain, middle in scales:
            near = any(abs(gain - g) < 0.01 and abs(middle - m) < self.unit for g, m in kept)
            if not near:
                kept.append((gain, middle))
            if len(kept) == KEPT:
                break
        return kept

    def _median(self, density: Floats) -> float:
        cumulative = np.cumsum(density)
        return float(self.centre[np.searchsorted(cumulative, 0.5 * cumulative[-1])])

    def _smoothed(self, root: Floats, smooth: float) -> Floats:
        bins = smooth * self.unit / (self.centre[1] - self.centre[0])
        return np.asarray(gaussian_filter1d(root, bins, mode="constant")) if bins else root

    def _stretched(self, root: Floats, scale: tuple[float, float]) -> Floats:
        at = scale[0] * (self.centre - self.pivot) + scale[1]
        stretched = np.interp(at, self.centre, root, left=0, right=0)
        return np.asarray(stretched * max(scale[0], 0.0) ** POWER)
