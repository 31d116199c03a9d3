"""Images in which contacts of grains show: steps and kinks of the composition, dark lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.instances.evidence import Floats, Mask

STEP_SIGMAS_PX = 1.5, 4.0
"""A step is steeper the less it is smoothed; a smooth gradient is the same at both (ours)."""

KINK_SIGMAS_PX = 2.0, 5.0
"""A valley or a ridge stands out of its surroundings at these (ours)."""

EDGE_SIGMA_PX = 2.5
"""Smoothing before the gradient whose crests part the pieces (ours)."""

LINE_PX = 11
"""Lines narrower than this are seen as dark lines (ours)."""

DARKEST = 20.0
"""Darkness counts up to this, in units of the noise (ours)."""

DARK_WEIGHT, KINK_WEIGHT = 0.3, 0.7
"""Weight of dark lines and of kinks beside the gradient, for the borders of pieces (ours)."""

MARGIN_PX, DEEP_PX = 3, 6
"""From here inwards the outline does not show in grey, and in what is smoothed more (ours)."""

FEWEST = 200
"""Pixels on which noise is measured, at least (ours)."""


@dataclass(frozen=True)
class ContactFields:
    """What is seen of contacts at each pixel, in units of the noise; shapes (rows, columns)."""

    step: tuple[Floats, Floats]
    """Gradient that a step adds to a smooth composition, along rows and columns."""
    slope: tuple[Floats, Floats]
    """Gradient of the smooth composition, in the same unit."""
    kink: Floats
    """How far the composition lies below (positive) or above its surroundings."""
    darkness: Floats
    """How much darker than what lies on both sides, -2 to 20."""
    unknown: Mask
    """Pixels of the region whose composition is not known: cracks, mostly."""
    edges: Floats
    """What borders of pieces follow: the strongest of gradient, kink and darkness."""


def contact_fields(
    region: Mask, grey: NDArray[Any] | None, mg: NDArray[np.float32] | None
) -> ContactFields | None:
    """Look for what contacts leave in the images.

    Unknown pixels take the composition of the nearest known one, so that a step that a crack
    covers stays a step, in the middle of the crack.

    Parameters
    ----------
    region
        Pixels of olivine, shape (rows, columns), as all arrays.
    grey
        BSE grey in any unit.
    mg
        mg# (fraction), NaN where unknown. Where there is none, grey stands for the composition.

    Returns
    -------
    ContactFields or None
        None where there is neither image, or too little to measure the noise on.
    """
    inside = _inner(region, MARGIN_PX)
    if (grey is None and mg is None) or np.count_nonzero(inside) < FEWEST:
        return None
    darkness = np.zeros(region.shape, np.float32)
    if grey is not None:
        darkness = _darkness(np.ascontiguousarray(grey, np.float32), inside)
    if mg is not None:
        known = region & np.isfinite(mg)
        source = mg
    else:
        known = region & (darkness < DARKEST / 5)
        source = np.asarray(grey, np.float32)
    deep = _inner(known, DEEP_PX)
    if np.count_nonzero(deep) < FEWEST:
        return None
    composition = _filled(source, known)
    fine, coarse = (_gradient(_smooth(composition, sigma)) for sigma in STEP_SIGMAS_PX)
    step, noise = _steps(fine, coarse, deep)
    here, around = (_smooth(composition, sigma) for sigma in KINK_SIGMAS_PX)
    kink = around - here
    kink = kink * np.float32(1 / max(_spread(kink[deep]), 1e-9))
    along, across = _gradient(_smooth(composition, EDGE_SIGMA_PX))
    steep = np.hypot(along, across)
    steep = steep * np.float32(RAYLEIGH_MEDIAN / max(float(np.median(steep[deep])), 1e-9))
    edges = np.maximum(steep, KINK_WEIGHT * np.abs(kink))
    edges = np.maximum(edges, DARK_WEIGHT * darkness)
    unit = np.float32(1 / noise)
    return ContactFields(
        step=step,
        slope=(coarse[0] * unit, coarse[1] * unit),
        kink=kink, darkness=darkness, unknown=region & ~known, edges=_smooth(edges, 1.0),
    )  # fmt: skip


def _steps(
    fine: tuple[Floats, Floats], coarse: tuple[Floats, Floats], deep: Mask
) -> tuple[tuple[Floats, Floats], float]:
    """Difference of two gradients in units of its noise, and that noise."""
    down, right = fine[0] - coarse[0], fine[1] - coarse[1]
    noise = max(_spread(np.concatenate([down[deep], right[deep]])), 1e-9)
    unit = np.float32(1 / noise)
    return (down * unit, right * unit), noise


RAYLEIGH_MEDIAN = 1.1774
"""Median of the length of a vector of two normal values of spread 1: sqrt(2 ln 2)."""


def _inner(mask: Mask, depth: int) -> Mask:
    brush = np.ones((3, 3), np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    eroded = cv2.erode(np.ascontiguousarray(mask).view(np.uint8), cross, iterations=depth % 2)
    return np.asarray(cv2.erode(eroded, brush, iterations=depth // 2) > 0)


def _darkness(grey: Floats, inside: Mask) -> Floats:
    """Depth of dark lines below their sides, by a closing, in units of the noise."""
    smooth = _smooth(grey, 0.8)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (LINE_PX, LINE_PX))
    depth = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, brush) - smooth
    noise = _spread((smooth - _smooth(grey, float(MARGIN_PX)))[inside])
    depth = (depth - np.median(depth[inside])) / max(noise, 1e-3)
    return np.asarray(np.clip(depth, -2, DARKEST), np.float32)


def _filled(values: NDArray[Any], known: Mask) -> Floats:
    """Give unknown pixels the value of the nearest known one."""
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, np.float32)
    table[nearest[known]] = values[known]
    return np.asarray(table[nearest], np.float32)


def _smooth(values: Floats, sigma: float) -> Floats:
    return np.asarray(
        cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32
    )


def _gradient(values: Floats) -> tuple[Floats, Floats]:
    """Central differences along rows and columns."""
    down = cv2.Sobel(values, cv2.CV_32F, 0, 1, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
    right = cv2.Sobel(values, cv2.CV_32F, 1, 0, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(down, np.float32), np.asarray(right, np.float32)


def _spread(values: Floats) -> float:
    """Robust standard deviation."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
