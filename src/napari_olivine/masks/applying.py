"""A rule applied to maps, pixel by pixel or by neighbours together."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.rules import COUNTS, Rule


def phase_of(
    rule: Rule, maps: Mapping[str, NDArray[np.float32]], smoothing_px: float
) -> NDArray[np.bool_]:
    """Apply a rule to element maps.

    Parameters
    ----------
    rule
        Definition of the phase.
    maps
        Counts (or wt%) of every signal of the rule, shape (rows, columns).
    smoothing_px
        0: each pixel by itself. Otherwise the significance of each condition (its margin over its
        Poisson standard error; for wt% the margin itself) is averaged by a Gaussian of this
        standard deviation, so that neighbours decide together where a single pixel holds too few
        counts.

    Returns
    -------
    ndarray
        Whether each pixel is the phase, bool, shape (rows, columns).
    """
    return rule.of(conditions_of(rule, maps, smoothing_px))


def conditions_of(
    rule: Rule, maps: Mapping[str, NDArray[np.float32]], smoothing_px: float
) -> list[NDArray[np.bool_]]:
    """Tell for each condition of a rule where it holds.

    Parameters
    ----------
    rule, maps, smoothing_px
        See `phase_of`.

    Returns
    -------
    list of ndarray
        One a condition, bool, shape (rows, columns).
    """
    if smoothing_px == 0:
        return [condition.holds(maps) for condition in rule.conditions]
    held = []
    for condition in rule.conditions:
        # Only of counts the noise is known; quantities are averaged as they are.
        margin = condition.significance(maps) if rule.unit == COUNTS else condition.margin(maps)
        even = cv2.GaussianBlur(margin, (0, 0), smoothing_px, borderType=cv2.BORDER_REFLECT_101)
        held.append(even > 0)
    return held
