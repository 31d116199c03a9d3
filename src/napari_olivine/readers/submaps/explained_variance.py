"""How much of the section's BSE grey the images of a submap explain, at every place.

The grey of BSE follows the mean atomic number, so element maps tell it almost linearly, but how
is not known beforehand. At the right place a linear combination of the maps fits the grey; at a
wrong one nothing does. The share of the variance that the best combination explains (R squared)
is, for maps that were made uncorrelated, the sum of their squared correlations: every place is
looked at by one normalised cross-correlation a map. A BSE image of the submap is one more map.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

HIGH_PASS = 0.2
"""Wavelengths longer than some of these shares of the submap's shorter side are left out: they are
drift and shading."""

FAINT = 1e-3
"""A combination of maps with less than this share of the largest one's variance is noise."""

CLIPPED = 5.0
"""Values are cut at so many robust standard deviations: holes and oxides are not all."""


def high_passed(image: Floats, side: int) -> Floats:
    """Cut extremes and take off what varies slowly.

    Parameters
    ----------
    image
        Grey or counts, shape (rows, columns).
    side
        Shorter side of the submap in pixels of the image.
    """
    sample = image[:: max(1, image.shape[0] // 512), :: max(1, image.shape[1] // 512)]
    middle = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - middle))) or float(sample.std())
    cut = np.clip(image, middle - CLIPPED * spread, middle + CLIPPED * spread)
    slow = cv2.GaussianBlur(cut, (0, 0), max(HIGH_PASS * side, 2.0))
    return np.asarray(cut - slow, np.float32)


def uncorrelated(maps: Sequence[Floats]) -> list[Floats]:
    """Turn maps of one shape into combinations of them that are uncorrelated, by variance.

    Each map counts alike, whatever its counts.
    """
    values = np.stack([one.ravel() for one in maps]).astype(np.float64)
    values -= values.mean(axis=1, keepdims=True)
    spread = values.std(axis=1)
    values = values[spread > 0] / spread[spread > 0, None]
    if not len(values):
        return []
    variance, turned = np.linalg.eigh(values @ values.T / values.shape[1])
    kept = [k for k in np.argsort(-variance) if variance[k] > FAINT * variance.max()]
    return [(turned[:, k] @ values).reshape(maps[0].shape).astype(np.float32) for k in kept]


def explained(grey: Floats, maps: Sequence[Floats]) -> Floats:
    """Share of the variance of the grey that the maps explain at every place.

    Parameters
    ----------
    grey
        High-passed grey of the section or of a part of it.
    maps
        Uncorrelated maps, smaller than the grey.

    Returns
    -------
    ndarray
        R squared with the maps' first pixel at each pixel of the grey; shape of the grey less that
        of the maps plus one.
    """
    total = np.zeros((), np.float32)
    for one in maps:
        found = cv2.matchTemplate(grey, one, cv2.TM_CCOEFF_NORMED)
        total = total + np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0) ** 2
    return np.asarray(np.minimum(total, 1.0), np.float32)


def fitted(grey: Floats, maps: Sequence[Floats], used: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Combine maps to what fits a grey best.

    Parameters
    ----------
    grey
        Grey on the grid of the maps.
    maps
        The maps.
    used
        Pixels that count.

    Returns
    -------
    combination : ndarray
        Shape of the maps.
    share : float
        Share of the variance that it explains.
    """
    columns = np.stack([np.ones(int(used.sum())), *(one[used] for one in maps)], axis=1)
    weights, *_ = np.linalg.lstsq(columns.astype(np.float64), grey[used].astype(np.float64))
    whole = weights[0] + sum(w * one for w, one in zip(weights[1:], maps, strict=True))
    left = grey[used] - whole[used]
    share = 1 - float(left.var()) / max(float(grey[used].var()), 1e-12)
    return np.asarray(whole, np.float32), max(share, 0.0)
