"""Evidence on whether two regions of olivine that meet are one crystal or two."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.measure import exact_distance

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Points = NDArray[np.int32]

BLUR_PX = 2.0
"""Pixels along an outline whose grey and mg# are mixed with what lies outside (ours)."""

BAND_PX = 6.0
"""Depth to which the sides of a contact are looked at (ours)."""

CRACK_DARKNESS = 1.7
"""Darkness from which a narrow gap is rather a crack than matrix (ours)."""

FEWEST = 8
"""Pixels from which a side, or a piece of a profile, is measured (ours)."""

RINGS = 12
"""Rings of equal count that make a profile from outline to centre (ours)."""

PROFILE_PX = 20_000
"""Pixels that are enough for a profile (ours)."""

ZONED = 4.0
"""Variance of a zoning profile over that of its noise from which it counts as evidence (ours)."""


class Measurement(NamedTuple):
    """A value and its standard error, both NaN where there is nothing to measure."""

    value: float = np.nan
    error: float = np.nan


def outer_points(mask: Mask) -> Points:
    """Outer outlines of all parts of a mask as points (x, y), shape (n, 1, 2); holes left out."""
    found, _ = cv2.findContours(
        mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )  # fmt: skip
    return np.concatenate(found) if found else np.zeros((0, 1, 2), np.int32)


def distance_to(mask: Mask) -> Floats:
    """Distance of each pixel to the nearest of the mask, px; far where there is none."""
    return exact_distance(~mask)


def hull_area(points: Points) -> float:
    """Area of the convex hull of pixels given by their centres, in pixels.

    A hull through centres leaves out half a pixel all along the outline. Growing a convex figure
    of perimeter P by r adds P r + pi r^2 (Steiner's formula); here r is half a pixel.
    """
    if not len(points):
        return 0.0
    hull = cv2.convexHull(points)
    around = float(cv2.arcLength(hull, True))
    return float(cv2.contourArea(hull)) + around / 2 + np.pi / 4


def hull_excess(a: Points, b: Points) -> float:
    """Area that the hull of both has beyond the hulls of each, as a share of the smaller hull.

    Near 0, or negative, for the parts of one convex crystal, around 1 or more for neighbours.
    """
    hull_a, hull_b = hull_area(a), hull_area(b)
    return (hull_area(np.concatenate([a, b])) - hull_a - hull_b) / max(min(hull_a, hull_b), 1.0)


class DarknessScale(NamedTuple):
    """Scale on which cracks are dark: from the grey of olivine and matrix downwards."""

    darkest: Floats
    """Darkest grey of the 3 x 3 pixels around each: a crack is narrower than its gap in a mask."""
    level: float
    """Grey (darkest of 3 x 3) of the olivine or the matrix, whichever is darker."""
    unit: float
    """Robust standard deviation of the matrix, but a tenth to a third of the olivine's grey."""

    @classmethod
    def of(cls, grey: NDArray[Any], olivine: Mask, matrix: Mask) -> DarknessScale:
        """Measure the scale.

        The unit does not depend on the gain, nor on the black level where the matrix has several
        phases. The tenth keeps a featureless glass from making every gap look dark, the third
        keeps a matrix with many vesicles from hiding cracks.

        Parameters
        ----------
        grey
            BSE grey of a window, in any unit, shape (rows, columns).
        olivine, matrix
            Pixels of olivine and of matrix, both away from any gap.
        """
        darkest = cv2.erode(np.ascontiguousarray(grey, np.float32), np.ones((3, 3), np.uint8))
        level = float(np.median(darkest[olivine])) if olivine.any() else np.nan
        unit = level / 10
        if np.count_nonzero(matrix) >= 4 * FEWEST:
            middle = float(np.median(darkest[matrix]))
            spread = 1.4826 * float(np.median(np.abs(darkest[matrix] - middle)))
            unit = float(np.clip(spread, unit, level / 3))
            level = min(level, middle)
        return cls(np.asarray(darkest, np.float32), level, max(unit, 1e-9))

    def darkness(self, where: Mask) -> float:
        """Median darkness of some pixels, in units; NaN for none. Cracks have 2 and more."""
        if not where.any():
            return np.nan
        return (self.level - float(np.median(self.darkest[where]))) / self.unit


def step_across(
    values: NDArray[Any],
    side_a: Mask,
    side_b: Mask,
    to_a: Floats,
    to_b: Floats,
    gap_px: float = 0.0,
) -> Measurement:
    """Step of mg# or grey from side b to side a of a contact.

    Along the contact both sides may vary together, across it with one slope, as in a zoned
    crystal: the remaining difference between the sides is the step. Least squares, without the
    pixels that are blurred with the outside.

    Parameters
    ----------
    values
        mg# or grey, NaN where unknown. Shape (rows, columns), as all arrays.
    side_a, side_b
        Pixels of both sides.
    to_a, to_b
        Distance of each pixel to side a and to side b, px.
    gap_px
        Width of the gap between the sides, px.

    Returns
    -------
    Measurement
        Value of a minus value of b in the middle of the contact, with the standard error of the
        pixels' noise.
    """
    side = np.zeros(values.shape, np.int8)
    for which, mask, away in ((1, side_a, to_b), (-1, side_b, to_a)):
        depth = away - (gap_px + 1)  # 0 for the pixels along the contact
        band = mask & (depth >= BLUR_PX - 1) & (depth <= BLUR_PX - 1 + BAND_PX)
        side[band & np.isfinite(values)] = which
    rows, columns = np.nonzero(side)
    sign = side[rows, columns].astype(np.float64)
    if min((sign > 0).sum(), (sign < 0).sum()) < FEWEST:
        return Measurement()
    value = values[rows, columns].astype(np.float64)
    across = sign * (np.maximum(to_a, to_b)[rows, columns] - (gap_px + 1) / 2)
    bins = _along(rows, columns, sign)
    design = np.stack([_without_means(image, bins) for image in (sign / 2, across)], axis=1)
    value = _without_means(value, bins)
    for _ in range(2):  # the second time without cracks and inclusions
        inverse = np.linalg.pinv(design.T @ design)
        residual = value - design @ (inverse @ (design.T @ value))
        kept = np.abs(residual) <= 4 * 1.4826 * np.median(np.abs(residual))
        design, value = design * kept[:, np.newaxis], value * kept
    inverse = np.linalg.pinv(design.T @ design)
    fit = inverse @ (design.T @ value)
    left = np.zeros(values.shape, np.float32)
    left[rows, columns] = value - design @ fit
    spread, patch = _noise(left)
    return Measurement(float(fit[0]), spread * float(np.sqrt(patch * inverse[0, 0])))


def own_outlines(
    values: NDArray[Any], parts: NDArray[np.integer], joint: Floats, apart: Floats
) -> Measurement:
    """Measure whether the zoning follows the outline of the whole (0) or of each part (1).

    Where rims meet there were two crystals. From the pixels whose distance to the outline is the
    same either way comes the profile f(distance) of each part; the others, near the contact, have
    the value v = f(joint) + share (f(apart) - f(joint)), and least squares give the share.

    Parameters
    ----------
    values
        mg# or grey, NaN where unknown.
    parts
        1 and 2 for the pixels of the two parts, else 0.
    joint, apart
        Distance to the outline of both parts together and of each for itself, px.

    Returns
    -------
    Measurement
        The share and its standard error; NaN where no pixel is free of the contact, and in
        crystals whose zoning does not stand out of the noise.
    """
    known = (parts > 0) & np.isfinite(values)
    free = known & (np.abs(joint - apart) < 1) & (apart > BLUR_PX)
    near = known & (joint - apart >= 2) & (joint > BLUR_PX)
    profiles: dict[int, tuple[NDArray[np.float64], NDArray[np.float64], int]] = {}
    residual = np.zeros(values.shape, np.float32)
    for part in (1, 2):
        mine = free & (parts == part)
        if mine.sum() >= 4 * FEWEST:
            distance, level, count = _profile(joint[mine], values[mine])
            residual[mine] = values[mine] - np.interp(joint[mine], distance, level)
            profiles[part] = distance, level, count
    spread, patch = _noise(residual)
    numerator = denominator = 0.0
    for part, (distance, level, count) in profiles.items():
        # A profile is no guide to pixels that lie deeper.
        here = near & (parts == part) & (joint <= distance[-1])
        if here.sum() < FEWEST:
            continue
        whole = np.interp(joint[here], distance, level)
        expected = np.interp(np.maximum(apart[here], BLUR_PX), distance, level) - whole
        of_medians = np.pi / 2 * spread**2 * patch / count  # variance of each ring's median
        if float((expected**2).mean()) < ZONED * 2 * of_medians:
            continue
        numerator += float(((values[here] - whole) * expected).sum())
        denominator += float((expected**2).sum())
    if not denominator > 0:
        return Measurement()
    return Measurement(numerator / denominator, spread * float(np.sqrt(patch / denominator)))


def _along(
    rows: NDArray[np.int64], columns: NDArray[np.int64], sign: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Cut a contact into pieces about a band wide, and return the piece of each pixel."""
    points = np.stack([rows, columns]).astype(np.float64)
    points -= points.mean(axis=1, keepdims=True)
    one, two = points[:, sign > 0].mean(axis=1), points[:, sign < 0].mean(axis=1)
    across = (one - two) / max(float(np.hypot(*(one - two))), 1e-9)
    across *= np.sign(across[np.argmax(np.abs(across))])  # the same whichever side comes first
    place = -across[1] * points[0] + across[0] * points[1]
    return np.asarray((place - place.min()) // BAND_PX, np.int64)


def _without_means(values: NDArray[np.float64], bins: NDArray[np.int64]) -> NDArray[np.float64]:
    count = np.maximum(np.bincount(bins), 1)
    return np.asarray(values - (np.bincount(bins, weights=values) / count)[bins])


def _profile(
    distance: Floats, value: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Medians of distance and value in rings from the outline to the centre, and their count."""
    every = max(len(distance) // PROFILE_PX, 1)
    distance, value = distance[::every], value[::every]
    order = np.argsort(distance, kind="stable")
    count = max(len(order) // RINGS, FEWEST)
    rings = order[: len(order) // count * count].reshape(-1, count)
    return (
        np.asarray(np.median(distance[rings], axis=1), np.float64),
        np.asarray(np.median(value[rings], axis=1), np.float64),
        count,
    )


def _noise(residual: Floats) -> tuple[float, float]:
    """Spread of residuals (0 where there are none) and the area in px of one independent value.

    In noise smoothed by a Gaussian neighbours have the correlation c = exp(-1 / 4 s^2) and one
    independent value takes 4 pi s^2 = -pi / ln c pixels.
    """
    there = residual != 0
    if there.sum() < FEWEST:
        return np.nan, 1.0
    spread = float(1.4826 * np.median(np.abs(residual[there])))
    limited = np.clip(residual, -3 * spread, 3 * spread)
    pairs = there[:, 1:] & there[:, :-1]
    if not pairs.any() or not spread > 0:
        return spread, 1.0
    products = (limited[:, 1:] * limited[:, :-1])[pairs]
    alike = float(products.mean() / np.square(limited[there]).mean())
    return spread, max(float(-np.pi / np.log(np.clip(alike, 1e-3, 0.95))), 1.0)
