"""Phases found in the histogram of the grey, where nothing else separates materials.

A phase of one composition (epoxy in vesicles, an oxide, glass, the rims of laths) is a peak of the
histogram of even spots. Once the sessions' scales are known roughly, each peak is found again in
every tile: the mode of that tile's grey, seen through a window as wide as the peak. A mode in a
tile is a tie point like that of any material: the tile's own level stays free, and what scatters
from tile to tile (olivine, whose crystals differ) counts as little as that scatter says. Narrow
peaks far from the middle give the gain.

A phase may itself differ from session to session. Broad peaks are phases whose composition varies,
and a mode that scatters from tile to tile is that of a few crystals: both are allowed to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.levelling.histograms import (
    SMOOTH,
    InitialScales,
    TileGreys,
    initial_scales,
    typical_density,
)
from napari_olivine.levelling.sampling import ClippingLimits
from napari_olivine.levelling.scales import Priors, Scales, solve_session_scales
from napari_olivine.levelling.tie_points import TiePoints

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NARROWEST, WIDEST = 0.75, 4.0
"""Limits of a window's standard deviation, in levels of an 8-bit image."""

DISTINCT = 1.25
"""How many times as high as the valleys beside it a peak is at least."""

LEAST_SPOTS = 4
"""Spots of a peak in a tile that make a tie point: of small oxides there are no more."""

ALIKE = 5.0
"""Spots that count for one, because those of one grain are alike."""

LEAST_TILES = 3
"""Tiles of a session that must show a peak, if it has as many."""

FLOOR = 0.15
"""Least standard error of a tie point, in levels of an 8-bit image."""

VARIES = 0.1
"""Share of its peak's width by which a phase may differ between sessions (one sigma). Ours."""

ALIKE_TILES = 8.0
"""Tiles that count for one where a mode scatters more than its error: crystals are few. Ours."""

LEVEL = 0.3
"""Scatter that tiles' own levels leave, in levels of an 8-bit image."""

ROUNDS = 5
"""How often peaks are found anew on a scale that they have bettered."""


@dataclass(frozen=True)
class Peak:
    """A peak on the common scale: its place and the window through which it is seen."""

    at: float
    window: float


def histogram_tie_points(
    tiles: TileGreys,
    others: TiePoints,
    sessions: int,
    pivot: float,
    priors: Priors,
    unit: float,
    limits: ClippingLimits,
    job: Job,
) -> TiePoints:
    """See the peaks that sessions share in every tile.

    Parameters
    ----------
    tiles
        Histograms of tiles.
    others
        What other sources have seen, from which the comparison begins.
    sessions
        Number of sessions.
    pivot
        Grey in the middle of the range.
    priors
        What is likely beforehand.
    unit
        One level of an 8-bit image.
    limits
        Where the image is clipped.
    job
        Running job.

    Returns
    -------
    TiePoints
        Of peaks as materials; empty where no two sessions share one.
    """
    begin = solve_session_scales(others, sessions, pivot, priors, job)
    initial = initial_scales(tiles, begin, others.shared().groups(sessions), priors, unit, job)
    found, scales = TiePoints.of_rows([]), begin
    for _ in range(ROUNDS):
        job.check()
        found = _modes_near_peaks(tiles, initial, scales, unit, limits)
        if not len(found.shared()):
            return TiePoints.of_rows([])
        joined = TiePoints.joined([found, others])
        scales = solve_session_scales(joined, sessions, pivot, priors, job, errors=False)
        gain, offset, _ = scales.relative(initial.base)
        known = np.isfinite(initial.gain)
        initial = InitialScales(
            initial.base, np.where(known, gain, np.nan), np.where(known, offset, np.nan)
        )
    return found


def _modes_near_peaks(
    tiles: TileGreys,
    initial: InitialScales,
    scales: Scales,
    unit: float,
    limits: ClippingLimits,
) -> TiePoints:
    """Modes of all tiles near the peaks that the sessions have together."""
    own = scales.tile_level
    rows: list[tuple[int, int, int, float, float, float]] = []
    for number, peak in enumerate(_common_peaks(tiles, initial, unit)):
        seen = []
        for place in np.flatnonzero(np.isfinite(initial.gain[tiles.session])):
            session, tile = int(tiles.session[place]), int(tiles.tile[place])
            gain, zero = initial.gain[session], initial.offset[session] + own.get(tile, 0.0)
            mode = find_mode(tiles.number[place], (tiles.centre - zero) / gain, peak, unit)
            if mode is not None and limits.is_unclipped(gain * mode[0] + zero):
                seen.append((session, tile, mode[0], gain * mode[0] + zero, gain * mode[1]))
        if not seen:
            continue
        session_of = np.array([one[0] for one in seen])
        at, errors = np.array([one[2] for one in seen]), np.array([one[4] for one in seen])
        scatter = 1.4826 * float(np.median(np.abs(at - np.median(at))))
        noise = float(np.hypot(np.median(errors), LEVEL * unit))
        more = np.sqrt(max(scatter**2 - noise**2, 0))
        shown = np.bincount(session_of)
        enough = np.minimum(LEAST_TILES, np.bincount(tiles.session, minlength=shown.size))
        for session, tile, _, grey, error in seen:
            if shown[session] >= enough[session]:
                of_crystals = more * np.sqrt(ALIKE_TILES / shown[session])
                varies = float(np.hypot(VARIES * peak.window, of_crystals))
                rows.append((session, number, tile, grey, error, varies))
    return TiePoints.of_varying(rows)


def _common_peaks(tiles: TileGreys, initial: InitialScales, unit: float) -> list[Peak]:
    """Peaks of the sessions' mean typical density on the base's scale."""
    used = np.flatnonzero(np.isfinite(initial.gain))
    total = np.zeros(tiles.centre.size)
    for session in used:
        root = typical_density(tiles.of_session(int(session)), SMOOTH * unit / tiles.width)
        gain = initial.gain[session]
        at = gain * tiles.centre + initial.offset[session]
        total += np.interp(at, tiles.centre, root, left=0, right=0) * np.sqrt(gain)
    return find_peaks(total / max(1, used.size), tiles.centre, unit)


def find_peaks(root: Floats, centre: Floats, unit: float) -> list[Peak]:
    """Peaks of a typical density.

    Parameters
    ----------
    root
        Root of the density, shape (bins,).
    centre
        Grey of the bins.
    unit
        One level of an 8-bit image.

    Returns
    -------
    list of Peak
        Those higher than the valleys beside them, from dark to bright.
    """
    density = root**2
    inner = density[1:-1]
    tops = np.flatnonzero((inner > density[:-2]) & (inner >= density[2:])) + 1
    width, found = float(centre[1] - centre[0]), []
    for top in tops:
        # The peak's own hill reaches as far as nothing is higher than its top.
        higher = np.flatnonzero(density > density[top])
        left = int(higher[higher < top].max(initial=-1)) + 1
        right = int(higher[higher > top].min(initial=density.size))
        valleys = density[left : top + 1].min(), density[top:right].min()
        if density[top] < DISTINCT * max(valleys):
            continue
        below = np.flatnonzero(density < 0.5 * density[top])
        before = top - int(below[below < top].max(initial=0))
        after = int(below[below > top].min(initial=density.size - 1)) - top
        # Half a width at half height is 1.177 standard deviations; the steeper side tells it.
        window = np.clip(min(before, after) * width / 1.177, NARROWEST * unit, WIDEST * unit)
        found.append(Peak(float(centre[top]), float(window)))
    return found


def find_mode(number: Floats, at: Floats, peak: Peak, unit: float) -> tuple[float, float] | None:
    """Mode of one tile's grey near a peak, and its standard error.

    The mode is where the density is highest when smoothed by a Gaussian window (mean shift,
    Comaniciu & Meer 2002, doi 10.1109/34.1000236); its variance is that of an M-estimator (Huber
    1964, doi 10.1214/aoms/1177703732).

    Parameters
    ----------
    number
        Spots in every bin, shape (bins,).
    at
        Grey of the bins on the common scale.
    peak
        Where to look, and through which window.
    unit
        One level of an 8-bit image.

    Returns
    -------
    (grey, standard error) or None
        `None` where the tile shows no such peak.
    """
    near = np.abs(at - peak.at) < 6 * peak.window
    grey, count = at[near], number[near]
    middle, total = peak.at, 0.0
    for _ in range(50):
        weight = count * np.exp(-0.5 * ((grey - middle) / peak.window) ** 2)
        total = float(weight.sum())
        if total < 1:
            return None
        moved = float((weight * grey).sum()) / total - middle
        middle += moved
        if abs(middle - peak.at) > 2 * peak.window:
            return None
        if abs(moved) < 1e-3 * unit:
            break
    away = (grey - middle) / peak.window
    inside = float(count[np.abs(away) < 2].sum())
    if inside < LEAST_SPOTS:
        return None
    kernel = np.exp(-0.5 * away**2)
    slope = float((count * kernel * (1 - away**2)).sum())
    if slope <= 0.1 * total:
        return None  # a shoulder, no peak
    variance = float((count * (kernel * away) ** 2).sum()) * (peak.window / slope) ** 2
    # The scatter of few spots says little: that of the peak is the least then.
    variance = ALIKE * max(variance, (NARROWEST * unit) ** 2 / inside)
    return middle, float(np.hypot(np.sqrt(variance), FLOOR * unit))
