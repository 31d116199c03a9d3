"""How much of a pixel along an outline is the phase: linear unmixing of its counts.

X-rays come from a volume wider than a pixel, so the counts along an outline lie between those of
the two sides, and a limit leaves the outline where the limit happens to lie between them. A rule
with strict limits gives a mask that is 1 to 2 um too small all around: a third of the area of a
crystal of 100 um2. The outline belongs where half of the signal comes from the phase.

The share of the phase in a pixel is the place of its counts ``c`` on the line from what lies
outside to what lies inside, ``share = sum w (c - b) (a - b) / sum w (a - b)^2``, with ``a`` and
``b`` the local mean counts of the two sides and ``w`` the reciprocal of their variance. The blur
of a small convex body lowers all shares at its outline; the counts are therefore sharpened by
``c - s^2/2 laplace(c)``, the first term of the inverse of a Gaussian blur of variance ``s^2``.

References
----------
Linear unmixing of mixed pixels: Keshava & Mustard (2002), doi 10.1109/79.974727.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

REACH_PX = 4
"""Distance from the seeds to which an outline is looked for."""

OUTSIDE_PX = 3
"""Distance from the seeds from which pixels hold nothing of the phase."""

WINDOW_PX, WIDE_PX = 6.0, 12.0
"""Standard deviations of the window of a local mean, and of the one that helps out where the
first holds no pixel of a side."""

WIDE_WEIGHT = 1e-3

FEWEST = 1e-7
"""Weight of one side in the window from which its mean is used."""

CELL_PX = 4
"""Local means are computed on cells of this side."""

BORDER_WEIGHT = 0.05
"""Weight of a seed at the rim of the seeds, which may be mixed, in the mean of the inside."""

HALO_PX = CELL_PX * (int(np.ceil(4 * WIDE_PX / CELL_PX)) + 4)
"""Pixels around a block that its outlines depend on, a multiple of `CELL_PX`."""

BLUR_SHARE = 0.5
"""Part of the variance of the X-ray blur that is taken back. All of it overshoots where counts
are few or pixels fine; chosen on phantoms of seeds 101 to 105."""

SMOOTHING_PX, SMOOTHING_OF_BLUR = 0.7, 0.55
"""Least standard deviation of the smoothing of the counts, and the one per X-ray blur."""

THIRD = 30.0
"""Misfit, chi square of the counts beside the line between the two sides, from which a pixel
that the rule does not take holds a third material. Chosen on phantoms of seeds 101 to 201."""

MIDDLE = 0.15
"""Pixels in the middle of an outline have a share within this of one half."""

DIFFERENCE_VARIANCE = 1 / 3
"""Variance that a central difference over two pixels adds to the width of a step, px^2."""


class Claim(NamedTuple):
    """The pixels that a phase claims.

    Parameters
    ----------
    mask
        Pixels of which the phase fills one half or more, bool, shape (rows, columns).
    certainty
        Probability that a pixel is rightly in or out of the mask, per cent, uint8, same shape: 50
        where the share is one half, 100 away from outlines. It holds the noise of the counts alone.
    """

    mask: NDArray[np.bool_]
    certainty: NDArray[np.uint8]


def half_pixel_claim(
    maps: Mapping[str, NDArray[np.float32]],
    seeds: NDArray[np.bool_],
    blur_px: float,
    *,
    measured: NDArray[np.bool_] | None = None,
    noise_floor: float = 1.0,
) -> Claim:
    """Return the pixels of which the phase fills one half or more.

    Parameters
    ----------
    maps
        X-ray maps, float32 arrays of one shape, (rows, columns). The first row and column lie on
        a multiple of `CELL_PX` of the section, so that blocks give the same as one piece.
    seeds
        Pixels that are the phase by its rule, same shape.
    blur_px
        Standard deviation of the blur of the X-rays, px.
    measured
        Pixels in which X-rays were measured, same shape; `None` for all.
    noise_floor
        What is added to the mean of a map for the variance of a pixel: 1 for counts.

    Returns
    -------
    Claim
        Further than `REACH_PX` from the rim of the seeds the mask is the seeds.
    """
    body = _opened(seeds)
    mask = body > 0
    certainty = np.full(mask.shape, 100, np.uint8)
    places = _along(body)
    if len(places):
        sides = _sides(body, measured)
        found = _share(maps, sides, places, _sharpening(blur_px), noise_floor)
        # Without any pixel of one side the seeds are all that is known.
        known = np.isfinite(found.share)
        places, found = places[known], _Shares(*(one[known] for one in found))
        own = mask.ravel()[places] | (found.misfit < THIRD)
        mask.ravel()[places] = (found.share >= 0.5) & own
        right = ndtr(np.abs(found.share - 0.5) / found.error)
        certainty.ravel()[places] = np.rint(100 * right).astype(np.uint8)
    return Claim(mask, certainty)


def blur_of_outlines(
    maps: Mapping[str, NDArray[np.float32]],
    seeds: NDArray[np.bool_],
    *,
    measured: NDArray[np.bool_] | None = None,
    noise_floor: float = 1.0,
) -> NDArray[np.float32]:
    """Measure the blur of the X-rays by how steeply the share rises across outlines.

    Across a straight outline the share is a cumulative normal distribution, whose slope in the
    middle is ``1 / (sqrt(2 pi) s)``.

    Parameters
    ----------
    maps, seeds, measured, noise_floor
        As for `half_pixel_claim`.

    Returns
    -------
    ndarray
        Standard deviation of the blur, px, at each pixel in the middle of an outline; 0 where the
        outline is as steep as the smoothing alone makes it.
    """
    body = _opened(seeds)
    places = _along(body)
    share = np.full(body.shape, np.nan, np.float32)
    if not len(places):
        return np.zeros(0, np.float32)
    smoothing = _gaussian(SMOOTHING_PX)[0].astype(np.float32)
    sides = _sides(body, measured)
    share.ravel()[places] = _share(maps, sides, places, smoothing, noise_floor).share
    down, across = np.gradient(share)
    slope = np.hypot(down, across)[np.abs(share - 0.5) < MIDDLE]
    slope = slope[np.isfinite(slope) & (slope > 0)]
    variance = 1 / (2 * np.pi * slope**2) - SMOOTHING_PX**2 - DIFFERENCE_VARIANCE
    return np.asarray(np.sqrt(np.maximum(variance, 0)), np.float32)


def _sides(
    body: NDArray[np.uint8], measured: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weight of each pixel in the mean of the inside and in that of the outside."""
    core = cv2.erode(body, _SQUARE)
    inside = BORDER_WEIGHT * body.astype(np.float32) + (1 - BORDER_WEIGHT) * core
    outside = (1 - _dilated(body, OUTSIDE_PX)).astype(np.float32)
    if measured is not None:
        inside *= measured
        outside *= measured
    return inside, outside


def _share(
    maps: Mapping[str, NDArray[np.float32]],
    sides: tuple[NDArray[np.float32], NDArray[np.float32]],
    places: NDArray[np.intp],
    kernel: NDArray[np.float32],
    noise_floor: float,
) -> _Shares:
    """Return the share of the phase in some pixels; NaN where one side has no pixel near."""
    cells = _Cells(sides[0].shape, places)
    amounts = [cells.window(side) for side in sides]
    above, below, square = np.zeros((3, len(places)), np.float32)
    for values in maps.values():
        a, b = (
            cells.at_places(np.divide(cells.window(values * side), np.maximum(amount, _TINY)))
            for side, amount in zip(sides, amounts, strict=True)
        )
        counts = cv2.filter2D(values, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101)
        weight = 1 / (np.maximum(a + b, 0) / 2 + np.float32(noise_floor))
        off = counts.ravel()[places] - b
        above += weight * off * (a - b)
        below += weight * (a - b) ** 2
        square += weight * off**2
    share = np.asarray(above / np.maximum(below, _TINY), np.float32)
    for amount in amounts:
        share[cells.at_places(amount) < FEWEST] = np.nan
    # The variance of a weighted sum of pixels is that of one times the sum of squared weights.
    variance = np.float32((kernel**2).sum())
    error = np.sqrt(variance / np.maximum(below, _TINY))
    misfit = (square - share * above) / variance
    return _Shares(share, np.asarray(error, np.float32), np.asarray(misfit, np.float32))


class _Shares(NamedTuple):
    """Shares of a phase in some pixels, one-dimensional.

    Parameters
    ----------
    share
        Share of the phase.
    error
        Its standard error, by the noise of the counts.
    misfit
        Chi square of what no mixture of the two sides explains.
    """

    share: NDArray[np.float32]
    error: NDArray[np.float32]
    misfit: NDArray[np.float32]


class _Cells:
    """Local means on a coarse grid, and their values at some pixels.

    Parameters
    ----------
    shape
        Shape of the image.
    places
        Places of the pixels in the flat image.
    """

    _ROW = 1024
    """OpenCV takes no more than 32,767 places in a row."""

    def __init__(self, shape: tuple[int, ...], places: NDArray[np.intp]) -> None:
        self.shape = shape
        self.count = len(places)
        rows, columns = np.divmod(places, shape[1])
        filled = np.zeros((2, -(-self.count // self._ROW) * self._ROW), np.float32)
        for line, values in zip(filled, (columns, rows), strict=True):
            line[: self.count] = (values + 0.5) / CELL_PX - 0.5
        self._x, self._y = filled.reshape(2, -1, self._ROW)

    def window(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of an image in the window around each cell."""
        height, width = (-(-side // CELL_PX) for side in self.shape)
        missing = height * CELL_PX - self.shape[0], width * CELL_PX - self.shape[1]
        if any(missing):
            image = np.pad(image, ((0, missing[0]), (0, missing[1])), mode="edge")
        cells = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        near, wide = (
            cv2.GaussianBlur(cells, (0, 0), sigma / CELL_PX, borderType=cv2.BORDER_REFLECT_101)
            for sigma in (WINDOW_PX, WIDE_PX)
        )
        return np.asarray(near + np.float32(WIDE_WEIGHT) * wide, np.float32)

    def at_places(self, cells: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the values of an image of cells at the pixels, linear between cells."""
        values = cv2.remap(
            cells, self._x, self._y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(values.ravel()[: self.count], np.float32)


def _sharpening(blur_px: float) -> NDArray[np.float32]:
    """Return the kernel that smooths counts and takes the smoothing and part of the blur back."""
    sigma = max(SMOOTHING_PX, SMOOTHING_OF_BLUR * blur_px)
    smooth, square = _gaussian(sigma)
    curvature = smooth * (square - 2) / sigma**2
    curvature -= curvature.mean()
    taken_back = sigma**2 + BLUR_SHARE * blur_px**2
    return np.asarray(smooth - taken_back / 2 * curvature, np.float32)


def _gaussian(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a Gaussian kernel of sum 1, and the square of the distance in units of sigma."""
    reach = int(np.ceil(4 * sigma))
    x = np.arange(-reach, reach + 1)
    square = (x[:, np.newaxis] ** 2 + x**2) / sigma**2
    smooth = np.exp(-square / 2)
    return smooth / smooth.sum(), square


_TINY = np.float32(1e-12)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


def _opened(seeds: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Leave out seeds that are narrower than the smallest cross: chance, not crystals."""
    return np.asarray(cv2.morphologyEx(seeds.astype(np.uint8), cv2.MORPH_OPEN, _CROSS), np.uint8)


def _along(body: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the places, in the flat image, on both sides of the rim of the seeds."""
    if not body.any():
        return np.zeros(0, np.intp)
    along = (_dilated(body, REACH_PX) > 0) & (_dilated(1 - body, REACH_PX) > 0)
    return np.flatnonzero(along)


def _dilated(image: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    """Widen an image by an octagon, in pixels."""
    for step in range(reach):
        image = np.asarray(cv2.dilate(image, (_CROSS, _SQUARE)[step % 2]), np.uint8)
    return image
