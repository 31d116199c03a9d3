"""Necks and notches of the outline of a region: candidates for cuts between touching crystals."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import reconstruction
from skimage.segmentation import watershed

from napari_olivine.crystals.instances.evidence import Floats, Mask

Line = NDArray[np.int32]
"""Both ends (x, y) of a straight line, shape (2, 2)."""

MARKER_RATIO = 0.92
"""Widest neck, over the inscribed width of the smaller part, that makes a cut (ours)."""

STRAIGHT_PX = 1.2
"""Waves of the outline that are no corners (ours)."""

INWARD_DEG = 20.0
"""Least turn of the outline in a notch (ours)."""

MOST_NOTCHES = 48
"""Sharpest notches of one outline that are tried, which bounds the pairs (ours)."""

CHORD_RATIO = 0.72
"""Longest straight cut, as a share of the outline that it cuts off (ours; half a disc: 0.64)."""

NOTCH_SHARE = 0.25
"""Least depth of the notches at both ends, over the radius of the smaller part (ours)."""

COARSE_PX = 16
"""Inscribed radius up to which necks are looked for at full resolution (ours)."""

NOTCH_PX = 4
"""Straight cuts have ends at least this far apart: one of them is the best of a notch (ours)."""


def deep_notches(region: Mask, notch_px: float) -> int:
    """Count the notches of an outline: defects of its convexity of some depth.

    Parameters
    ----------
    region
        The region in its box.
    notch_px
        Least depth that counts.
    """
    found, _ = cv2.findContours(region.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    deep = 0
    for contour in found:
        hull = cv2.convexHull(contour, returnPoints=False)
        if len(contour) < 4 or len(hull) < 3:
            continue
        defects = cv2.convexityDefects(contour, np.sort(hull, axis=0))  # it wants them in order
        if defects is not None:
            deep += int((np.reshape(defects, (-1, 4))[:, 3] / 256 >= notch_px).sum())
    return deep


def oversegment(
    filled: Mask, distance: Floats, notch_px: float, least_px: float
) -> NDArray[np.int32]:
    """Split a region wherever crystals may touch: more often than they do.

    :func:`~napari_olivine.crystals.instances.splitting.split_region` then undoes the cuts without
    evidence. Cuts are found in two ways. Where a region narrows, the distance to its outline has a
    saddle. Where crystals touch along a broad face it has none, but the outline still turns inwards
    at both ends of the contact.

    Parameters
    ----------
    filled
        The region without holes.
    distance
        Distance to its outline, px.
    notch_px
        Least depth of a notch below the hull.
    least_px
        Smaller parts are not made, in pixels.

    Returns
    -------
    int32 array
        Parts from 1, every pixel of `filled` in one of them; 0 elsewhere.
    """
    found = _watershed(filled, distance, float(np.sqrt(least_px / np.pi)) / 2)
    return _cut_along(found, _best_lines(filled, notch_px, least_px), least_px)


def _watershed(filled: Mask, distance: Floats, least_radius: float) -> NDArray[np.int32]:
    """Split at necks, by a watershed of the distance from its persistent maxima.

    In the logarithm of the distance a maximum's height over its saddle is the ratio of the
    inscribed width to the neck, whatever the size of the crystal.
    """
    # A pixel of the coarse copy holds the largest distance of its block. Parts that it is too
    # coarse for hang on a large one: their notches are found by lines.
    step = int(max(distance.max() // COARSE_PX, 1))
    coarse = _largest(distance, step)
    height = np.log(np.maximum(coarse, 0.5)).astype(np.float32)
    drop = np.float32(-np.log(MARKER_RATIO))
    lowered = np.asarray(
        reconstruction(height - drop, height, method="dilation"),  # type: ignore[no-untyped-call]
        np.float32,
    )
    peaks = (height - lowered >= drop - 1e-4) & (coarse >= max(least_radius, 1.5 * step))
    count, markers = cv2.connectedComponents(peaks.view(np.uint8), connectivity=8)
    if count <= 2:
        return filled.astype(np.int32)
    if step > 1:
        fine = np.kron(markers, np.ones((step, step), np.int32))[: filled.shape[0]]
        top = np.kron(coarse, np.ones((step, step), np.float32))[: filled.shape[0]]
        columns = slice(0, filled.shape[1])
        markers = fine[:, columns] * (distance == top[:, columns])
    found = watershed(-distance, markers, mask=filled)  # type: ignore[no-untyped-call]
    return _fill_from_neighbours(
        np.asarray(found, np.float32), filled
    )  # it does not go across corners


def _largest(distance: Floats, step: int) -> Floats:
    """Largest value of each block of `step` pixels."""
    if step == 1:
        return distance
    rows, columns = (-(-size // step) * step for size in distance.shape)
    padded = np.zeros((rows, columns), np.float32)
    padded[: distance.shape[0], : distance.shape[1]] = distance
    return np.asarray(padded.reshape(rows // step, step, -1, step).max(axis=(1, 3)))


def _cut_along(parts: NDArray[np.int32], lines: list[Line], least_px: float) -> NDArray[np.int32]:
    """Split further along straight lines."""
    if not lines:
        return parts
    drawn = np.zeros(parts.shape, np.uint8)
    for line in lines:
        cv2.line(drawn, line[0].tolist(), line[1].tolist(), 1)
    found, count = np.zeros(parts.shape, np.float32), 0
    for part, box in enumerate(ndimage.find_objects(parts), start=1):
        if box is None:
            continue
        inside = ((parts[box] == part) & (drawn[box] == 0)).view(np.uint8)
        more, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
        labels[stats[labels, cv2.CC_STAT_AREA] < least_px] = 0  # shavings go to a neighbour
        found[box] += np.where(labels > 0, labels + count, 0)
        count += more - 1
    return _fill_from_neighbours(found, parts > 0)


def _fill_from_neighbours(found: Floats, over: Mask) -> NDArray[np.int32]:
    """Give pixels without a part that of a neighbour; islands without one become parts."""
    brush = np.ones((3, 3), np.uint8)
    empty = over & (found == 0)
    while empty.any():
        found = np.where(empty, cv2.dilate(found, brush), found)
        left = over & (found == 0)
        if np.array_equal(left, empty):
            _, alone = cv2.connectedComponents(left.view(np.uint8), connectivity=8)
            found = np.where(left, alone + found.max(), found)
            break
        empty = left
    return found.astype(np.int32)


def _best_lines(filled: Mask, notch_px: float, least_px: float) -> list[Line]:
    """Choose lines between notches of the outline, those that are short for their part first."""
    contours, _ = cv2.findContours(
        filled.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )  # fmt: skip
    chosen: list[Line] = []
    for contour in contours:
        corners = cv2.approxPolyDP(contour, STRAIGHT_PX, True)[:, 0].astype(np.float64)
        if len(corners) < 5:
            continue
        hull = cv2.convexHull(contour)
        notches = _inward(corners)
        depth = np.array(
            [cv2.pointPolygonTest(hull, corners[place].tolist(), True) for place in notches]
        )
        deep = depth >= notch_px
        for line in _lines(corners, notches[deep], depth[deep], least_px):
            if not any(_conflict(line, other) for other in chosen) and _inside(line, filled):
                chosen.append(line)
    return chosen


def _inward(corners: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of the corners of a polygon at which it turns inwards, the sharpest first."""
    before, after = corners - np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0) - corners
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    turn = np.degrees(np.arctan2(cross, (before * after).sum(axis=1)))
    inward = -turn * np.sign(turn.sum())
    order = np.argsort(-inward, kind="stable")
    return np.asarray(order[inward[order] >= INWARD_DEG][:MOST_NOTCHES], np.int64)


def _lines(
    corners: NDArray[np.float64],
    notches: NDArray[np.int64],
    depth: NDArray[np.float64],
    least_px: float,
) -> NDArray[np.int32]:
    """Lines that cut off a part through two notches, best first, shape (n, 2, 2)."""
    order = np.argsort(notches)
    first, second = np.triu_indices(len(notches), 1)
    one, two = notches[order][first], notches[order][second]
    shallow = np.minimum(depth[order][first], depth[order][second])
    along = np.concatenate([[0], np.cumsum(np.hypot(*(np.roll(corners, -1, axis=0) - corners).T))])
    x, y = corners.T
    swept = np.concatenate([[0], np.cumsum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2])
    chord = np.hypot(x[two] - x[one], y[two] - y[one])
    arc = along[two] - along[one]
    area = np.abs(swept[two] - swept[one] + (x[two] * y[one] - y[two] * x[one]) / 2)
    arc, area = np.minimum(arc, along[-1] - arc), np.minimum(area, abs(swept[-1]) - area)
    radius = np.sqrt(np.maximum(area, 0) / np.pi)
    good = (chord > 0) & (chord < CHORD_RATIO * arc) & (area >= least_px)
    good &= (chord < 3 * radius) & (shallow >= NOTCH_SHARE * radius)
    best = np.argsort((chord / np.maximum(arc, 1e-9))[good], kind="stable")
    ends = np.stack([one[good][best], two[good][best]], axis=1)
    return np.asarray(corners[ends].round(), np.int32)


def _conflict(line: Line, other: Line) -> bool:
    """Tell whether two lines cross, or begin in the same notch."""
    crosses = _turns(line, other) < 0 and _turns(other, line) < 0
    away = np.hypot(*(line[:, np.newaxis] - other[np.newaxis]).transpose(2, 0, 1))
    return bool(crosses or away.min() < NOTCH_PX)


def _turns(line: Line, other: Line) -> int:
    """-1 where the ends of the other line lie on both sides of a line."""
    (x0, y0), (x1, y1) = line.tolist()
    one, two = ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) for x, y in other.tolist())
    return int(np.sign(one) * np.sign(two))


def _inside(line: Line, filled: Mask) -> bool:
    """Tell whether a line runs inside all the way."""
    count = int(np.abs(line[1] - line[0]).max()) + 1
    x, y = np.linspace(line[0], line[1], count).round().astype(int).T
    return bool(filled[y, x].all())
