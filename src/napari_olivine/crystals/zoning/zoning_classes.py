"""Zoning of one crystal: what its radial profile shows, the class that follows, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.zoning.radial import (
    Floats,
    RadialProfile,
    independent,
    median_variance,
)

Bools = NDArray[np.bool_]

ZONE_CLASSES = (
    "unzoned",
    "quench_rim",
    "normal",
    "reversed",
    "mg_rich_mantle",
    "fe_rich_mantle",
    "oscillatory",
    "patchy",
)
"""Classes of zoning. Normal: the core is richer in Mg than the rim (Streck 2008)."""

PAPER_CLASSES = {
    "unzoned": "none",
    "quench_rim": "none",
    "normal": "normal",
    "reversed": "reversed",
    "mg_rich_mantle": "none",
    "fe_rich_mantle": "none",
    "oscillatory": "none",
    "patchy": "none",
}
"""The paper's three classes: whatever has not just a core and a rim is filed under none."""

REPLICATES = 200
"""Bootstrap samples of the sectors; a probability is known to 0.035 at worst."""

BEND_FREE, BEND_ROUND = 0.10, 0.30
"""Bend of a side up to which it is straight, and from which it is round (ours)."""

OUTLIER = 5
"""Times its usual deviation from the median by which a cell is an outlier (ours)."""

FEWEST_PX = 4
"""Smaller cells say nothing (ours)."""


@dataclass(frozen=True)
class ZoneRules:
    """Thresholds of the classes. All are ours; science has no agreed ones."""

    zoning: float = 0.01
    """Smallest difference of mg# between core and rim that counts as zoning."""
    extremum: float = 0.015
    """Smallest mg# by which a mantle or band exceeds or falls short of both its neighbours."""
    quench_um: float = 15.0
    """Largest extent of a quench rim from the outline, um."""
    quench_fraction: float = 0.25
    """The same as a fraction of the crystal's largest depth, so that small crystals have rims."""
    coherence: float = 0.4
    """Patchy crystals have less than this part of their variance explained by depth."""
    patchiness: float = 0.008
    """Patchy crystals vary by at least this (standard deviation of mg#) at equal depth."""
    truncated: float = 0.5
    """Part of the range of mg# by which the zones along a broken side differ from whole ones."""
    fragment: float = 0.4
    """Score from which a crystal is flagged as a fragment."""
    core_gradient: float = 0.2
    """Off-centre cuts change by at least this part of their range in the inner third of depth."""
    slender: float = 0.45
    """So do sections whose largest depth is below this part of the radius of an equal disc."""


@dataclass(frozen=True)
class Zoning:
    """Zoning of one crystal, one column of the table a field; NaN where not measured.

    mg# is a fraction; what is called outer lies along the border, not in it.

    Probabilities are the parts of bootstrap samples of sectors that fall into each class: they
    tell of noise, patches, cracks and asymmetry, not of errors of calibration.
    """

    zone_class: str = ""
    zone_probability: float = np.nan
    zone_second: str = ""
    zone_because: str = ""
    zones: int = 0
    """Parts of unlike mg# from outline to centre: 1 if unzoned, 2 for core and rim, ..."""
    extrema: int = 0
    """Mantles and bands, that is extrema between rim and core."""
    mg_centre: float = np.nan
    """mg# of the innermost eighth of the area."""
    mg_outer: float = np.nan
    """mg# of the outermost bin inside the border."""
    centre_outer: float = np.nan
    """mg_centre - mg_outer, positive for normal zoning."""
    centre_outer_se: float = np.nan
    """Its standard error, by bootstrap over sectors; up to half too small where patches are as
    large as the core, of which a section holds one."""
    mantle_excess: float = np.nan
    """mg# by which the strongest mantle exceeds (+) or falls short of (-) both sides of it."""
    mantle_chord: float = np.nan
    """Largest deviation from the straight line in s between rim and centre, with its sign."""
    mantle_depth_um: float = np.nan
    """Depth of the strongest mantle; NaN without one."""
    rim_width_um: float = np.nan
    """Depth at which mg# is half-way from the outermost bin to the first plateau or extremum."""
    rim_extent_um: float = np.nan
    """Depth inside which mg# is a plateau within the zoning threshold; 0 if all of it is."""
    gradient_max_per_um: float = np.nan
    """Largest change of mg# per um of depth."""
    coherence: float = np.nan
    """Part of the variance of mg# that depth explains, noise taken out; NaN without variance."""
    patchiness: float = np.nan
    """Standard deviation of mg# at equal depth, noise taken out."""
    asymmetry: float = np.nan
    """Largest difference of mg# at equal depth between two opposite halves."""
    slenderness: float = np.nan
    """Largest depth over the radius of a disc of equal area."""
    core_gradient: float = np.nan
    """Part of the range of mg# that lies in the inner third of depth; NaN without core and rim."""
    off_centre: bool = False
    """Probably cut off its centre: no plateau there, as near a corner, or slender. A cut along a
    face looks like a centre: only the population can tell that its core is missing."""
    fragment_score: float = np.nan
    """0 to 1: how strongly, and along how straight a side, zones are truncated; NaN if unzoned."""
    fragment: bool = False
    p_unzoned: float = np.nan
    p_quench_rim: float = np.nan
    p_normal: float = np.nan
    p_reversed: float = np.nan
    p_mg_rich_mantle: float = np.nan
    p_fe_rich_mantle: float = np.nan
    p_oscillatory: float = np.nan
    p_patchy: float = np.nan


def classify_zones(
    profile: RadialProfile | None,
    pixel_size_um: float,
    rules: ZoneRules | None = None,
    *,
    seed: int = 0,
) -> Zoning:
    """Find the zoning of a crystal from the medians of its bins and sectors.

    Sides that look broken are left out before the profile is judged.
    The profile is cut at its turning points: an extremum counts if mg# changes on both sides of it
    by more than a threshold and more than twice the standard error of a difference of two bins.
    Rules, in order: patchy (depth explains little of a large variance); two or more extrema,
    oscillatory; one, mantled; a difference of core and rim below the threshold, unzoned; only a
    thin rim differs from a plateau, quench rim; else normal or reversed.

    Parameters
    ----------
    profile
        From `radial_profile`; None for crystals too small.
    pixel_size_um
        Size of a pixel.
    rules
        Thresholds.
    seed
        Of the bootstrap; the same seed gives the same probabilities.
    """
    if profile is None:
        return Zoning()
    rules = rules or ZoneRules()
    cells, weights = _cells(profile)
    score, broken = _find_fracture(profile, cells, weights, rules)
    if score >= rules.fragment:
        cells, weights = cells[:, ~broken], weights[:, ~broken]
    sample = _Sample.draw(cells, weights, profile, rules, seed)
    codes = sample.codes(profile.edges_px * pixel_size_um, rules)
    parts = np.bincount(codes[1:], minlength=len(ZONE_CLASSES)) / REPLICATES
    chosen = int(codes[0])
    others = np.where(np.arange(len(parts)) == chosen, -1.0, parts)
    second = int(np.argmax(others))
    shape = _shape(sample, profile, pixel_size_um, rules)
    named = {f"p_{name}": float(part) for name, part in zip(ZONE_CLASSES, parts, strict=True)}
    return Zoning(
        zone_class=ZONE_CLASSES[chosen],
        zone_probability=float(parts[chosen]),
        zone_second=ZONE_CLASSES[second] if others[second] > 0 else "",
        zone_because=_because(ZONE_CLASSES[chosen], shape),
        asymmetry=_asymmetry(cells, weights, sample.mg[0]),
        fragment_score=score,
        fragment=score >= rules.fragment,
        **shape,  # type: ignore[arg-type]
        **named,  # type: ignore[arg-type]
    )


def _find_fracture(
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
    inner = profile.median[-_innermost(len(cells)) :].mean()
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


@dataclass(frozen=True, eq=False)
class _Sample:
    """Profiles of the crystal (first row) and of bootstrap samples of its sectors."""

    mg: Floats
    """Shape (1 + REPLICATES, bins)."""
    centre: Floats
    """mg# of the innermost eighth of the area, shape (1 + REPLICATES,)."""
    coherence: Floats
    patchiness: Floats
    step: float
    """Twice the standard error of a difference of two bins: smaller steps are not believed."""

    @classmethod
    def draw(
        cls, cells: Floats, weights: Floats, profile: RadialProfile, rules: ZoneRules, seed: int
    ) -> _Sample:
        weights = _without_outliers(cells, weights, profile.median)
        times = _resampling(cells.shape[1], seed)
        away = cells - profile.median[:, np.newaxis]
        number = times @ weights.T
        offset = (times @ (weights * away).T) / np.maximum(number, 1)
        offset = np.where(number > 0, offset, offset[0])
        mg = profile.median + offset
        # Variance between the bins, and within them less what the noise of the cells explains.
        total = np.maximum(number.sum(axis=1), 1)
        mean = (number * mg).sum(axis=1) / total
        between = (number * (mg - mean[:, np.newaxis]) ** 2).sum(axis=1) / total
        squares = times @ (weights * away**2).T
        within = (squares - number * offset**2).sum(axis=1) / total
        left = np.maximum(within - _noise_of_cells(profile, weights), 0)
        variance = between + left
        coherence = between / np.where(variance > (rules.zoning / 8) ** 2, variance, np.nan)
        centre = mg[:, -_innermost(mg.shape[1]) :].mean(axis=1)
        step = 2 * np.sqrt(2 * mg[1:].var(axis=0).mean())
        return cls(mg, centre, coherence, np.sqrt(left), float(step))

    def codes(self, edges_um: Floats, rules: ZoneRules) -> NDArray[np.intp]:
        """Place in :data:`ZONE_CLASSES` of each row."""
        swings, inward = _swings(self.mg, max(rules.extremum, self.step))
        difference = self.centre - self.mg[:, 0]
        extent = rim_extents(self.mg, edges_um, max(rules.zoning, self.step))
        thin = min(rules.quench_um, rules.quench_fraction * edges_um[-1])
        patchy = (self.coherence < rules.coherence) & (self.patchiness >= rules.patchiness)
        decisions = {
            "patchy": patchy,
            "oscillatory": swings > 2,
            "mg_rich_mantle": (swings == 2) & (inward > 0),
            "fe_rich_mantle": swings == 2,
            "unzoned": np.abs(difference) < rules.zoning,
            "quench_rim": (extent > 0) & (extent <= thin),
            "normal": difference > 0,
        }
        places = [ZONE_CLASSES.index(name) for name in decisions]
        found = np.select(list(decisions.values()), places, ZONE_CLASSES.index("reversed"))
        return np.asarray(found, np.intp)


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
    """
    plateau = np.median(mg[:, mg.shape[1] // 2 :], axis=1, keepdims=True)
    off = np.abs(mg - plateau) >= tolerance
    outer = np.where(off.any(axis=1), mg.shape[1] - np.argmax(off[:, ::-1], axis=1), 0)
    return np.where(outer > 0, edges_um[outer], 0)


def turning_points(mg: Floats, threshold: float) -> list[int]:
    """Places at which a profile turns, its ends among them, after swings above a threshold.

    Neighbours in the list differ by at least the threshold; what is smaller is passed over.
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


def _swings(mg: Floats, threshold: float) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
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


def _shape(
    sample: _Sample, profile: RadialProfile, pixel_size_um: float, rules: ZoneRules
) -> dict[str, object]:
    """Features of the profile itself."""
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
        "mantle_depth_um": _strongest(mg, turns, depth) if extrema else np.nan,
        "rim_width_um": _reaches(mg, depth, (outer + target) / 2) if zoned else np.nan,
        "rim_extent_um": float(rim_extents(sample.mg[:1], edges, tolerance)[0]),
        "gradient_max_per_um": float(np.abs(np.gradient(mg, depth)).max()),
        "coherence": float(sample.coherence[0]),
        "patchiness": float(sample.patchiness[0]),
        "slenderness": slenderness,
        "core_gradient": part,
        "off_centre": bool(
            (part >= rules.core_gradient and inner >= tolerance) or slenderness < rules.slender
        ),
    }


def _innermost(bins: int) -> int:
    """Bins of the innermost eighth of the area."""
    return max(1, round(bins / 8))


def _strongest(mg: Floats, turns: list[int], depth: Floats) -> float:
    """Depth of the extremum with the largest prominence."""
    steps = np.abs(np.diff(mg[turns]))
    return float(depth[turns[1 + int(np.argmax(np.minimum(steps[:-1], steps[1:])))]])


def _reaches(mg: Floats, depth: Floats, value: float) -> float:
    """Depth at which a profile first crosses a value, going inwards."""
    side = np.sign(mg - value)
    crossed = np.flatnonzero(side != side[0])
    if not len(crossed):
        return float("nan")
    k = int(crossed[0])
    part = (value - mg[k - 1]) / (mg[k] - mg[k - 1])
    return float(depth[k - 1] + part * (depth[k] - depth[k - 1]))


def _cells(profile: RadialProfile) -> tuple[Floats, Floats]:
    """Medians and weights of the cells, 0 where they say nothing."""
    weights = np.where(profile.cell_n >= FEWEST_PX, profile.cell_n, 0).astype(np.float64)
    return np.where(weights > 0, profile.cell_median, 0), weights


def _noise_of_cells(profile: RadialProfile, weights: Floats) -> float:
    """Variance of the medians of the cells that noise alone gives."""
    width = np.diff(profile.edges_px)[:, np.newaxis]
    alone = independent(weights.astype(np.int64), width, profile.patch_px)
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

    Runs of neighbours, an eighth of the circle long, are drawn together (circular block
    bootstrap, Politis and Romano 1992), because patches reach over several sectors.
    """
    block = max(1, round(sectors / 8))
    runs = -(-sectors // block)
    starts = np.random.default_rng(seed).integers(sectors, size=(REPLICATES, runs, 1))
    drawn = ((starts + np.arange(block)) % sectors).reshape(REPLICATES, -1)
    times = np.ones((1 + REPLICATES, sectors))
    for row, sample in enumerate(drawn, 1):
        times[row] = np.bincount(sample, minlength=sectors)
    return times


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


def _asymmetry(cells: Floats, weights: Floats, mg: Floats) -> float:
    """Largest difference between two opposite halves, at equal depth."""
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


def _because(name: str, shape: dict[str, object]) -> str:
    """Say what decided, for a person."""
    base = (
        f"centre - outer {shape['centre_outer']:+.3f} (se {shape['centre_outer_se']:.3f}), "
        f"extrema {shape['extrema']}"
    )
    if name == "patchy":
        return f"coherence {shape['coherence']:.2f}, patchiness {shape['patchiness']:.3f}"
    if name.endswith("mantle"):
        return f"{base}, mantle {shape['mantle_excess']:+.3f}"
    if name == "quench_rim":
        return f"{base}, plateau from {shape['rim_extent_um']:.0f} um"
    return base
