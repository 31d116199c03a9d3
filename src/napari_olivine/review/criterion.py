"""A feature that speaks against a crystal, and the statistics that features are made with."""

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
    """One feature that speaks against a crystal.

    Parameters
    ----------
    ground
        Ground that it belongs to, a column of the doubts.
    weight
        Doubt that it brings by itself where it is at its strongest.
    strength
        0 (nothing unusual, or not measured) to 1, shape (crystals,).
    words
        Says in words what it is, for the crystal in one row.
    """

    ground: str
    weight: float
    strength: Floats
    words: Callable[[int], str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", np.clip(np.nan_to_num(self.strength), 0, 1))

    @property
    def doubt(self) -> Floats:
        """Doubt that it brings by itself, shape (crystals,)."""
        return self.weight * self.strength


def column(table: pd.DataFrame, name: str) -> Floats:
    """Numbers of a column, NaN where the table has none."""
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def ramp(values: Floats, none: float, full: float) -> Floats:
    """0 at `none`, 1 at `full`, linear between and level beyond; NaN stays NaN."""
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
    """Value below which a share of the weight lies, shapes (n,); interpolated."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(share * weights.sum(), below, values[order]))
