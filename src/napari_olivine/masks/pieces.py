"""Connected pieces of a phase by their area."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.masks.rules import Rule

LARGEST_PX = 4096
"""Largest limit of an area, pixels: a block is read with so many pixels around it."""


def area_limits_px(rule: Rule, pixel_um: float) -> tuple[float, float]:
    """Return the limits of the area of a piece in pixels.

    Parameters
    ----------
    rule
        The rule.
    pixel_um
        Side of a pixel, um.

    Raises
    ------
    InputError
        If a limit is larger than can be told block by block.
    """
    least, most = (area / pixel_um**2 for area in rule.area_um2)
    largest = max(area for area in (least, most, 0.0) if area < math.inf)
    if largest > LARGEST_PX:
        raise InputError(
            f"An area of {largest * pixel_um**2:g} um2 is too large for {{setting:rule}}: at "
            f"{pixel_um:g} um a pixel it can be told up to {LARGEST_PX * pixel_um**2:g} um2.",
            remedy="Use it for specks; crystals have their area in the table of {step:crystals}.",
            setting="rule",
        )
    return least, most


def reach_px(limits: tuple[float, float]) -> int:
    """Return the pixels around a block by which the area of its pieces is known well enough.

    A piece with fewer pixels than the limit that holds a pixel of the block ends within so many
    pixels; what reaches further is larger than the limit.

    Parameters
    ----------
    limits
        See `area_limits_px`.
    """
    return math.ceil(max(area for area in (*limits, 0.0) if area < math.inf))


def without_areas(mask: NDArray[np.bool_], limits: tuple[float, float]) -> NDArray[np.bool_]:
    """Leave only pieces within limits of the area; pixels that touch in a corner are connected.

    Parameters
    ----------
    mask
        Pixels of the phase, shape (rows, columns).
    limits
        Smallest and largest area, px.
    """
    least, most = limits
    if (least, most) == (0.0, math.inf) or not mask.any():
        return mask
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    right = (areas > least) & (areas < most)
    right[0] = False
    return np.asarray(right[labels])
