"""Radial profile of one crystal: mg# from its outline to its centre, and profiles compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 24
"""Bins of equal area of a large crystal (ours)."""

SECTORS = 24
"""Sectors around the centre of a large crystal (ours)."""

PIXELS_PER_BIN2 = 16
"""Pixels over the square of bins: small crystals get fewer, so that bins stay as wide (ours)."""

PIXELS_PER_CELL = 12
"""Fewest pixels of a bin in one sector, on average (ours)."""

FEWEST_BINS, FEWEST_SECTORS = 4, 8

GRID = np.linspace(0.05, 0.95, 19)
"""Common grid of relative depth s on which crystals are compared."""

FLOOR = 0.003
"""mg# by which two crystals of one history may differ (ours; the patchiness of natural olivine)."""

LAG_PX = 5
"""Pixels this far apart have independent noise."""

_DEPTHS, _VALUES, _RESIDUALS = 2048, 512, 48  # levels of the histograms
_PART = 1 << 13  # pixels that are worked on together, so that they stay in the cache
_NOISE_SAMPLE, _RANGE_SAMPLE = 6000, 1000  # pixels that suffice to estimate noise and range


@dataclass(frozen=True, eq=False)
class RadialProfile:
    """mg# of a crystal against depth, in bins of equal area from the outline (0) inwards.

    All medians are robust against cracks and inclusions as long as these cover less than half
    of a bin. Arrays have the shape (bins,) unless they say otherwise.
    """

    depth_px: Floats
    """Mean distance to the outer outline."""
    edges_px: Floats
    """Depths between which the bins lie, shape (bins + 1,)."""
    median: Floats
    """Median mg#."""
    mad: Floats
    """Half the interquartile range of mg#: its MAD, as far as it is symmetric."""
    n: NDArray[np.int64]
    """Pixels."""
    n_eff: Floats
    """Independent values among them."""
    se: Floats
    """Standard error of the median, from the scatter inside the bin."""
    cell_median: Floats
    """Median mg# of each bin in each sector, NaN where empty, shape (bins, sectors)."""
    cell_n: NDArray[np.int64]
    """Pixels of each bin in each sector, shape (bins, sectors)."""
    rim_row: Floats
    """Mean row of the outermost bin in each sector, NaN where empty, shape (sectors,)."""
    rim_col: Floats
    """Mean column of the same, shape (sectors,)."""
    depth_max_px: float
    """Largest depth of the crystal."""
    area_px: int
    """Pixels of the crystal, those of the border and of unknown mg# included."""
    noise: float
    """Standard deviation of mg# from pixel to pixel."""
    patch_px: float
    """Pixels that share one independent value of the noise."""

    @property
    def s(self) -> Floats:
        """Relative depth: 0 at the outline, 1 at the point farthest from it."""
        return self.depth_px / self.depth_max_px


def radial_profile(
    inside: NDArray[np.bool_],
    distance: NDArray[np.float32],
    mg: NDArray[np.float32],
    border_px: float,
    *,
    bins: int = BINS,
    sectors: int = SECTORS,
) -> RadialProfile | None:
    """Measure mg# against the distance to the outline, in all and by sectors.

    Bins of equal area give each the same weight in what follows. Sectors are equal angles
    around the centre of mass after the crystal's ellipse of inertia is stretched to a circle,
    so that an elongated crystal has sectors of similar area, too.

    Parameters
    ----------
    inside
        Pixels of the crystal, holes left out, shape (rows, columns).
    distance
        Distance to the outer outline, px.
    mg
        mg# (fraction), NaN where unknown.
    border_px
        Pixels at most this far from the outline are left out.
    bins, sectors
        Of a large crystal; a small one gets fewer.

    Returns
    -------
    RadialProfile or None
        None where too few pixels are left for four bins.
    """
    used = inside & (distance > border_px)
    used &= np.isfinite(mg)
    where = np.flatnonzero(used)
    count = len(where)
    bins = min(bins, math.isqrt(count // PIXELS_PER_BIN2))
    if bins < FEWEST_BINS:
        return None
    sectors = max(min(sectors, count // (bins * PIXELS_PER_CELL)), FEWEST_SECTORS)
    deepest = float(distance.max())
    scale = (_DEPTHS - 1) / deepest
    level = (distance.ravel()[where] * np.float32(scale)).astype(np.int16)

    by_level = _count(level, _DEPTHS)
    of_level, edges = _equal_areas(by_level, bins)
    n = np.bincount(of_level, weights=by_level).astype(np.int64)
    mean_level = np.bincount(of_level, weights=by_level * (np.arange(_DEPTHS) + 0.5)) / n
    keys, low, step = _keys(mg.ravel()[where], level, of_level)
    by_key = _count(keys, len(n) * _VALUES).reshape(-1, _VALUES)
    lower, median, upper = low + step * _quantiles(by_key, 0.25, 0.5, 0.75)
    mad = (upper - lower) / 2
    unit = np.maximum(mad, step) / (_RESIDUALS / 8)
    # Residuals of -4 to 4 MAD in fine steps; what lies beyond counts for the median as well.
    residual = (low + step * (np.arange(_VALUES) + 0.5) - median[:, np.newaxis]) / unit[
        :, np.newaxis
    ]
    residual = np.clip(residual + _RESIDUALS / 2, 0, _RESIDUALS - 1).astype(np.intp)
    by_cell, rims = _sectors(where, keys, residual, _Axes.of(used), inside.shape[1], sectors)
    cell_n = by_cell.sum(axis=2)
    middle = _quantiles(by_cell.reshape(-1, _RESIDUALS), 0.5).reshape(cell_n.shape)
    cell_median = median[:, np.newaxis] + (middle - _RESIDUALS / 2) * unit[:, np.newaxis]
    noise, patch = noise_level(mg, inside)
    n_eff = independent_values(n, np.diff(edges) / scale, patch)
    return RadialProfile(
        depth_px=mean_level / scale,
        edges_px=edges / scale,
        median=median,
        mad=mad,
        n=n,
        n_eff=n_eff,
        se=1.4826 * mad * np.sqrt(median_variance(patch) / n_eff),
        cell_median=np.where(cell_n > 0, cell_median, np.nan),
        cell_n=cell_n,
        rim_row=rims[0],
        rim_col=rims[1],
        depth_max_px=deepest,
        area_px=int(np.count_nonzero(inside)),
        noise=noise,
        patch_px=patch,
    )


def noise_level(mg: NDArray[np.float32], inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Estimate the standard deviation of the noise, and the pixels of one independent value.

    From second differences along rows, which an even slope leaves at 0, of pixels next to each
    other and far apart. A map smoothed by a Gaussian of s px has the correlation
    c = exp(-1 / 4 s2) between neighbours, c^4 between the next but one, and one independent
    value in 4 pi s2 px; the variance of the second difference of neighbours is 6 - 8 c + 2 c^4.
    Of large crystals some rows suffice.
    """
    every = max(1, mg.size // _NOISE_SAMPLE)
    some, there = mg[::every], inside[::every] & np.isfinite(mg[::every])
    near, far = (_second_differences(some, there, lag) for lag in (1, LAG_PX))
    if not far > 0:
        return (near / np.sqrt(6) if near > 0 else 0.0), 1.0
    alike = np.linspace(0, 0.97, 98)
    expected = (6 - 8 * alike + 2 * alike**4) / 6
    found = float(np.interp((near / far) ** 2, expected[::-1], alike[::-1]))
    patch = -np.pi / np.log(found) if found > 0 else 1.0
    return far / np.sqrt(6), max(patch, 1.0)


def independent_values(n: NDArray[np.int64], width_px: Floats, patch_px: float) -> Floats:
    """Count the independent values in bands of pixels, n in all and of a given width each.

    With the correlation length l = sqrt(patch), a band of length L and width w holds
    sqrt(1 + (L / l)2) sqrt(1 + (w / l)2) of them (within 6 % of the integral of a Gaussian
    correlation): L w / patch if it is wide, L / l if it is narrow.

    Parameters
    ----------
    n
        Pixels of each band.
    width_px
        Width of each band, px, same shape or broadcast with `n`.
    patch_px
        Pixels that share one independent value.

    Returns
    -------
    float64 array
        At most `n`.
    """
    length = np.sqrt(patch_px)
    wide = np.maximum(width_px, 1)
    count = np.hypot(1, n / wide / length) * np.hypot(1, wide / length)
    return np.asarray(np.minimum(count, n))


def median_variance(patch_px: float) -> float:
    """Variance of a median of normal values over that of their mean.

    pi / 2 where each value has its own noise, less where neighbours share it: the sum of
    arcsin(c) over the sum of c, with c the Gaussian correlation of all pairs of pixels; here as
    a fit that is right within 0.01.
    """
    return float(1.089 + (np.pi / 2 - 1.089) * patch_px**-1.34)


def on_grid(profile: RadialProfile, grid: Floats = GRID) -> tuple[Floats, Floats]:
    """Sample a profile at given relative depths, so that crystals can be compared.

    Returns
    -------
    mg, error
        Median mg# and its standard error, shape (len(grid),); NaN where the profile does not
        reach, that is in the border.
    """
    measured = (grid >= profile.edges_px[0] / profile.depth_max_px) & (grid <= 1)
    mg = np.interp(grid, profile.s, profile.median)
    error = np.interp(grid, profile.s, profile.se)
    return np.where(measured, mg, np.nan), np.where(measured, error, np.nan)


def profile_distances(
    mg: Floats, error: Floats, others: Floats, errors: Floats, *, floor: float = FLOOR
) -> Floats:
    """Measure the distance from one radial profile to many.

    The distance D, in units of `floor`, follows from the likelihood that both profiles are one:
    D2 = mean over the grid of (a - b)2 / v + log(v / floor2), v = ea2 + eb2 + floor2 (ours). It is
    0 for equal profiles without error. Without the logarithm a crystal with very large errors would
    be close to every other.

    Parameters
    ----------
    mg, error
        Profile on the common grid and its standard error, shape (grid,), from :func:`on_grid`.
    others, errors
        Profiles to compare with, shape (crystals, grid).
    floor
        mg# by which two crystals of one history may differ.

    Returns
    -------
    float64 array, shape (crystals,)
        Infinite where less than half of the grid is known in both.
    """
    variance = errors**2 + (error**2 + floor**2)
    terms = (others - mg) ** 2 / variance
    terms += np.log(variance / floor**2)
    known = np.isfinite(terms)
    number = known.sum(axis=-1)
    total = np.where(known, terms, 0).sum(axis=-1)
    enough = number * 2 >= len(mg)
    return np.where(enough, np.sqrt(total / np.maximum(number, 1)), np.inf)


def most_alike(
    mg: Floats, error: Floats, others: Floats, errors: Floats, *, floor: float = FLOOR
) -> tuple[NDArray[np.intp], Floats]:
    """Rank crystals by the similarity of their profiles to a given one, the most similar first.

    Parameters
    ----------
    mg, error, others, errors, floor
        As for :func:`profile_distances`.

    Returns
    -------
    order, distances
        Places in `others` and the distances in that order, without those that cannot be compared.
    """
    distances = profile_distances(mg, error, others, errors, floor=floor)
    order = np.argsort(distances, kind="stable")
    order = order[: np.count_nonzero(np.isfinite(distances))]
    return order, distances[order]


def _parts(count: int) -> list[slice]:
    """Cut many pixels into parts that stay in the cache while they are worked on."""
    return [slice(start, start + _PART) for start in range(0, count, _PART)]


def _count(keys: NDArray[np.signedinteger[Any]], length: int) -> NDArray[np.int64]:
    """How often each key from 0 to length - 1 occurs."""
    counts = np.zeros(length, np.int64)
    for part in _parts(len(keys)):
        counts += np.bincount(keys[part], minlength=length)
    return counts


def _equal_areas(counts: NDArray[np.int64], bins: int) -> tuple[NDArray[np.intp], Floats]:
    """Bin of each level of depth, and the levels between them; empty bins are left out."""
    middle = np.cumsum(counts) - (counts + 1) // 2
    of_level = np.clip(middle * bins // counts.sum(), 0, bins - 1)
    filled = np.zeros(bins, bool)
    filled[of_level[counts > 0]] = True
    of_level = np.maximum(np.cumsum(filled) - 1, 0)[of_level]
    starts = np.searchsorted(of_level, np.arange(1, filled.sum()))
    first = np.flatnonzero(counts)[0]
    return of_level, np.concatenate([[first], starts, [len(counts) - 1]]).astype(np.float64)


def _keys(
    values: NDArray[np.float32], depth: NDArray[np.int16], of_depth: NDArray[np.intp]
) -> tuple[NDArray[np.int32], float, float]:
    """Bin * _VALUES + level of mg# of each pixel; the lowest level and the step between them.

    The levels cover nearly all values with a margin; the rest goes to the ends.
    """
    some = np.sort(values[:: max(1, len(values) // _RANGE_SAMPLE)])
    low, high = some[len(some) // 50], some[-1 - len(some) // 50]
    margin = np.float32(max(0.3 * float(high - low), 0.005))
    low, high = low - margin, high + margin
    step = (high - low) / np.float32(_VALUES)
    keys = np.empty(len(values), np.int32)
    for part in _parts(len(values)):
        level = ((np.clip(values[part], low, high) - low) / step).astype(np.int32)
        keys[part] = (
            np.minimum(level, _VALUES - 1) + of_depth[depth[part].astype(np.intp)] * _VALUES
        )
    return keys, float(low), float(step)


def _sectors(
    where: NDArray[np.intp],
    keys: NDArray[np.int32],
    residual: NDArray[np.intp],
    axes: _Axes,
    columns: int,
    sectors: int,
) -> tuple[NDArray[np.int64], Floats]:
    """Count residuals, shape (bins, sectors, _RESIDUALS), and find the outermost bin's places.

    Parameters
    ----------
    where, keys
        Place in the raveled box of each pixel, and its key from :func:`_keys`.
    residual
        Level of residual of each key, shape (bins, _VALUES).
    axes, columns, sectors
        Of the crystal, of the box, and how many.
    """
    bins = len(residual)
    cell_of_key = residual + np.arange(bins)[:, np.newaxis] * (sectors * _RESIDUALS)
    by_cell = np.zeros(bins * sectors * _RESIDUALS, np.int64)
    along = np.zeros((3, sectors))
    for part in _parts(len(where)):
        row = where[part] // columns
        column = where[part] - row * columns
        sector = axes.sectors(row, column, sectors)
        cell = cell_of_key.ravel()[keys[part]] + sector * _RESIDUALS
        by_cell += np.bincount(cell, minlength=len(by_cell))
        outer = np.flatnonzero(keys[part] < _VALUES)
        for place, weights in enumerate((None, row[outer], column[outer])):
            along[place] += np.bincount(sector[outer], weights=weights, minlength=sectors)
    rims = along[1:] / np.where(along[0] > 0, along[0], np.nan)
    return by_cell.reshape(bins, sectors, _RESIDUALS), rims


def _quantiles(counts: NDArray[np.int64], *parts: float) -> Floats:
    """Quantiles of each row of histograms, in levels; values are spread evenly within a level."""
    below = np.cumsum(counts, axis=1, dtype=np.int32)
    rows = np.arange(len(counts))
    found = []
    for part in parts:
        wanted = below[:, -1] * part
        level = np.argmax(below >= np.maximum(wanted, 1e-9)[:, np.newaxis], axis=1)
        here = np.maximum(counts[rows, level], 1)
        found.append(level + 1 - (below[rows, level] - wanted) / here)
    return np.stack(found)


@dataclass(frozen=True)
class _Axes:
    """Affine map that turns a crystal's ellipse of inertia into a circle around its centre."""

    x: float
    y: float
    lean: float
    narrow: float

    @classmethod
    def of(cls, used: NDArray[np.bool_]) -> _Axes:
        sums = cv2.moments(used.view(np.uint8), binaryImage=True)
        uu = max(sums["mu20"], 1e-9)
        lean = sums["mu11"] / uu  # Cholesky factor of the second moments
        across = max(sums["mu02"] - lean * sums["mu11"], 1e-9)
        area = sums["m00"]
        return cls(sums["m10"] / area, sums["m01"] / area, lean, float(np.sqrt(uu / across)))

    def sectors(
        self, row: NDArray[np.intp], column: NDArray[np.intp], sectors: int
    ) -> NDArray[np.intp]:
        u = column.astype(np.float32)
        u -= np.float32(self.x)
        v = row.astype(np.float32)
        v -= np.float32(self.y)
        v -= np.float32(self.lean) * u
        v *= np.float32(self.narrow)
        angle = cv2.phase(u, v).ravel()
        of = (angle * np.float32(sectors / (2 * np.pi))).astype(np.intp)
        return np.minimum(of, sectors - 1, out=of)


def _second_differences(mg: NDArray[np.float32], there: NDArray[np.bool_], lag: int) -> float:
    """Robust standard deviation of the second differences of pixels `lag` apart."""
    if mg.shape[1] <= 2 * lag:
        return float("nan")
    left, middle, right = slice(None, -2 * lag), slice(lag, -lag), slice(2 * lag, None)
    all_there = there[:, left] & there[:, middle] & there[:, right]
    values = (mg[:, left] - 2 * mg[:, middle] + mg[:, right])[all_there]
    return float(1.4826 * np.median(np.abs(values))) if values.size else float("nan")
