"""Downsampling by two for overviews: by mean, mode or nearest, as the kind of image needs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Reduction = Literal["mean", "nanmean", "mode", "nearest"]
"""How 2 x 2 pixels become one.

``mean``
    Grey values. Whole numbers are rounded half up: (a + b + c + d + 2) // 4. A pixel that was
    never written counts with its fill value, so the rim of a gap is darker in an overview.
``nanmean``
    Values that exist on some pixels only: the mean of those that are finite, NaN if none is.
``mode``
    Masks and labels: the value that occurs most often. A tie is won by a label against 0, and
    among labels by the smaller one: a lath that is one pixel thin along rows or columns stays in
    every overview, where it looks thicker than it is; single pixels and some thin diagonals
    vanish. Areas are therefore measured at full resolution.
``nearest``
    The top left pixel; only read, in sections written before there was ``mode``.
"""


def halve(image: NDArray[Any], reduction: Reduction) -> NDArray[Any]:
    """Halve an image's rows and columns (odd sides: the last row or column counts twice).

    Parameters
    ----------
    image
        Shape (rows, columns), not empty.
    reduction
        How 2 x 2 pixels become one.
    """
    if reduction == "nearest":
        return image[::2, ::2]
    if reduction == "mode":
        return _mode(image)
    if reduction == "nanmean":
        return _nanmean(image)
    return _mean(image)


FAST = ("uint8", "uint16", "int16", "float32", "float64")
"""Types that OpenCV averages in areas of 2 x 2 with the rounding stated above."""


def _mean(image: NDArray[Any]) -> NDArray[Any]:
    if image.dtype.name in FAST:
        return _halve_by_area(image)
    a, b, c, d = _quarters(image)
    if image.dtype.kind in "iu":
        # Quotients and remainders by themselves: the sum of four would leave the type.
        whole = a // 4 + b // 4 + c // 4 + d // 4
        rest = (a % 4 + b % 4 + c % 4 + d % 4 + 2) // 4
        return np.asarray(whole + rest, image.dtype)
    return np.asarray((a + b + c + d) / 4, image.dtype)


def _nanmean(image: NDArray[Any]) -> NDArray[Any]:
    there = np.isfinite(image)
    values = _halve_by_area(np.where(there, image, image.dtype.type(0)))
    share = _halve_by_area(there.astype(image.dtype))
    # Both were divided by four, which changes no digit.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(values / share, image.dtype)


def _mode(image: NDArray[Any]) -> NDArray[Any]:
    if image.dtype.kind == "b":
        return _mode(image.astype(np.uint8)).astype(bool)
    if image.dtype.kind != "u":
        raise ValueError(f"Labels must be whole numbers from 0, not {image.dtype}.")
    one = image.dtype.type(1)
    # Less one, 0 becomes the largest number and so the last choice in a tie.
    a, b, c, d = (quarter - one for quarter in _quarters(image))
    low, high = np.minimum(a, b), np.maximum(a, b)
    low2, high2 = np.minimum(c, d), np.maximum(c, d)
    first, last = np.minimum(low, low2), np.maximum(high, high2)
    middle, middle2 = np.maximum(low, low2), np.minimum(high, high2)
    second, third = np.minimum(middle, middle2), np.maximum(middle, middle2)
    # In order of size, the first pair of equals is the mode; without any, all four tie.
    mode = np.where(third == last, third, first)
    mode = np.where(second == third, second, mode)
    mode = np.where(first == second, first, mode)
    return np.asarray(mode + one, image.dtype)


def _halve_by_area(image: NDArray[Any]) -> NDArray[Any]:
    import cv2  # 16 MB that a window which only shows a section does not need

    rows, columns = image.shape
    if rows % 2 or columns % 2:
        image = cv2.copyMakeBorder(
            np.ascontiguousarray(image), 0, rows % 2, 0, columns % 2, cv2.BORDER_REPLICATE
        )
    size = ((columns + 1) // 2, (rows + 1) // 2)
    return np.asarray(
        cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    ).reshape(size[1], size[0])


def _quarters(image: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    rows, columns = image.shape
    if rows % 2 or columns % 2:
        image = np.pad(image, ((0, rows % 2), (0, columns % 2)), mode="edge")
    return image[0::2, 0::2], image[0::2, 1::2], image[1::2, 0::2], image[1::2, 1::2]
