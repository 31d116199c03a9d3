"""Numbers of a threshold: the share of the area, and the crystals on the screen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference import stored_threshold


def share_of(histogram: NDArray[Any], threshold: float) -> float:
    """Return the share of the pixels that reach a threshold.

    Parameters
    ----------
    histogram
        Pixels with each stored value, shape (256,).
    threshold
        Probability.

    Returns
    -------
    float
        0-1, NaN where there are no pixels.
    """
    total = float(histogram.sum())
    return float(histogram[stored_threshold(threshold) :].sum()) / total if total else float("nan")


def crystals_in(probability: NDArray[np.uint8], threshold: float, least_px: float) -> int:
    """Count the connected areas that reach a threshold.

    Parameters
    ----------
    probability
        Stored probabilities on the screen.
    threshold
        Probability.
    least_px
        Areas of fewer pixels do not count.

    Returns
    -------
    int
        Number of areas, 8-connected.
    """
    import cv2

    mask = (probability >= stored_threshold(threshold)).astype(np.uint8)
    count, _, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = statistics[1:count, cv2.CC_STAT_AREA]
    return int((areas >= least_px).sum())
