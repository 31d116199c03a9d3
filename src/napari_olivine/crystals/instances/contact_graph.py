"""Which pieces of a region touch, and the evidence on each border between them."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.crystals.instances.contact_fields import ContactFields
from napari_olivine.crystals.instances.evidence import Floats, Points, hull_area

DARK = 4.0
"""Darkness from which a pixel belongs to a dark line, in units of the noise (ours)."""

INDEPENDENT_PX = 5.0
"""Length of a border over which the noise of a step is one value (ours)."""

EUCLIDEAN = np.pi / 4
"""Length of a border over its sides of pixels, on average over all directions."""

Sums = NDArray[np.float64]
COUNT, STEP, SLOPE, DARKER, UNKNOWN, KINK = range(6)
"""Places of the sums along a border: sides of pixels, and of each value over them."""


class Border(NamedTuple):
    """Border between two pieces."""

    sums: Sums
    """Sums along it; step and slope from the piece with the smaller number to the other."""
    hull: Floats
    """Corners (x, y) of the convex hull of its points, shape (n, 2)."""


class Evidence(NamedTuple):
    """Evidence on a border; composition in units of the noise of a pixel's step."""

    step: float
    """Mean step across the border, without the slope of what is smooth."""
    step_sure: float
    """The same over its standard error."""
    slope: float
    """Mean slope across the border."""
    kink: float
    """Whether the border lies in a valley of the composition (rims that meet) or on a ridge."""
    dark_share: float
    """Share of the border that is a dark line."""
    unknown_share: float
    """Share of it where the composition is unknown."""
    solidity: float
    """Area of both over that of their convex hull."""
    solidity_gain: float
    """Area over the hulls of each alone, less the above."""
    notch: float
    """Depth of the shallower end of the border below the hull of both, over the square root of the
    smaller area."""
    contact_ratio: float
    """Length from end to end over the square root of the smaller area."""
    shared: float
    """Share of the outline of the smaller piece that the border is."""
    area_small: float
    """Natural logarithm of its area in um2."""
    area_large: float
    """The same of the larger one."""


class ContactGraph:
    """Pieces that touch; they are merged one by one, and the evidence follows.

    Parameters
    ----------
    pieces
        Pieces 1, 2, ..., 0 elsewhere; shape (rows, columns).
    fields
        What is seen of contacts, of the same shape.
    pixel_um
        Side of a pixel.
    """

    def __init__(self, pieces: NDArray[np.int32], fields: ContactFields, pixel_um: float) -> None:
        self.pixel_um = pixel_um
        count = int(pieces.max(initial=0)) + 1
        self.area = np.bincount(pieces.ravel(), minlength=count).astype(np.float64)
        self._hulls, self._hull_areas = _hulls(pieces, count)
        self.borders: list[dict[int, Border]] = [{} for _ in range(count)]
        self.outline = _find_borders(pieces, fields, self.borders)
        """Sides of pixels along the outline of each piece."""

    def evidence(self, a: int, b: int) -> Evidence:
        """Gather the evidence on the border between two pieces that touch."""
        border = self.borders[a][b]
        sums, count = border.sums, float(border.sums[COUNT])
        small, large = sorted((self.area[a], self.area[b]))
        corners, hull = self._joint_hull(a, b)
        ends = _farthest(border.hull)
        depth = min(
            cv2.pointPolygonTest(corners.astype(np.float32), (float(x), float(y)), True)
            for x, y in ends
        )
        step = abs(float(sums[STEP])) / count
        lengths = max(count * EUCLIDEAN / INDEPENDENT_PX, 1.0)
        together = (small + large) / hull
        from_end_to_end = float(np.hypot(*np.ptp(ends, axis=0))) + 1
        um2 = self.pixel_um**2
        return Evidence(
            step=min(step, 6.0),
            step_sure=min(step * lengths**0.5, 20.0),
            slope=min(abs(float(sums[SLOPE])) / count, 10.0),
            kink=min(max(float(sums[KINK]) / count, -6.0), 6.0),
            dark_share=float(sums[DARKER]) / count,
            unknown_share=float(sums[UNKNOWN]) / count,
            solidity=together,
            solidity_gain=(small + large) / (self._hull_areas[a] + self._hull_areas[b]) - together,
            notch=min(max(depth, 0.0) / small**0.5, 1.0),
            contact_ratio=from_end_to_end / small**0.5,
            shared=self.share(a, b),
            area_small=float(np.log(small * um2)),
            area_large=float(np.log(large * um2)),
        )

    def compactness(self, piece: int) -> float:
        """Twice the area over the outline of the convex hull, over the square root of the area."""
        around = float(cv2.arcLength(self._hulls[piece], True)) + np.pi
        return float(2 * np.sqrt(self.area[piece]) / around)

    def share(self, a: int, b: int) -> float:
        """Share of the outline of the smaller piece that its border with the other is."""
        smaller = a if self.area[a] <= self.area[b] else b
        return float(self.borders[a][b].sums[COUNT]) / max(float(self.outline[smaller]), 1.0)

    def ends(self, a: int, b: int) -> NDArray[np.float64]:
        """Points (row, column) of a border that are farthest apart, shape (2, 2)."""
        return _farthest(self.borders[a][b].hull)[:, ::-1].astype(np.float64)

    def contact_um(self, a: int, b: int) -> float:
        """Length of a border along its way."""
        return float(self.borders[a][b].sums[COUNT]) * EUCLIDEAN * self.pixel_um

    def merge(self, a: int, b: int) -> None:
        """Put piece `b` into piece `a`."""
        self._hulls[a], self._hull_areas[a] = self._joint_hull(a, b)
        self.outline[a] += self.outline[b] - 2 * self.borders[a].pop(b).sums[COUNT]
        del self.borders[b][a]
        self.area[a] += self.area[b]
        self.area[b] = 0
        for other, border in self.borders[b].items():
            del self.borders[other][b]
            sums, hull = border
            if (b < other) != (a < other):
                sums = sums.copy()
                sums[[STEP, SLOPE]] *= -1
            if other in self.borders[a]:
                known = self.borders[a][other]
                points = np.concatenate([hull, known.hull])[:, np.newaxis]
                sums = sums + known.sums
                hull = np.asarray(cv2.convexHull(points)[:, 0], np.float32)
            self.borders[a][other] = self.borders[other][a] = Border(sums, hull)
        self.borders[b] = {}

    def _joint_hull(self, a: int, b: int) -> tuple[Points, float]:
        points = np.concatenate([self._hulls[a], self._hulls[b]])
        hull = np.asarray(cv2.convexHull(points), np.int32)
        return hull, hull_area(hull)


def _hulls(pieces: NDArray[np.int32], count: int) -> tuple[list[Points], NDArray[np.float64]]:
    """Corners of the convex hull of each piece, and its area in px."""
    hulls: list[Points] = [np.zeros((0, 1, 2), np.int32)] * count
    areas = np.ones(count)
    for piece, box in enumerate(ndimage.find_objects(pieces), start=1):
        if box is None:
            continue
        mask = (pieces[box] == piece).view(np.uint8)
        found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        hull = cv2.convexHull(np.concatenate(found)) + np.array([box[1].start, box[0].start])
        hulls[piece] = np.asarray(hull, np.int32)
        areas[piece] = hull_area(hulls[piece])
    return hulls, areas


def _find_borders(
    pieces: NDArray[np.int32], fields: ContactFields, borders: list[dict[int, Border]]
) -> NDArray[np.float64]:
    """Sum what is seen along all borders; return the sides of pixels around each piece."""
    count = len(borders)
    around = np.zeros(count)
    keys, sums, points = [], [], []
    for axis in (0, 1):
        one, two = (np.s_[:-1], np.s_[1:]) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
        first, second = pieces[one], pieces[two]
        for side in (first, second):
            around += np.bincount(side[first != second], minlength=count)
        for edge in (0, -1):
            around += np.bincount(np.take(pieces, edge, axis=axis), minlength=count)
        rows, columns = np.nonzero((first != second) & (first > 0) & (second > 0))
        here, there = (rows, columns), (rows + (axis == 0), columns + (axis == 1))
        mine, theirs = pieces[here], pieces[there]
        sign = np.where(mine < theirs, 0.5, -0.5)
        smaller = np.minimum(mine, theirs).astype(np.int64)
        keys.append(smaller * count + np.maximum(mine, theirs))
        dark = np.maximum(fields.darkness[here], fields.darkness[there]) > DARK
        sums.append(
            np.stack(
                [
                    np.ones(len(mine)),
                    sign * (fields.step[axis][here] + fields.step[axis][there]),
                    sign * (fields.slope[axis][here] + fields.slope[axis][there]),
                    dark,
                    fields.unknown[here] | fields.unknown[there],
                    (fields.kink[here] + fields.kink[there]) / 2,
                ],
                axis=1,
            )
        )
        half = np.float32(0.5)
        points.append(np.stack([columns + half * axis, rows + half * (1 - axis)], axis=1))
    key = np.concatenate(keys)
    if not len(key):
        return around
    order = np.argsort(key, kind="stable")
    key, value = key[order], np.concatenate(sums)[order].astype(np.float64)
    point = np.concatenate(points)[order].astype(np.float32)
    pairs, starts = np.unique(key, return_index=True)
    total = np.add.reduceat(value, starts, axis=0)
    stops = np.append(starts[1:], len(key))
    for place, (pair, start, stop) in enumerate(zip(pairs, starts, stops, strict=True)):
        a, b = divmod(int(pair), count)
        hull = cv2.convexHull(point[start:stop, np.newaxis])[:, 0]
        borders[a][b] = borders[b][a] = Border(total[place], np.asarray(hull, np.float32))
    return around


def _farthest(points: NDArray[Any]) -> NDArray[np.float32]:
    """Two points that are farthest apart, shape (2, 2)."""
    away = np.square(points[:, np.newaxis] - points[np.newaxis]).sum(axis=2)
    return np.asarray(points[list(divmod(int(away.argmax()), len(points)))], np.float32)
