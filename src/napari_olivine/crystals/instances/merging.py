"""Merge the fragments of one crystal that a crack separates.

Leichter et al. (2022, doi 10.3389/feart.2022.740638) counted each fragment as a crystal. Here each
pair of neighbours is judged by the evidence that a petrologist looks at: a narrow dark gap whose
sides run parallel, the same composition on both sides, zoning that goes on across the gap, an
outline that becomes whole. Every decision is one row of a table, with its evidence, so that it can
be shown, overruled and reversed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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
    BAND_PX,
    BLUR_PX,
    CRACK_DARKNESS,
    FEWEST,
    DarknessScale,
    Floats,
    Mask,
    Measurement,
    distance_to,
    hull_area,
    hull_excess,
    outer_points,
    own_outlines,
)
from napari_olivine.crystals.measure import fill_holes, outline_distance
from napari_olivine.settings import setting

Window = tuple[slice, slice]

Box = tuple[int, int, int, int]
"""row0, row1, col0, col1; rows up to, not including, row1."""

PAIRS_AT_ONCE = 1_000_000
"""Pairs of boxes compared in one go, which bounds the memory of the search."""

LOCAL_PX = 64
"""Least margin around the smaller crystal in which the larger one is looked at (ours)."""

MATRIX_PX = 24
"""Margin around a gap in which the grey of the matrix is looked up (ours)."""

PRIOR = -0.5
"""Log odds of one crystal where all evidence is neutral (ours)."""

HOPELESS = -4.0
"""Log odds of the outlines alone below which composition is not looked at (ours)."""


class MergingSettings(DecisionSettings):
    """Settings of :func:`judge_gap`; the defaults are ours."""

    reach_um: float = setting(
        8.0,
        "Widest crack",
        "Parts farther apart than this are not compared (ours).",
        unit="um",
        ge=0,
        le=50,
    )
    least_area_um2: float = setting(
        100.0,
        "Smallest part",
        "Smaller parts are joined to nothing (ours): too few pixels to tell a chip from a "
        "neighbour.",
        unit="um2",
        ge=0,
    )
    join_from: float = setting(
        0.5,
        "Join from",
        "Probability from which two parts are joined (ours); 1 joins nothing, as in Leichter et "
        "al. (2022).",
        gt=0,
        le=1,
    )


@dataclass(frozen=True)
class Gap(Decision):
    """Evidence on a gap between neighbours, and whether both sides are joined."""

    a: int
    b: int
    row: float
    """Middle of the gap, in rows and columns of the window."""
    col: float
    gap_um: float
    """Median width of the gap along the facing sides."""
    gap_spread_um: float
    """Robust standard deviation of the width: 0 for parallel sides."""
    contact_um: float
    """Length of the facing sides."""
    contact_share: float
    """The same, as a share of the diameter of the smaller part's hull (as a circle)."""
    darkness: float
    """How far the gap is darker than sides and matrix; see `evidence.DarknessScale`."""
    solidity_gain: float
    """Solidity of both together minus that of the parts."""
    hull_excess: float
    """Hull area gained by joining, as a share of the smaller hull."""
    joined: bool = False


def near_pairs(boxes: NDArray[np.integer], reach_px: float) -> NDArray[np.int64]:
    """Pairs of boxes no farther apart than a reach, the candidates for merging.

    Parameters
    ----------
    boxes
        row0, row1, col0, col1 of each crystal. Shape (n, 4).
    reach_px
        Empty rows or columns that may lie between two boxes.

    Returns
    -------
    int64 array, shape (pairs, 2)
        Places in `boxes`, the smaller first, in order.
    """
    found = [np.zeros((0, 2), np.int64), *_near_pairs(np.asarray(boxes, np.int64), int(reach_px))]
    pairs = np.sort(np.concatenate(found), axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _near_pairs(boxes: NDArray[np.int64], reach: int) -> Iterator[NDArray[np.int64]]:
    order = np.argsort(boxes[:, 0], kind="stable")
    row0, row1, col0, col1 = boxes[order].T
    last = np.searchsorted(row0, row1 + reach, side="right")
    counts = np.maximum(last - np.arange(len(order)) - 1, 0)
    ends = np.cumsum(counts)
    start = 0
    while start < len(order):
        before = ends[start] - counts[start]
        stop = max(int(np.searchsorted(ends, before + PAIRS_AT_ONCE, side="right")), start + 1)
        some = np.arange(start, stop)
        first = np.repeat(some, counts[start:stop])
        second = first + 1 + np.arange(len(first)) - np.repeat(
            ends[start:stop] - counts[start:stop] - before, counts[start:stop]
        )  # fmt: skip
        near = (col0[second] <= col1[first] + reach) & (col0[first] <= col1[second] + reach)
        yield np.stack([order[first[near]], order[second[near]]], axis=1)
        start = stop


def gap_window(one: Sequence[int], two: Sequence[int], shape: Sequence[int]) -> Window:
    """Part of a section that :func:`judge_gap` looks at: around the smaller of two crystals.

    Parameters
    ----------
    one, two
        row0, row1, col0, col1 of the boxes of two crystals.
    shape
        Rows and columns of the section.

    Returns
    -------
    rows, columns
        The smaller crystal with a margin of its own size, cut to the box of both crystals and a
        small margin. The larger crystal may reach beyond.
    """
    small = min(one, two, key=lambda box: (box[1] - box[0]) * (box[3] - box[2]))
    margin = max(small[1] - small[0], small[3] - small[2], LOCAL_PX)
    start, stop = [], []
    for side in (0, 2):
        low, high = min(one[side], two[side]), max(one[side + 1], two[side + 1])
        start.append(max(small[side] - margin, low - MATRIX_PX))
        stop.append(min(small[side + 1] + margin, high + MATRIX_PX))
    return _slices((start[0], start[1]), (stop[0], stop[1]), tuple(shape))


def judge_gap(
    labels: NDArray[np.integer],
    a: int,
    b: int,
    pixel_um: float,
    settings: MergingSettings | None = None,
    *,
    grey: NDArray[Any] | None = None,
    mg: NDArray[np.float32] | None = None,
) -> Gap | None:
    """Gather the evidence on whether two labels are parts of one cracked crystal.

    Parameters
    ----------
    labels
        Window that holds both crystals, or the part of them in :func:`gap_window`.
    a, b
        Their labels.
    pixel_um
        Side of a pixel.
    settings
        See :class:`MergingSettings`.
    grey
        BSE grey of the window, in any unit.
    mg
        mg# (fraction) of the window, NaN where unknown.

    Returns
    -------
    Gap or None
        None if the two are farther apart than the reach, one is too small, or they touch: then
        nothing separates them, or :mod:`~napari_olivine.crystals.instances.splitting` did.
    """
    settings = settings or MergingSettings()
    window = gap_window(_box(labels == a), _box(labels == b), labels.shape)
    labels = labels[window]
    grey, mg = (None if image is None else image[window] for image in (grey, mg))
    is_a, is_b = labels == a, labels == b
    areas = int(np.count_nonzero(is_a)), int(np.count_nonzero(is_b))
    if min(areas) * pixel_um**2 < settings.least_area_um2:
        return None
    reach = settings.reach_um / pixel_um
    facing = _facing(_box(is_a), _box(is_b), labels.shape, round(reach + BLUR_PX + BAND_PX) + 2)
    if facing is None:
        return None
    to_a, to_b = distance_to(is_a[facing]), distance_to(is_b[facing])
    sides = _sides(is_a[facing], is_b[facing], to_a, to_b, reach, labels[facing] == 0)
    if sides is None:
        return None
    width, spread, contact, gap = sides
    points = outer_points(is_a), outer_points(is_b)
    hulls = [hull_area(some) for some in points]
    whole = sum(areas) + int(np.count_nonzero(gap))
    row, col = np.argwhere(gap).mean(axis=0)
    found = Gap(
        a, b,
        float(row) + facing[0].start + window[0].start,
        float(col) + facing[1].start + window[1].start,
        width * pixel_um, spread * pixel_um, contact * pixel_um,
        contact / float(np.sqrt(4 / np.pi * min(hulls))),
        _darkness(grey, labels, facing, gap, to_a, to_b, reach),
        whole / hull_area(np.concatenate(points)) - sum(areas) / sum(hulls), hull_excess(*points),
    )  # fmt: skip
    if _log_odds(found, settings) > HOPELESS:
        found = _with_composition(found, (is_a, is_b), facing, gap, (to_a, to_b), width, (mg, grey))
    likely = probability(found, settings)
    return replace(found, probability=likely, joined=decide(likely, settings.join_from))


def probability(gap: Gap, settings: MergingSettings | None = None) -> float:
    """Probability that two parts are one crystal, by weighing the evidence.

    Log odds add up as in a naive Bayes classifier; the weights are ours, set on simulated
    sections with known crystals. Missing evidence counts neither way.
    """
    return expit(_log_odds(gap, settings or MergingSettings()))


def merged_ids(ids: NDArray[np.integer], table: pd.DataFrame) -> NDArray[np.int64]:
    """For each id the smallest id among the parts that are joined to it.

    Parameters
    ----------
    ids
        Ids of crystals.
    table
        Columns ``a``, ``b`` and ``joined``; a person's changes of ``joined`` count.
    """
    ids = np.asarray(ids, np.int64)
    order = np.sort(ids)
    pairs = table.loc[table["joined"].astype(bool), ["a", "b"]].to_numpy(np.int64)
    pairs = pairs[np.isin(pairs, ids).all(axis=1)]
    edges = np.searchsorted(order, pairs)
    graph = coo_array((np.ones(len(edges), np.int8), edges.T), (len(order), len(order)))
    count, of = connected_components(graph, directed=False)
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, of, order)
    return np.asarray(smallest[of[np.searchsorted(order, ids)]])


def _log_odds(gap: Gap, settings: MergingSettings) -> float:
    slimness = gap.contact_um / max(gap.gap_um, 1e-6)
    weights = [
        clip_log_odds(float(np.log2(max(slimness, 1e-6))) - 1.5, -3, 2),
        clip_log_odds(4 * (gap.contact_share - 0.6), -2, 1.5),
        clip_log_odds(0.5 - gap.gap_spread_um / max(gap.gap_um, 1e-6), -1, 0.5),
        clip_log_odds(5 * (0.3 - gap.hull_excess), -4, 1.5),
        clip_log_odds(25 * (gap.solidity_gain + 0.03), -2.5, 0.5),
        clip_log_odds(1.5 * (gap.darkness - CRACK_DARKNESS), -2.5, 3),
        _same(gap.mg_difference, gap.mg_difference_se, settings.same_mg),
        clip_log_odds(-own_rims_log_odds(gap.own_outlines, gap.own_outlines_se, 0.25), -4, 4),
    ]
    return sum(weights) + PRIOR


def _same(difference: float, error: float, tolerance: float) -> float:
    """Log odds from a difference of mg#: in favour where a difference would have been seen."""
    scale = float(np.hypot(error, tolerance))
    return clip_log_odds((1 - (difference / scale) ** 2 / 3) * tolerance / scale, -10, 1)


def _box(mask: Mask) -> Box:
    x, y, columns, rows = cv2.boundingRect(mask.view(np.uint8))
    return y, y + rows, x, x + columns


def _facing(one: Box, two: Box, shape: tuple[int, ...], margin: int) -> Window | None:
    """Rectangle in which pixels of either lie within a margin of the other's box."""
    start = max(one[0], two[0]) - margin, max(one[2], two[2]) - margin
    stop = min(one[1], two[1]) + margin, min(one[3], two[3]) + margin
    if start[0] >= stop[0] or start[1] >= stop[1]:
        return None
    return _slices(start, stop, shape)


def _slices(start: tuple[int, int], stop: tuple[int, int], shape: tuple[int, ...]) -> Window:
    rows, columns = (
        slice(max(int(first), 0), min(int(last), size))
        for first, last, size in zip(start, stop, shape, strict=True)
    )
    return rows, columns


def _sides(
    is_a: Mask, is_b: Mask, to_a: Floats, to_b: Floats, reach: float, empty: Mask
) -> tuple[float, float, float, Mask] | None:
    """Width of the gap, its spread, length of the facing sides (px) and the pixels between."""
    brush = np.ones((3, 3), np.uint8)
    widths, lengths = [], []
    for mine, away in ((is_a, to_b), (is_b, to_a)):
        inner = cv2.erode(mine.view(np.uint8), brush, borderValue=1) > 0
        edge = away[mine & ~inner & (away <= reach + 1)] - 1
        if not edge.size or edge.min() <= 0:
            return None
        # Beyond the ends of a narrow gap the outlines still come within reach of each other.
        edge = edge[edge <= 1.5 * np.percentile(edge, 20) + 2]
        widths.append(edge)
        lengths.append(len(edge))
    width = np.concatenate(widths)
    median = float(np.median(width))
    spread = float(1.4826 * np.median(np.abs(width - median)))
    gap = empty & (to_a + to_b - 1 <= width.max() + 0.5)
    return (median, spread, float(np.mean(lengths)), gap) if gap.any() else None


def _darkness(
    grey: NDArray[Any] | None,
    labels: NDArray[np.integer],
    facing: Window,
    gap: Mask,
    to_a: Floats,
    to_b: Floats,
    reach: float,
) -> float:
    """Darkness of the middle of the gap."""
    if grey is None:
        return np.nan
    around = tuple(slice(max(side.start - MATRIX_PX, 0), side.stop + MATRIX_PX) for side in facing)
    inner = tuple(
        slice(side.start - out.start, side.stop - out.start)
        for side, out in zip(facing, around, strict=True)
    )
    matrix = cv2.erode((labels[around] == 0).view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    matrix[inner] &= (to_a > reach + 1) & (to_b > reach + 1)
    either, olivine, middle = np.maximum(to_a, to_b), np.zeros_like(matrix), np.zeros_like(matrix)
    olivine[inner] = (np.minimum(to_a, to_b) == 0) & (either > reach / 2 + BLUR_PX)
    middle[inner] = gap & (np.abs(to_a - to_b) <= 1.5)
    if np.count_nonzero(olivine) < FEWEST:
        return np.nan
    return DarknessScale.of(grey[around], olivine, matrix).darkness(middle)


def _with_composition(
    found: Gap,
    sides: tuple[Mask, Mask],
    facing: Window,
    gap: Mask,
    distances: tuple[Floats, Floats],
    width: float,
    images: tuple[NDArray[Any] | None, NDArray[Any] | None],
) -> Gap:
    """Add the evidence of mg# and grey."""
    mg, grey = images
    image = mg if mg is not None else grey
    rims = Measurement() if image is None else _own_outlines(image, *sides, facing, gap)
    near = tuple(None if image is None else image[facing] for image in images)
    is_a, is_b = (side[facing] for side in sides)
    return with_composition(found, (near[0], near[1]), (is_a, is_b), distances, rims, width)


def _own_outlines(
    image: NDArray[Any], is_a: Mask, is_b: Mask, facing: Window, gap: Mask
) -> Measurement:
    """Measure whether the zoning follows the parts' own outlines, on the box around both."""
    row0, row1, col0, col1 = _box(is_a | is_b)
    box = slice(row0, row1), slice(col0, col1)
    # Where a crystal goes on beyond the window it has no outline.
    on_edge = row0 == 0, row1 == is_a.shape[0], col0 == 0, col1 == is_a.shape[1]
    whole = is_a | is_b
    whole[facing] |= gap
    a, b = is_a[box], is_b[box]
    joint = outline_distance(fill_holes(whole[box]), on_edge)
    apart = [outline_distance(fill_holes(part), on_edge) for part in (a, b)]
    parts = a.astype(np.uint8) + 2 * b.astype(np.uint8)
    return own_outlines(image[box], parts, joint, np.where(a, *apart))
