"""The extent of a sample in its frame, by which the scale of two images is compared."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_OF_BORDER = 0.7
"""Share of the frame's border that the surroundings of a sample fill; else it fills the frame."""

LEAST_OF_LINE = 0.05
"""Share of a row or column that is sample where the sample begins."""


def extent_in_grey(grey: NDArray[np.float32]) -> tuple[int, int] | None:
    """Return rows and columns of a sample that is brighter than what surrounds it.

    Parameters
    ----------
    grey
        Grey of the SEM image.

    Returns
    -------
    tuple of int or None
        `None` where the sample reaches the border of the frame.
    """
    low, high = (float(v) for v in np.percentile(grey, [0.5, 99.5]))
    steps = np.clip((grey - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    _, sample = cv2.threshold(cv2.medianBlur(steps, 5), 0, 1, cv2.THRESH_OTSU)
    return _extent(sample.astype(bool))


def extent_in_map(classes: NDArray[np.uint8]) -> tuple[int, int] | None:
    """Return rows and columns of a sample in a map: of all classes but that of the border.

    Parameters
    ----------
    classes
        Class of each pixel.

    Returns
    -------
    tuple of int or None
        `None` where the sample reaches the border.
    """
    return _extent(classes != np.bincount(_border(classes)).argmax())


def _extent(sample: NDArray[np.bool_]) -> tuple[int, int] | None:
    if _border(sample).mean() > 1 - LEAST_OF_BORDER:
        return None
    rows, columns = (np.flatnonzero(sample.mean(axis) > LEAST_OF_LINE) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return None
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)


def _border(image: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
