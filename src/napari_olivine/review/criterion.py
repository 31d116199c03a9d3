"""One criterion of uncertainty, and the statistics that criteria are made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEW = 10
"""Fewer crystals of a size class are compared with the crystals of all sizes."""


@dataclass(frozen=True)
class Criterion:
    """One feature that makes a crystal uncertain.

    Parameters
    ----------
    column
        Column of the table of uncertainty that it adds to.
    weight
        Doubt from this criterion alone at full strength.
    strength
        0 (nothing unusual, or not measured) to 1, shape (crystals,).
    words
        Describes the feature, for the crystal in one row.
    """

    column: str
    weight: float
    strength: Floats
    words: Callable[[int], str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", np.clip(np.nan_to_num(self.strength), 0, 1))

    @property
    def doubt(self) -> Floats:
        """Doubt from this criterion alone, 0 to 1, shape (crystals,)."""
        return self.weight * self.strength


def numbers(table: pd.DataFrame, name: str) -> Floats:
    """Numbers of a column, NaN where the table has none."""
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def ramp(values: Floats, none: float, full: float) -> Floats:
    """Rise linearly from 0 to 1, and stay level beyond.

    Parameters
    ----------
    values
        Any shape; NaN stays NaN.
    none, full
        Values that give 0 and 1.

    Returns
    -------
    float64 array
        Of that shape.
    """
    return np.clip((values - none) / (full - none), 0, 1)


def robust_z(values: Floats, groups: NDArray[np.object_], least: float) -> Floats:
    """Distance from the median of the group in robust standard deviations.

    Parameters
    ----------
    values
        NaN where unknown, shape (crystals,).
    groups
        Name of the group of each. One of fewer than `FEW` is compared with all.
    least
        Smallest standard deviation, so that no group of equals makes outliers of the rest.

    Returns
    -------
    numpy.ndarray
        (value - median) / (1.4826 median absolute deviation), NaN where unknown or too few.
    """
    found = np.full(len(values), np.nan)
    there = np.isfinite(values)
    codes, names = pd.factorize(groups)
    for code in range(len(names)):
        group = (codes == code) & there
        others = group if group.sum() >= FEW else there
        if others.sum() < FEW:
            continue
        middle = np.median(values[others])
        spread = 1.4826 * np.median(np.abs(values[others] - middle))
        found[group] = (values[group] - middle) / max(float(spread), least)
    return found


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Find the value below which a share of the weight lies, interpolated.

    Parameters
    ----------
    values, weights
        Shape (n,).
    share
        0 to 1.

    Returns
    -------
    float
        In the unit of `values`.
    """
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(share * weights.sum(), below, values[order]))
