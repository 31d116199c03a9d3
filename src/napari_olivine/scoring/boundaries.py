"""How well outlines agree: the boundary IoU of olivine pixels.

References
----------
Cheng et al. (2021), Boundary IoU, doi 10.1109/CVPR46437.2021.01508.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH_PX = 2
"""Pixels of an outline are so near to it, within the mask."""


class BoundaryCounts:
    """Pixels within a band along the outlines of truth and prediction, on its inner side."""

    def __init__(self) -> None:
        self.shared = self.either = 0

    def add(
        self, truth: NDArray[np.bool_], predicted: NDArray[np.bool_], inner: tuple[slice, slice]
    ) -> None:
        """Count the pixels of a strip.

        Parameters
        ----------
        truth, predicted
            Olivine pixels of the strip with `WIDTH_PX` rows above and below, shape (rows, columns).
        inner
            Where the strip lies in them.
        """
        one, other = (_band(mask)[inner] for mask in (truth, predicted))
        self.shared += int(np.count_nonzero(one & other))
        self.either += int(np.count_nonzero(one | other))

    @property
    def iou(self) -> float | None:
        """Shared over either; `None` without any outline."""
        return self.shared / self.either if self.either else None


def _band(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask that lie within `WIDTH_PX` of its outline."""
    side = 2 * WIDTH_PX + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    # The edge of the section is no outline.
    core = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.asarray(mask & (core == 0))
