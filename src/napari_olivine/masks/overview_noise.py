"""What a rule decides at full resolution, told from means of counts.

A rule averages the significance of each pixel, margin over standard error. That of a mean of counts
is another number: the standard error of a pixel goes with its own counts, so that pixels which
happen to hold few of them weigh more. With some tens of counts the two agree; with a few, a limit
near the mean would take a third of what it takes at full resolution. For Poisson counts the
expected significance of the pixels of a mean m is known to the second order,

    E[f] = f(m) + 1/2 (1 - 1/n) sum_k m_k d2f/dN_k2,    f = margin / sqrt(variance),

n being the pixels of a mean, (1 - 1/n) m_k the variance of a count about it.

References
----------
Oehlert (1992), doi 10.2307/2684406: moments of functions of random numbers (delta method).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.rules import Condition

Maps = Mapping[str, NDArray[np.float32]]


def expected_significance(condition: Condition, maps: Maps, pixels: int) -> NDArray[np.float32]:
    """Return the mean significance of the pixels of each mean.

    Parameters
    ----------
    condition
        The condition.
    maps
        Means of counts.
    pixels
        Pixels of a mean.

    Returns
    -------
    ndarray
        Of the shape of the maps; with one pixel it is the significance of `Condition`.
    """
    slope, offset = slope_and_offset(condition, maps, pixels)
    return np.asarray(slope * condition.margin(maps) + offset, np.float32)


def slope_and_offset(
    condition: Condition, maps: Maps, pixels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what the margin is multiplied by for the expected significance, and what is added.

    Parameters
    ----------
    condition
        The condition.
    maps
        Means of counts.
    pixels
        Pixels of a mean.

    Returns
    -------
    slope, offset : ndarray
        Of the shape of the maps.
    """
    variance = condition.variance(maps)
    error = np.sqrt(variance)
    if pixels == 1:
        return np.asarray(1 / error, np.float32), np.zeros_like(error)
    sign = -1.0 if condition.below else 1.0
    first: dict[str, float] = {}
    squares: dict[str, float] = {}
    for total, factor in (
        (condition.numerator, sign),
        (condition.denominator, -sign * condition.limit),
    ):
        for signal, weight in total.weights:
            first[signal] = first.get(signal, 0.0) + factor * weight
            squares[signal] = squares.get(signal, 0.0) + (factor * weight) ** 2
    about = np.float32(0.5 * (1 - 1 / pixels))
    slope: Any = np.float32(0)
    offset: Any = np.float32(0)
    for signal, square in squares.items():
        slope = slope + np.float32(0.75 * square**2) * maps[signal]
        offset = offset - np.float32(first[signal] * square) * maps[signal]
    slope = (1 + about * slope / variance**2) / error
    return np.asarray(slope, np.float32), np.asarray(about * offset / variance / error, np.float32)
