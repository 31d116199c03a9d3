"""Outlines along the sides of pixels, filled again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def rasterise(rings: Iterable[ArrayLike], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Fill rings by the even-odd rule.

    Parameters
    ----------
    rings
        Corners x, y of closed lines along the sides of pixels; the first corner may be repeated.
    shape
        Rows and columns of the image.
    """
    inside = np.zeros(shape, bool)
    for ring in rings:
        corners = np.asarray(ring).astype(int)
        for (x, y), (next_x, next_y) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            assert x == next_x or y == next_y, "not along the sides of the pixels"
            inside[min(y, next_y) : max(y, next_y), x:] ^= True
    return inside
