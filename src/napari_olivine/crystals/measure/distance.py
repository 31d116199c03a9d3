"""Exact distances in crystals, the same at every run.

OpenCV's exact distances differ in their last digits from call to call (its processor-specific
part adds in another order), and a watershed may then part crystals elsewhere. Their squares are
whole numbers, so rounding the squares gives the exact distances.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def exact_distance(inside: NDArray[Any]) -> NDArray[np.float32]:
    """Distance of each pixel to the nearest one that is not inside, in pixels.

    Parameters
    ----------
    inside
        Mask, shape (rows, columns); bool or uint8.

    Returns
    -------
    ndarray, shape (rows, columns)
        Euclidean distance between pixel centres; 0 outside, very far where all is inside.
    """
    away = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.sqrt(np.rint(np.square(away, dtype=np.float64))), np.float32)
