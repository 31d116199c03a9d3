"""Sessions tied by their histograms, where nothing tells materials but the grey itself.

The histogram of even spots has a peak for every mineral and for the groundmass. Stretched by the
right gain and offset, that of one session covers that of another but for minerals that one has more
of. The sum of absolute differences of the roots of the histograms is least there; it minds a
peak that only one of them has little, as a median does. Peaks lie close together in most rocks: the
level comes out well, the gain within some percent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize

from napari_olivine.job import Job
from napari_olivine.levelling.sightings import Priors, Sightings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS_PER_GREY = 4
SMOOTH = 1.0
"""Standard deviation of the smoothing, in levels of an 8-bit image."""

LEAST_COVERED = 0.6
"""Share of the spots that two histograms must have in common to be compared."""

FEWEST_SPOTS = 500
PARTS = 8
"""Parts of a session's tiles of which one is left out in turn, for the standard errors."""

FLOOR = 0.3
"""Least standard error of a level, in levels of an 8-bit image."""


def histogram_sightings(
    grey: Floats,
    tile: Ints,
    session_of_tile: Ints,
    sessions: list[int],
    priors: Priors,
    unit: float,
    job: Job,
) -> Sightings:
    """Compare every session's histogram with that of the session that has most spots.

    Parameters
    ----------
    grey
        Grey of even spots with the backgrounds of tiles taken off, shape (n,).
    tile
        Their tiles.
    session_of_tile
        Session of each tile, -1 for none.
    sessions
        Sessions to compare.
    priors
        What is likely beforehand.
    unit
        One level of an 8-bit image.
    job
        Running job.
    """
    session = session_of_tile[tile]
    number = np.array([(session == one).sum() for one in sessions])
    full = [one for one, n in zip(sessions, number, strict=True) if n >= FEWEST_SPOTS]
    if len(full) < 2:
        return Sightings.of_rows([])
    low, high = np.percentile(grey, [0.01, 99.99])
    edges = np.arange(low - 10 * unit, high + 10 * unit, unit / BINS_PER_GREY)
    base = max(full, key=lambda one: int((session == one).sum()))
    rows: list[tuple[int, int, int, float, float]] = []
    reference = _parts(grey, tile, session == base, edges)
    anchors = np.percentile(grey[session == base], [10, 90])
    if np.ptp(anchors) < 6 * unit:
        anchors = anchors.mean() + np.array([-3, 3]) * unit
    material = 0
    for one in full:
        if one == base:
            continue
        other = _parts(grey, tile, session == one, edges)
        matched = _match_with_error(reference, other, edges, anchors, priors, unit, job)
        if matched is None:
            continue
        for at, (level, error) in zip(anchors, matched, strict=True):
            rows.append((base, material, -1, float(at), 0.05 * unit))
            rows.append((one, material, -1, level, error))
            material += 1
    return Sightings.of_rows(rows)


def _parts(grey: Floats, tile: Ints, chosen: NDArray[np.bool_], edges: Floats) -> Floats:
    """Histograms of parts of a session's tiles, shape (parts, bins)."""
    tiles, place = np.unique(tile[chosen], return_inverse=True)
    count = min(PARTS, tiles.size)
    part = place * count // tiles.size
    value = grey[chosen]
    return np.stack([np.histogram(value[part == one], edges)[0] for one in range(count)]) * 1.0


def _match_with_error(
    reference: Floats,
    other: Floats,
    edges: Floats,
    anchors: Floats,
    priors: Priors,
    unit: float,
    job: Job,
) -> list[tuple[float, float]] | None:
    """Grey of the other session at the anchors, with standard errors; `None` if nothing fits."""
    match = _Match(edges, anchors, priors, unit)
    levels, covered = match.best(reference.sum(axis=0), other.sum(axis=0), None)
    if covered < LEAST_COVERED:
        return None
    left_out = []
    parts = max(len(reference), len(other))
    if min(len(reference), len(other)) < 4:
        # Too few tiles to tell an error from: as uncertain as can be.
        return [(float(level), 3 * unit) for level in levels]
    for part in range(parts):
        job.check()
        one = reference.sum(axis=0) - (reference[part] if part < len(reference) else 0)
        two = other.sum(axis=0) - (other[part] if part < len(other) else 0)
        left_out.append(match.best(one, two, levels)[0])
    spread = np.array(left_out) - np.mean(left_out, axis=0)
    error = np.sqrt((parts - 1) / parts * (spread**2).sum(axis=0))
    return [
        (float(level), float(np.hypot(e, FLOOR * unit)))
        for level, e in zip(levels, error, strict=True)
    ]


class _Match:
    """Stretches one histogram over another, told by the grey at two anchors."""

    def __init__(self, edges: Floats, anchors: Floats, priors: Priors, unit: float) -> None:
        self.centres = (edges[1:] + edges[:-1]) / 2
        self.anchors, self.priors, self.unit = anchors, priors, unit

    def best(self, one: Floats, other: Floats, start: Floats | None) -> tuple[Floats, float]:
        """Grey in `other` at the anchors of `one`, and the share that they then have in common."""
        a, b = self._smooth(one), self._smooth(other)
        root = np.sqrt(a)

        def distance(levels: Floats) -> float:
            gain, stretched = self._stretched(b, levels)
            if gain <= 0.2:
                return 1e3
            shift = float(np.mean(levels - self.anchors))
            prior = ((gain - 1) / self.priors.gain) ** 2 + (shift / self.priors.centre) ** 2
            off = np.abs(root - np.sqrt(stretched)).sum() * self.unit / BINS_PER_GREY
            return float(off / self.unit**0.5 + 0.02 * prior)

        if start is None:
            starts = self._starts(one, other)
            start = min(starts, key=distance)
        best = minimize(
            distance,
            start,
            method="Nelder-Mead",
            options={
                "xatol": 0.01 * self.unit,
                "fatol": 1e-7,
                "initial_simplex": start + self.unit * np.array([[0, 0], [1, 0], [0, 1]]),
            },
        )
        _, stretched = self._stretched(b, best.x)
        covered = float(np.minimum(a, stretched).sum() * (self.centres[1] - self.centres[0]))
        return np.asarray(best.x), covered

    def _starts(self, one: Floats, other: Floats) -> list[Floats]:
        middle = np.array([self._quantile(h, 0.5) for h in (one, other)])
        found = []
        for gain in np.linspace(1 - 2 * self.priors.gain, 1 + 2 * self.priors.gain, 9):
            for away in np.arange(-16, 17, 2) * self.unit:
                found.append(middle[1] + away + gain * (self.anchors - middle[0]))
        return found

    def _quantile(self, histogram: Floats, share: float) -> float:
        cumulative = np.cumsum(histogram)
        return float(self.centres[np.searchsorted(cumulative, share * cumulative[-1])])

    def _smooth(self, histogram: Floats) -> Floats:
        density = gaussian_filter1d(histogram, SMOOTH * BINS_PER_GREY)
        area = max(float(density.sum()), 1e-12) * (self.centres[1] - self.centres[0])
        return np.asarray(density / area)

    def _stretched(self, density: Floats, levels: Floats) -> tuple[float, Floats]:
        gain = float((levels[1] - levels[0]) / (self.anchors[1] - self.anchors[0]))
        at = levels[0] + gain * (self.centres - self.anchors[0])
        return gain, np.interp(at, self.centres, density, left=0, right=0) * max(gain, 0.0)
