"""A rule applied to maps, pixel by pixel or by neighbours together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.patches import Patch, each, go_on, patches
from napari_olivine.masks.rules import COUNTS, Condition, Rule
from napari_olivine.section import Block

Maps = Mapping[str, NDArray[Any]]
"""Counts (or wt%) of each signal, arrays of one shape and of any real type."""

Values = Mapping[str, NDArray[np.float32]]
"""The same of a patch and its halo."""


def phase_of(rule: Rule, maps: Maps, smoothing_px: float) -> NDArray[np.bool_]:
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
    return phases_of([rule], maps, smoothing_px)[0]


def phases_of(
    rules: Sequence[Rule],
    maps: Maps,
    smoothing_px: float,
    check: Callable[[], None] = go_on,
) -> list[NDArray[np.bool_]]:
    """Apply several rules to element maps.

    Parameters
    ----------
    rules
        Definitions of the phases.
    maps, smoothing_px
        See `phase_of`.
    check
        Called again and again; what it raises stops the work.

    Returns
    -------
    list of ndarray
        One a rule, as of `phase_of`.
    """
    shape = next(iter(maps.values())).shape
    found = [np.empty(shape, bool) for _ in rules]
    signals = sorted({signal for rule in rules for signal in rule.signals})

    def decide(patch: Patch) -> None:
        values = in_floats(maps, signals, patch.wide)
        for rule, one in zip(rules, found, strict=True):
            holds = _Holds(rule, values, smoothing_px)
            one[patch.place] = rule.where.of(holds)[patch.inner]

    each(decide, patches(shape, ceil(4 * smoothing_px)), check)
    return found


def conditions_of(rule: Rule, maps: Maps, smoothing_px: float) -> list[NDArray[np.bool_]]:
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
    shape = next(iter(maps.values())).shape
    found = [np.empty(shape, bool) for _ in rule.conditions]

    def decide(patch: Patch) -> None:
        holds = _Holds(rule, in_floats(maps, rule.signals, patch.wide), smoothing_px)
        for number, one in enumerate(found):
            one[patch.place] = holds(number)[patch.inner]

    each(decide, patches(shape, ceil(4 * smoothing_px)))
    return found


def in_floats(maps: Maps, signals: Sequence[str], place: Block) -> dict[str, NDArray[np.float32]]:
    """Return a part of some maps as float32.

    Parameters
    ----------
    maps
        Maps of a block.
    signals
        Which of them.
    place
        The part.

    Returns
    -------
    dict
        The part of each, by its signal.
    """
    return {signal: np.asarray(maps[signal][place], np.float32) for signal in signals}


class _Holds:
    """Tells where a condition of a rule holds in a patch, by its number."""

    def __init__(self, rule: Rule, values: Values, smoothing_px: float) -> None:
        self.rule, self.values, self.smoothing_px = rule, values, smoothing_px

    def __call__(self, number: int) -> NDArray[np.bool_]:
        condition = self.rule.conditions[number]
        if self.smoothing_px == 0:
            return condition.holds(self.values)
        margin = self._margin(condition)
        cv2.GaussianBlur(
            margin, (0, 0), self.smoothing_px, dst=margin, borderType=cv2.BORDER_REFLECT_101
        )
        return margin > 0

    def _margin(self, condition: Condition) -> NDArray[np.float32]:
        """Return what is averaged: only of counts the noise is known."""
        if self.rule.unit == COUNTS:
            return condition.significance(self.values)
        return condition.margin(self.values)
