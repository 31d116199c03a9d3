"""Limits of a rule against what the maps hold: the valleys between populations of pixels.

Counts depend on detector and dwell time, and so do the limits of a rule. Pixels that meet all other
conditions show populations in the histogram of a ratio (olivine, orthopyroxene): a limit belongs in
the valley between two of them. One that lies within a population separates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from napari_olivine.masks.rules import Condition, Rule, with_conditions, with_limit

Sample = Mapping[str, NDArray[np.float32]]
"""Smoothed values of each signal at the same pixels, one-dimensional."""

OCTAVES, BINS_PER_OCTAVE = 6, 32
"""The histogram reaches from 1/64 of the limit to 64 times it, in steps of 2 %."""

SMOOTHING_BINS = 2.0

REACH_OF_RATIO = 0.7
"""Octaves by which the limit of a ratio may move: detectors change a ratio by less than 1.6."""

BESIDE = 1.0
"""Octaves on either side of a limit in which its neighbouring populations are looked for."""

ABOVE_OLIVINE = 1.3
"""Si/(Mg + Fe) up to which a pixel can be olivine, over what most olivine of the maps has.

From Fo90 to Fo60 it rises by 1.25. Serpentine has 1.4 times that of the olivine beside it and
orthopyroxene twice, whatever the detector.
"""

SILICON = "Si/(Mg + Fe)"

LEAST_SILICON = 0.4
"""Si/(Mg + Fe) of olivine is above it on every detector that was seen."""

POPULATION = 0.05
"""A peak of a histogram is a population from this share of the highest one."""

FEWEST = 200
"""Pixels below which a histogram says nothing."""

DEEP = 0.5
"""A valley is at most so high, of the lower of the two populations beside it."""

SMALLEST = 0.02
"""The lower population has at least this share of the height of the other one."""

NEAR = float(np.log2(1.1))
CROWDED = 0.25
"""A limit cuts a population where so many pixels lie within 10 % of it; fewer are a tail."""


@dataclass(frozen=True)
class Histogram:
    """Density of pixels along the logarithm of a value over a limit.

    Parameters
    ----------
    octaves
        Logarithm to base 2 of value over limit, at the middle of each bin.
    density
        Pixels in each bin, smoothed.
    pixels
        Number of pixels.
    """

    octaves: NDArray[np.float64]
    density: NDArray[np.float64]
    pixels: int

    def at_limit(self) -> float:
        """Return the density at the limit."""
        return float(np.interp(0.0, self.octaves, self.density))

    def peak(self, start: float, stop: float) -> float:
        """Return the highest density between two places, octaves."""
        inside = (self.octaves >= start) & (self.octaves <= stop)
        return float(self.density[inside].max(initial=0.0))

    def first_population(self) -> float:
        """Return the place of the lowest peak that is a population, octaves."""
        inner = self.density[1:-1]
        peaks = (inner >= self.density[:-2]) & (inner > self.density[2:])
        high = self.density >= POPULATION * self.density.max()
        places = np.flatnonzero(peaks & high[1:-1])
        return float(self.octaves[1 + places[0]] if len(places) else 0.0)

    def valley(self, reach: float) -> float | None:
        """Return the deepest place between two populations, octaves; `None` if there is none.

        Parameters
        ----------
        reach
            How far from the limit it may lie, octaves.
        """
        left = np.maximum.accumulate(self.density)
        right = np.maximum.accumulate(self.density[::-1])[::-1]
        lower, higher = np.minimum(left, right), np.maximum(left, right)
        possible = (
            (np.abs(self.octaves) <= reach)
            & (lower >= SMALLEST * higher)
            & (self.density <= DEEP * lower)
        )
        if not possible.any():
            return None
        depth = np.where(possible, self.density / np.maximum(lower, 1e-12), np.inf)
        best = int(np.argmin(depth))
        # The floor of a wide valley: its middle.
        floor = possible & (depth <= depth[best] + 0.05)
        start = stop = best
        while start > 0 and floor[start - 1]:
            start -= 1
        while stop + 1 < len(floor) and floor[stop + 1]:
            stop += 1
        return float(self.octaves[start : stop + 1].mean())


def histogram_of(condition: Condition, sample: Sample, among: NDArray[np.bool_]) -> Histogram:
    """Return the histogram of a condition's value about its limit.

    Parameters
    ----------
    condition
        A condition whose limit is above zero.
    sample
        Values of its signals.
    among
        Pixels that count, of the sample's shape.

    Returns
    -------
    Histogram
        Values of zero and less, and those beyond the ends, count at the ends.
    """
    values = np.broadcast_to(condition.value(sample), among.shape)[among] / condition.limit
    octaves = np.log2(np.clip(values, 2.0**-OCTAVES, 2.0**OCTAVES))
    counts, edges = np.histogram(
        octaves, bins=2 * OCTAVES * BINS_PER_OCTAVE, range=(-OCTAVES, OCTAVES)
    )
    density = gaussian_filter1d(counts.astype(np.float64), SMOOTHING_BINS, mode="constant")
    return Histogram((edges[:-1] + edges[1:]) / 2, density, int(among.sum()))


def cut_populations(rule: Rule, sample: Sample) -> list[str]:
    """Say which limits of ratios lie within a population of pixels, and so separate nothing.

    Parameters
    ----------
    rule
        The rule.
    sample
        Values of its signals.

    Returns
    -------
    list of str
        A sentence a condition.
    """
    said = []
    for number, condition in enumerate(rule.conditions):
        if not _is_ratio(condition):
            continue
        among = _meet_others(rule, sample, number)
        found = histogram_of(condition, sample, among)
        lower = min(found.peak(-BESIDE, 0.0), found.peak(0.0, BESIDE))
        if found.pixels < FEWEST or found.at_limit() <= DEEP * lower:
            continue
        near = found.density[np.abs(found.octaves) < NEAR].sum() / found.density.sum()
        if near > CROWDED:
            said.append(
                f"{condition.text} does not separate here: {near:.0%} of the pixels that meet the "
                "other conditions lie within 10 % of this limit, with no valley at it. With this "
                "detector the limit cuts one mineral in two, and the mask may hold another mineral "
                "than olivine"
            )
    return said


def beside_olivine(rule: Rule, sample: Sample) -> Rule:
    """Move the upper limit of Si/(Mg + Fe) closer to the olivine that the maps hold.

    Among the pixels that meet the other conditions olivine is the population with the least Si.

    Parameters
    ----------
    rule
        A rule for olivine, in counts.
    sample
        Values of its signals.

    Returns
    -------
    Rule
        The rule with a lower limit, `ABOVE_OLIVINE` times that of the olivine; the same rule if
        that is not lower, or the maps hold too few pixels.
    """
    for number, condition in enumerate(rule.conditions):
        if condition.left != SILICON or not condition.below:
            continue
        found = histogram_of(condition, sample, _meet_others(rule, sample, number))
        olivine = condition.limit * 2.0 ** found.first_population()
        limit = ABOVE_OLIVINE * olivine
        if found.pixels >= FEWEST and olivine > LEAST_SILICON and limit < condition.limit:
            conditions = [*rule.conditions]
            conditions[number] = with_limit(condition, limit)
            rule = with_conditions(rule, conditions)
    return rule


def limits_in_valleys(rule: Rule, sample: Sample) -> tuple[Rule, list[str]]:
    """Move the limits of a rule into the valleys of the histograms.

    First those of single signals (``Mg > 30``), which depend on the dwell time: into the deepest
    valley, and where there is only one population, to half of its mode, where half of a pixel is of
    it. Then those of ratios, which depend on the detector: into a valley within a factor of 1.6.

    Parameters
    ----------
    rule
        The rule as it is written.
    sample
        Values of its signals.

    Returns
    -------
    rule : Rule
        The rule with other limits.
    said : list of str
        What became of each limit that could not be moved, in sentences.
    """
    said: list[str] = []
    for ratios in (False, True):
        for number, condition in enumerate(rule.conditions):
            if _is_ratio(condition) is not ratios or condition.limit <= 0:
                continue
            among = _meet_others(rule, sample, number, ratios_alone=not ratios)
            found = histogram_of(condition, sample, among)
            octaves = found.valley(REACH_OF_RATIO if ratios else OCTAVES)
            if found.pixels < FEWEST:
                octaves = None
            elif octaves is None and not ratios and not condition.below:
                octaves = float(found.octaves[np.argmax(found.density)]) - 1.0
            if octaves is None:
                said.append(f"{condition.text} stays: there is no valley near this limit")
                continue
            moved = with_limit(condition, condition.limit * 2.0**octaves)
            conditions = [*rule.conditions]
            conditions[number] = moved
            rule = with_conditions(rule, conditions)
    return rule, said


def of_percentiles(rule: Rule, sample: Sample) -> Rule:
    """Give limits that are multiples of the 99th percentile of the section a number.

    Parameters
    ----------
    rule
        The rule.
    sample
        Values of its signals.

    Returns
    -------
    Rule
        The rule without such levels. Of an empty sample all of them are 0.
    """
    conditions = []
    for condition in rule.conditions:
        if condition.level == "p99":
            values = np.zeros(1, np.float32)
            if len(next(iter(sample.values()))):
                values = condition.value(sample)
            level = float(np.percentile(values, 99))
            condition = with_limit(condition, condition.limit * level)
        conditions.append(condition)
    return with_conditions(rule, conditions)


def _is_ratio(condition: Condition) -> bool:
    return bool(condition.denominator.weights) and condition.limit > 0


def _meet_others(
    rule: Rule, sample: Sample, number: int, *, ratios_alone: bool = False
) -> NDArray[np.bool_]:
    """Tell which pixels are decided by one condition: those that meet the others that it needs."""
    shape = next(iter(sample.values())).shape
    held = [
        np.ones(shape, bool)
        if ratios_alone and not _is_ratio(condition)
        else condition.holds(sample)
        for condition in rule.conditions
    ]
    held[number] = np.ones(shape, bool)
    with_it = rule.of(held)
    held[number] = np.zeros(shape, bool)
    return np.asarray(with_it != rule.of(held))
