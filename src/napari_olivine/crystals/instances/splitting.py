"""Split crystals that touch.

Leichter et al. (2022, doi 10.3389/feart.2022.740638) took touching neighbours for one crystal. Here
the distance to the outline finds where a region narrows to a neck, and each cut through a neck is
judged: how narrow it is, whether both its ends lie in a notch between two outlines, and whether the
composition shows two crystals (a step over the cut, or rims that meet there). A cut without
evidence is not made, so that embayed and skeletal crystals stay whole. Every decision is one row of
a table, whether the cut was kept or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.instances.decision import (
    Decision,
    DecisionSettings,
    clip_log_odds,
    decide,
    expit,
    own_rims_log_odds,
    with_composition,
)
from napari_olivine.crystals.instances.evidence import (
    CRACK_DARKNESS,
    DarknessScale,
    Floats,
    Mask,
    distance_to,
    hull_area,
    outer_points,
    own_outlines,
)
from napari_olivine.crystals.instances.necks import deep_notches, oversegment
from napari_olivine.crystals.measure import fill_holes, outline_distance
from napari_olivine.settings import setting

NOTCH_PX = 4
"""Pixels around the end of a cut in which the notch is looked at (ours)."""

PRIOR = -1.2
"""Log odds of two crystals where all evidence is neutral (ours)."""

HOPELESS = -5.0
"""Log odds of the outlines alone below which composition is not looked at (ours)."""

ALONG_PX = 48
"""Margin around a cut in which its zoning is looked at, at least (ours)."""


class SplittingSettings(DecisionSettings):
    """Settings of :func:`split_region`; the defaults are ours."""

    least_area_um2: float = setting(
        20.0,
        "Smallest part",
        "Smaller parts are not cut off (ours).",
        unit="um2",
        ge=0,
    )
    notch_um: float = setting(
        2.5,
        "Notch",
        "Depth of a notch in the outline from which a region is looked at (ours).",
        unit="um",
        gt=0,
    )
    crack_um: float = setting(
        8.0,
        "Widest crack",
        "Cracks up to this width are filled before necks are looked for, where the BSE is as "
        "dark as a crack (ours).",
        unit="um",
        ge=0,
        le=50,
    )
    part_from: float = setting(
        0.5,
        "Part from",
        "Probability from which a cut is made (ours); 1 makes none, as in Leichter et al. 2022.",
        gt=0,
        le=1,
    )


@dataclass(frozen=True)
class Cut(Decision):
    """Evidence on a cut through a region, and whether it is kept."""

    a: int
    b: int
    """Labels of the two parts; the same label where the cut was not made."""
    row0: float
    """Ends of the cut, in rows and columns of the window."""
    col0: float
    row1: float
    col1: float
    neck_um: float
    """Length of the cut from end to end."""
    neck_ratio: float
    """The same over the inscribed width of the smaller part."""
    notch: float
    """Depth of the shallower end below the hull of both, over the smaller inscribed radius."""
    notch_deep: float
    """The same for the deeper end."""
    notch_darkness: float
    """Darkness of the darker notch beside the cut: a crack's end there, if 2 or more."""
    solidity_small: float
    solidity_large: float
    solidity_gain: float
    """Solidity of the parts minus that of both together."""
    kept: bool = False


@dataclass(frozen=True)
class _Region:
    """Images and settings by which a cut is judged."""

    region: Mask
    distance: Floats
    pixel_um: float
    settings: SplittingSettings
    grey: NDArray[Any] | None
    mg: NDArray[np.float32] | None
    dark: DarknessScale | None


def is_notched(region: Mask, pixel_um: float, settings: SplittingSettings | None = None) -> bool:
    """Tell from the outline alone, which is fast, whether a region may be several crystals.

    Where two crystals touch the outline has notches, which are defects of its convexity. A cut
    needs two of them.

    Parameters
    ----------
    region
        The region in its box.
    pixel_um
        Side of a pixel.
    settings
        See :class:`SplittingSettings`.

    Returns
    -------
    bool
        True if the outline has two notches at least.
    """
    settings = settings or SplittingSettings()
    if np.count_nonzero(region) * pixel_um**2 < 2 * settings.least_area_um2:
        return False
    return deep_notches(region, settings.notch_um / pixel_um) >= 2


def split_region(
    region: Mask,
    pixel_um: float,
    settings: SplittingSettings | None = None,
    *,
    grey: NDArray[Any] | None = None,
    mg: NDArray[np.float32] | None = None,
    on_edge: tuple[bool, bool, bool, bool] = (False, False, False, False),
) -> tuple[NDArray[np.int32], list[Cut]]:
    """Split one region into crystals where there is evidence for it.

    Parameters
    ----------
    region
        Pixels of the region, in its box.
    pixel_um
        Side of a pixel.
    settings
        See :class:`SplittingSettings`.
    grey
        BSE grey in the box, in any unit.
    mg
        mg# (fraction) in the box, NaN where unknown.
    on_edge
        Sides of the box that lie on the edge of the section.

    Returns
    -------
    parts
        int32, 1 for the largest part, 2 for the next and so on; 0 outside the region.
    cuts
        The cuts that were judged, kept or not; ``a`` and ``b`` are parts.
    """
    settings = settings or SplittingSettings()
    dark = None if grey is None else _darkness_scale(region, grey)
    filled = _filled(region, dark, pixel_um, settings)
    distance = outline_distance(filled, on_edge)
    least_px = settings.least_area_um2 / pixel_um**2
    parts = oversegment(filled, distance, settings.notch_um / pixel_um, least_px)
    here = _Region(region, distance, pixel_um, settings, grey, mg, dark)
    judged = _undo_weak_cuts(parts, here) if parts.max() > 1 else []
    parts[~region] = 0
    return _in_order(parts, judged)


def probability(cut: Cut, settings: SplittingSettings | None = None) -> float:
    """Probability that a cut separates two crystals, by weighing the evidence.

    Log odds add up as in a naive Bayes classifier; the weights are ours, set on simulated
    sections with known crystals. Missing evidence counts neither way.
    """
    return expit(_log_odds(cut, settings or SplittingSettings()))


def _log_odds(cut: Cut, settings: SplittingSettings) -> float:
    weights = [
        clip_log_odds(6 * (0.7 - cut.neck_ratio), -3, 2.5),
        clip_log_odds(12 * (cut.notch - 0.35), -4, 1),
        clip_log_odds(1.5 * (cut.notch - 0.5), 0, 1.2),
        clip_log_odds(10 * (cut.solidity_small - 0.9), -2, 0.5),
        clip_log_odds(
            10 * (cut.solidity_large - 0.85), -3, 0.5
        ),  # a skeletal crystal has many necks
        clip_log_odds(30 * (cut.solidity_gain - 0.02), -2, 1),
        clip_log_odds(-1.5 * (cut.notch_darkness - CRACK_DARKNESS), -3, 0.3),
        _unlike(cut.mg_difference, cut.mg_difference_se, settings.same_mg),
        clip_log_odds(own_rims_log_odds(cut.own_outlines, cut.own_outlines_se, 0.2), -6, 4),
    ]
    return sum(weights) + PRIOR


def _unlike(difference: float, error: float, tolerance: float) -> float:
    """Log odds from a step of mg#: for two crystals where it is clear, else little against."""
    return clip_log_odds(difference**2 / (error**2 + tolerance**2) / 2 - 0.7, -0.7, 6)


def _darkness_scale(region: Mask, grey: NDArray[Any]) -> DarknessScale:
    brush = np.ones((5, 5), np.uint8)
    inside = cv2.erode(region.view(np.uint8), brush, borderValue=0) > 0
    outside = cv2.dilate(region.view(np.uint8), brush) == 0
    return DarknessScale.of(grey, inside if inside.any() else region, outside)


def _filled(
    region: Mask, dark: DarknessScale | None, pixel_um: float, settings: SplittingSettings
) -> Mask:
    """Fill holes, and cracks that open to the outside, so that neither makes a neck."""
    filled = fill_holes(region)
    radius = round(settings.crack_um / pixel_um / 2)
    if dark is None or not radius:
        return filled
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = np.pad(filled.view(np.uint8), radius + 1)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, brush)
    inner = slice(radius + 1, -radius - 1)
    narrow = (closed[inner, inner] > 0) & ~filled
    # The notch between touching crystals holds matrix, which is about as bright as olivine.
    crack = narrow & (dark.darkest < dark.level - CRACK_DARKNESS * dark.unit)
    return fill_holes(filled | crack) if crack.any() else filled


def _undo_weak_cuts(parts: NDArray[np.int32], here: _Region) -> list[Cut]:
    """Undo the least likely cut until all that are left have evidence; changes `parts`."""
    undone: list[Cut] = []
    known: dict[tuple[int, int], Cut] = {}
    while True:
        borders = _borders(parts)
        for pair in borders.keys() - known.keys():
            known[pair] = _judge(parts, pair, borders[pair], here)
        known = {pair: known[pair] for pair in borders}
        weak = [cut for cut in known.values() if not cut.kept]
        if not weak:
            return [*known.values(), *undone]
        least = min(weak, key=lambda cut: cut.probability)
        undone.append(least)
        parts[parts == least.b] = least.a
        known = {pair: cut for pair, cut in known.items() if not {*pair} & {least.a, least.b}}


def _borders(parts: NDArray[np.int32]) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Points (row, column) half-way between the pixels on both sides of each cut."""
    found, keys = [], []
    most = int(parts.max()) + 1
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one, two = _shifted(parts, *shift)
        rows, columns = np.nonzero((one != two) & (one > 0) & (two > 0))
        here, there = one[rows, columns].astype(np.int64), two[rows, columns].astype(np.int64)
        keys.append(np.minimum(here, there) * most + np.maximum(here, there))
        columns = columns + max(-shift[1], 0)
        found.append(np.stack([rows + shift[0] / 2, columns + shift[1] / 2], axis=1))
    key, point = np.concatenate(keys), np.concatenate(found)
    return {(pair // most, pair % most): point[key == pair] for pair in np.unique(key).tolist()}


def _shifted(
    parts: NDArray[np.int32], down: int, right: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pair each pixel with the one some rows down and columns to the right, as views."""
    rows, columns = parts.shape
    one = parts[: rows - down, max(-right, 0) : columns - max(right, 0)]
    return one, parts[down:, max(right, 0) : columns + min(right, 0)]


def _judge(
    parts: NDArray[np.int32], pair: tuple[int, int], border: NDArray[np.float64], here: _Region
) -> Cut:
    """Gather the evidence on the cut between two parts."""
    a, b = pair
    x, y, columns, rows = cv2.boundingRect(np.isin(parts, pair).view(np.uint8))
    box = slice(y, y + rows), slice(x, x + columns)
    is_a, is_b, distance = parts[box] == a, parts[box] == b, here.distance[box]
    points = [outer_points(is_a), outer_points(is_b), outer_points(is_a | is_b)]
    hulls = [hull_area(some) for some in points]
    areas = np.count_nonzero(is_a), np.count_nonzero(is_b)
    solid = [min(area / hull, 1.0) for area, hull in zip(areas, hulls, strict=False)]
    small = int(areas[1] <= areas[0])
    radii = [float(distance[mask].max()) for mask in (is_a, is_b)]
    radius = max(min(radii), 0.5)
    ends = _ends(border)
    neck = float(np.hypot(*(ends[1] - ends[0]))) + 1
    hull = cv2.convexHull(points[2]).astype(np.float32)
    notches = sorted(
        max(cv2.pointPolygonTest(hull, (float(end[1] - x), float(end[0] - y)), True), 0.0)
        for end in ends
    )
    (row0, col0), (row1, col1) = ends.tolist()
    cut = Cut(
        a, b, row0, col0, row1, col1,
        neck * here.pixel_um, neck / (2 * radius), notches[0] / radius, notches[1] / radius,
        _notch_darkness(here, ends), solid[small], solid[1 - small],
        sum(areas) / (hulls[0] + hulls[1]) - sum(areas) / hulls[2],
    )  # fmt: skip
    if _log_odds(cut, here.settings) > HOPELESS:
        cut = _with_composition(cut, here, box, (is_a, is_b), border - [y, x], radii[small])
    likely = probability(cut, here.settings)
    # Cracks and holes were filled: a part may hold few pixels of the region itself, or none.
    own = min(np.count_nonzero(side & here.region[box]) for side in (is_a, is_b))
    if not own or own * here.pixel_um**2 < here.settings.least_area_um2:
        likely = 0.0
    return replace(cut, probability=likely, kept=decide(likely, here.settings.part_from))


def _notch_darkness(here: _Region, ends: NDArray[np.float64]) -> float:
    """Measure how dark it is outside the region around the ends of a cut."""
    if here.dark is None:
        return np.nan
    found = []
    for row, column in ends.round().astype(int):
        near = (
            slice(max(row - NOTCH_PX, 0), row + NOTCH_PX + 1),
            slice(max(column - NOTCH_PX, 0), column + NOTCH_PX + 1),
        )
        outside = ~here.region[near]
        found.append(here.dark._replace(darkest=here.dark.darkest[near]).darkness(outside))
    return float(np.nanmax(found)) if np.isfinite(found).any() else np.nan


def _with_composition(
    cut: Cut,
    here: _Region,
    box: tuple[slice, slice],
    sides: tuple[Mask, Mask],
    border: NDArray[np.float64],
    radius: float,
) -> Cut:
    """Add the evidence of mg# and grey near the cut."""
    mg, grey = (None if image is None else image[box] for image in (here.mg, here.grey))
    image = grey if mg is None else mg
    if image is None:
        return cut
    margin = int(max(ALONG_PX, 2 * radius))
    low, high = border.min(axis=0).astype(int), border.max(axis=0).astype(int)
    near = tuple(
        slice(max(start - margin, 0), stop + margin + 2)
        for start, stop in zip(low, high, strict=True)
    )
    is_a, is_b = (side[near] for side in sides)
    joint, there = here.distance[box][near], here.region[box][near]
    to_a, to_b = distance_to(is_a), distance_to(is_b)
    apart = np.minimum(joint, np.where(is_a, to_b, to_a))
    is_a, is_b = is_a & there, is_b & there
    parts = is_a.astype(np.uint8) + 2 * is_b.astype(np.uint8)
    rims = own_outlines(image[near], parts, joint, apart)
    images = None if mg is None else mg[near], None if grey is None else grey[near]
    return with_composition(cut, images, (is_a, is_b), (to_a, to_b), rims)


def _ends(border: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of a border that are farthest apart, shape (2, 2)."""
    hull = cv2.convexHull(border.astype(np.float32)[:, np.newaxis])[:, 0].astype(np.float64)
    away = np.hypot(*(hull[:, np.newaxis] - hull[np.newaxis]).transpose(2, 0, 1))
    return np.asarray(hull[list(np.unravel_index(int(away.argmax()), away.shape))])


def _in_order(parts: NDArray[np.int32], judged: list[Cut]) -> tuple[NDArray[np.int32], list[Cut]]:
    """Give the parts numbers by size, in the table of their cuts too."""
    areas = np.bincount(parts.ravel())
    areas[0] = 0
    order = np.argsort(-areas, kind="stable")
    order = order[areas[order] > 0]
    number = np.zeros(len(areas), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    went_to = {cut.b: cut.a for cut in judged if not cut.kept}

    def part(label: int) -> int:
        while label in went_to:
            label = went_to[label]
        return int(number[label])

    return number[parts], [replace(cut, a=part(cut.a), b=part(cut.b)) for cut in judged]
