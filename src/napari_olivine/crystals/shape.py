"""Outline of one crystal in its box: holes, distance to the outside, axes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops

Sides = tuple[bool, bool, bool, bool]
"""Whether the top, bottom, left and right side of a box lie on the edge of the section."""


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill what does not reach the outside of the box, going from pixel to pixel by sides."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    cv2.floodFill(outside, None, (0, 0), 2, flags=4)
    return np.asarray(outside[1:-1, 1:-1] != 2)


def outline_distance(
    filled: NDArray[np.bool_], on_edge: Sides = (False, False, False, False)
) -> NDArray[np.float32]:
    """Distance of each pixel to the outer outline, in pixels; 1 for pixels along it.

    Where the section ends there is no outline of the crystal, so that side is not counted,
    unless the crystal has no other.

    Parameters
    ----------
    filled
        Crystal without holes.
    on_edge
        Sides of the box that lie on the edge of the section.
    """
    top, bottom, left, right = (0 if edge else 1 for edge in on_edge)
    padded = np.pad(filled, ((top, bottom), (left, right))).astype(np.uint8)
    if padded.all():
        top, bottom, left, right = 1, 1, 1, 1
        padded = np.pad(filled, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    rows, columns = filled.shape
    return np.asarray(distance[top : top + rows, left : left + columns], np.float32)


def axes_px(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Major and minor axis of the ellipse with the same second moments, in pixels."""
    (crystal,) = regionprops(mask.astype(np.uint8))  # type: ignore[no-untyped-call]
    # A pixel is a square: it has the second moment 1/12 about its own centre.
    major, minor = 4 * np.sqrt(np.asarray(crystal.inertia_tensor_eigvals) + 1 / 12)
    return float(major), float(minor)
