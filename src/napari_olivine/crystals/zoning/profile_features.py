"""Features of radial profiles: turning points, rims, mantles, asymmetry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.zoning.bootstrap import BootstrapProfiles
from napari_olivine.crystals.zoning.radial import Floats, RadialProfile
from napari_olivine.crystals.zoning.zone_rules import ZoneRules


def profile_features(
    sample: BootstrapProfiles, profile: RadialProfile, pixel_size_um: float, rules: ZoneRules
) -> dict[str, object]:
    """Measure extrema, rim, gradient and coherence of a profile.

    Parameters
    ----------
    sample
        The profile and its bootstrap samples.
    profile
        Depths and size of the crystal.
    pixel_size_um
        Side of a pixel.
    rules
        Thresholds of the classes.

    Returns
    -------
    dict
        Fields of :class:`~napari_olivine.crystals.zoning.zoning_classes.Zoning`.
    """
    mg, centre = sample.mg[0], float(sample.centre[0])
    depth, edges = profile.depth_px * pixel_size_um, profile.edges_px * pixel_size_um
    outer = float(mg[0])
    turns = turning_points(mg, max(rules.extremum, sample.step))
    extrema = max(len(turns) - 2, 0)
    zoned = extrema > 0 or abs(centre - outer) >= rules.zoning
    target = float(mg[turns[1]]) if extrema else centre
    ends = (outer, centre)
    above, below = float(mg.max()) - max(ends), min(ends) - float(mg.min())
    excess = max(above, 0.0) if above >= below else -max(below, 0.0)
    s = profile.s
    chord = mg - np.interp(s, s[[0, -1]], mg[[0, -1]])
    span = float(np.ptp(mg))
    inner = abs(float(mg[-1]) - float(np.interp(2 / 3, s, mg)))
    part = inner / span if zoned and not extrema and span > 0 else np.nan
    slenderness = profile.depth_max_px / float(np.sqrt(profile.area_px / np.pi))
    tolerance = max(rules.zoning, sample.step)
    return {
        "zones": extrema + 2 if zoned else 1,
        "extrema": extrema,
        "mg_centre": centre,
        "mg_outer": outer,
        "centre_outer": centre - outer,
        "centre_outer_se": float(np.std(sample.centre[1:] - sample.mg[1:, 0])),
        "mantle_excess": excess,
        "mantle_chord": float(chord[np.argmax(np.abs(chord))]),
        "mantle_depth_um": _strongest_depth(mg, turns, depth) if extrema else np.nan,
        "rim_width_um": _first_crossing(mg, depth, (outer + target) / 2) if zoned else np.nan,
        "rim_extent_um": float(rim_extents(sample.mg[:1], edges, tolerance)[0]),
        "gradient_max_per_um": _steepest(mg, depth),
        "coherence": float(sample.coherence[0]),
        "patchiness": float(sample.patchiness[0]),
        "slenderness": slenderness,
        "core_gradient": part,
        "off_centre": bool(
            (part >= rules.core_gradient and inner >= tolerance) or slenderness < rules.slender
        ),
    }


def rim_extents(mg: Floats, edges_um: Floats, tolerance: float) -> Floats:
    """Depth inside which each profile is a plateau; 0 if all of it is.

    Parameters
    ----------
    mg
        Profiles, shape (profiles, bins).
    edges_um
        Depths between the bins, shape (bins + 1,).
    tolerance
        mg# by which a plateau may differ from the median of the inner half of the area.

    Returns
    -------
    float64 array, shape (profiles,)
        In the unit of `edges_um`.
    """
    plateau = np.median(mg[:, mg.shape[1] // 2 :], axis=1, keepdims=True)
    off = np.abs(mg - plateau) >= tolerance
    outer = np.where(off.any(axis=1), mg.shape[1] - np.argmax(off[:, ::-1], axis=1), 0)
    return np.where(outer > 0, edges_um[outer], 0)


def turning_points(mg: Floats, threshold: float) -> list[int]:
    """Places at which a profile turns, its ends among them, after swings above a threshold.

    Neighbours in the list differ by at least the threshold; smaller swings are ignored.
    """
    turns: list[int] = []
    high = low = 0
    direction = 0
    for place, value in enumerate(mg):
        high = place if value > mg[high] else high
        low = place if value < mg[low] else low
        if direction <= 0 and value - mg[low] >= threshold:
            turns.append(low)
            direction, high, low = 1, place, place
        elif direction >= 0 and mg[high] - value >= threshold:
            turns.append(high)
            direction, high, low = -1, place, place
    return [*turns, high if direction > 0 else low] if turns else [0]


def count_swings(mg: Floats, threshold: float) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Count the swings of many profiles as :func:`turning_points`; direction of the first one."""
    columns = np.ascontiguousarray(mg.T)
    high, low = columns[0].copy(), columns[0].copy()
    direction = np.zeros(len(mg), np.int8)
    swings, first = direction.copy(), direction.copy()
    for value in columns[1:]:
        np.maximum(high, value, out=high)
        np.minimum(low, value, out=low)
        up = (value - low >= threshold) & (direction <= 0)
        down = (high - value >= threshold) & (direction >= 0)
        turn = up | down
        if turn.any():
            direction[up], direction[down] = 1, -1
            first = np.where(turn & (swings == 0), direction, first)
            swings += turn
            high[turn] = low[turn] = value[turn]
    return swings, first


def asymmetry(cells: Floats, weights: Floats, mg: Floats) -> float:
    """Measure the largest difference of mg# between two opposite halves, at equal depth.

    Parameters
    ----------
    cells, weights
        Median and weight of each bin in each sector, shape (bins, sectors).
    mg
        Profile of the crystal, shape (bins,).

    Returns
    -------
    float
        mg#.
    """
    total = weights.sum(axis=0)
    away = ((cells - mg[:, np.newaxis]) * weights).sum(axis=0)
    count = len(total)
    half = count // 2
    # Sums over every run of half the sectors around the circle.
    runs = [
        np.cumsum(np.concatenate([[0], values, values]))[half : half + count]
        - np.cumsum(np.concatenate([[0], values, values]))[:count]
        for values in (away, total)
    ]
    one, other = runs[0], away.sum() - runs[0]
    difference = one / np.maximum(runs[1], 1) - other / np.maximum(total.sum() - runs[1], 1)
    return float(np.abs(difference).max())


def _strongest_depth(mg: Floats, turns: list[int], depth: Floats) -> float:
    """Depth of the extremum with the largest prominence."""
    steps = np.abs(np.diff(mg[turns]))
    return float(depth[turns[1 + int(np.argmax(np.minimum(steps[:-1], steps[1:])))]])


def _steepest(mg: Floats, depth: Floats) -> float:
    """Largest slope of a profile per um; NaN where it has one depth alone."""
    return float(np.abs(np.gradient(mg, depth)).max()) if len(mg) > 1 else np.nan


def _first_crossing(mg: Floats, depth: Floats, value: float) -> float:
    """Depth at which a profile first crosses a value, going inwards."""
    side = np.sign(mg - value)
    crossed = np.flatnonzero(side != side[0])
    if not len(crossed):
        return float("nan")
    k = int(crossed[0])
    part = (value - mg[k - 1]) / (mg[k] - mg[k - 1])
    return float(depth[k - 1] + part * (depth[k] - depth[k - 1]))
