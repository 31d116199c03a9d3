"""What a rule takes in the part of a section that a person looks at, clause by clause.

It is the plain rule, as with outlines by the rule (`MaskSettings`): the mask puts outlines where
half of a pixel is the mineral, which needs full resolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import cast

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.masks.applying import conditions_of
from napari_olivine.masks.limits import Sample, beside_olivine, limits_in_valleys, of_percentiles
from napari_olivine.masks.named_rules import rule_on_maps
from napari_olivine.masks.overview_noise import expected_significance, slope_and_offset
from napari_olivine.masks.reference import Picked, relative_to
from napari_olivine.masks.rules import ANY_AREA, COUNTS, Condition, Rule
from napari_olivine.masks.sampling import sample_of, sampled_blocks
from napari_olivine.masks.settings import (
    MaskSettings,
    leaves_outlines,
    smoothing_of,
    stands_beside_olivine,
)
from napari_olivine.masks.step import RIM_SIGMAS, pick_spots
from napari_olivine.masks.viewed_maps import ViewedMaps, ViewReader, smoothing_at
from napari_olivine.section import Block, Section


@dataclass(frozen=True)
class Share:
    """What one condition of a rule, or all of them together, takes.

    Parameters
    ----------
    text
        The condition; the whole rule is empty.
    percent
        Share of the measured pixels of the view; NaN if there are none.
    """

    text: str
    percent: float


@dataclass(frozen=True)
class Verdict:
    """What one condition says of a place.

    Parameters
    ----------
    text
        The condition.
    value
        Its left side, averaged over the neighbours as the rule weighs them; infinite where the
        denominator is 0.
    met
        Whether it holds.
    """

    text: str
    value: float
    met: bool


@dataclass(frozen=True)
class Reading:
    """The maps and the rule at a place.

    Parameters
    ----------
    levels
        Mean of each map over the neighbours, by the smoothing of the rule.
    verdicts
        What each condition says, in the order of the rule.
    taken
        Whether the rule takes the place.
    """

    levels: dict[str, float]
    verdicts: list[Verdict]
    taken: bool


@dataclass(frozen=True)
class RulePreview:
    """A rule on the maps of a view.

    Parameters
    ----------
    rule
        The rule with the limits that were applied.
    maps
        The maps of the view.
    smoothing_px
        Smoothing that was left to do, px of the view's level.
    weighted
        Whether pixels weigh by the noise of their counts.
    held
        Where each condition holds, arrays of the view's shape.
    taken
        What the rule takes of the measured pixels, bool.
    is_mask
        Whether the mask leaves its outlines where the rule puts them, and asks for no area.
    """

    rule: Rule
    maps: ViewedMaps
    smoothing_px: float
    weighted: bool
    held: list[NDArray[np.bool_]]
    taken: NDArray[np.bool_]
    is_mask: bool

    @property
    def shares(self) -> list[Share]:
        """What each condition takes in the order of the rule; all together at the end."""
        measured = self.maps.measured
        total = int(np.count_nonzero(measured))

        def percent(held: NDArray[np.bool_]) -> float:
            return 100 * int(np.count_nonzero(held & measured)) / total if total else float("nan")

        texts = [condition.text for condition in self.rule.conditions]
        each = [Share(text, percent(held)) for text, held in zip(texts, self.held, strict=True)]
        return [*each, Share("", percent(self.taken))]

    def reading(self, row: float, column: float) -> Reading | None:
        """Return what the maps hold at a pixel of the section; `None` off what was measured."""
        place = self.maps.place(row, column)
        if place is None or not self.maps.measured[place]:
            return None
        around, kernel = self._around(place)
        levels = {signal: float((kernel * values).sum()) for signal, values in around.items()}
        verdicts = [
            Verdict(condition.text, self._left(condition, around, kernel), bool(held[place]))
            for condition, held in zip(self.rule.conditions, self.held, strict=True)
        ]
        return Reading(levels, verdicts, bool(self.taken[place]))

    def smooth(self, signal: str) -> NDArray[np.float32]:
        """Return the means of a map over the neighbours, of the view's shape."""
        return np.asarray(blurred(self.maps.values[signal], self.smoothing_px)[self.maps.inner])

    def _around(
        self, place: tuple[int, int]
    ) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
        """Return the maps about a pixel, and the weight of each neighbour."""
        import cv2

        weights = np.ones((1, 1), np.float32)
        if self.smoothing_px:  # as many neighbours as cv2.GaussianBlur takes of floats
            count = round(8 * self.smoothing_px + 1) | 1
            weights = cv2.getGaussianKernel(count, self.smoothing_px).astype(np.float32)
        reach = len(weights) // 2
        shape = next(iter(self.maps.values.values())).shape
        index = np.ix_(
            *(
                _mirrored(middle + inner.start, reach, length)
                for middle, inner, length in zip(place, self.maps.inner, shape, strict=True)
            )
        )
        around = {signal: values[index] for signal, values in self.maps.values.items()}
        return around, np.asarray(weights @ weights.T, np.float32)

    def _left(
        self,
        condition: Condition,
        around: dict[str, NDArray[np.float32]],
        kernel: NDArray[np.float32],
    ) -> float:
        """Return the left side of a condition, with the weights by which its margin is averaged."""
        weights, offset = kernel, 0.0
        if self.weighted:
            slope, added = slope_and_offset(condition, around, self.maps.factor**2)
            weights, offset = kernel * slope, float((kernel * added).sum())
        above, below = (
            float((weights * total.of(around)).sum())
            for total in (condition.numerator, condition.denominator)
        )
        above += -offset if condition.below else offset
        return above / below if below > 0 else float("inf")


class RuleViewer:
    """Applies rules to views of a section; what the last view needed is kept.

    Parameters
    ----------
    section
        Open section.
    """

    def __init__(self, section: Section) -> None:
        self._section = section
        self._reader = ViewReader(section)
        self._units = {one: section.unit_of(one) for one in section.record.signals}
        self._applied: tuple[object, Rule] | None = None
        self._picked: tuple[object, list[Picked]] | None = None
        self._sample: tuple[object, Sample] | None = None

    def view(
        self,
        settings: MaskSettings,
        window: Block,
        more: Sequence[str] = (),
        job: Job | None = None,
    ) -> RulePreview:
        """Apply the rule of the settings to a window.

        Parameters
        ----------
        settings
            Settings of the mask.
        window
            Rows and columns, px of the section.
        more
            Further maps to read.
        job
            It can stop the work between two maps.

        Returns
        -------
        RulePreview
            The rule with the limits that the mask would apply, on the maps of the window.

        Raises
        ------
        InputError
            As `make_mask`.
        Cancelled
            If it was stopped.
        """
        job = job or Job()
        smoothing, rim = smoothing_of(settings), ceil(RIM_SIGMAS * smoothing_of(settings))
        rule = self._with_limits(settings, rim, job)
        maps = self._reader.read(window, rule.signals, smoothing, rim, more, job)
        left = smoothing_at(maps.level, smoothing)
        held = [
            np.ascontiguousarray(one[maps.inner])
            for one in (
                conditions_of(rule, maps.values, left)
                if maps.level == 0 or smoothing == 0
                else _held_by_means(rule, maps, left)
            )
        ]
        weighted = smoothing > 0 and rule.unit == COUNTS
        taken = np.asarray(rule.of(held) & maps.measured)
        is_mask = leaves_outlines(settings) and rule.area_um2 == ANY_AREA
        return RulePreview(rule, maps, left, weighted, held, taken, is_mask)

    def _with_limits(self, settings: MaskSettings, rim: int, job: Job) -> Rule:
        """Give the rule the limits that the mask applies."""
        key = (settings.rule, settings.reference, settings.limits, rim)
        if self._applied is not None and self._applied[0] == key:
            return self._applied[1]
        picks = bool(settings.reference)
        rule = rule_on_maps(settings.rule, self._units, "the section", picked=picks)
        rule = relative_to(self._pick(rule, settings), rule)
        beside, valleys = stands_beside_olivine(rule, settings), settings.limits == "valleys"
        if beside or valleys or any(one.level for one in rule.conditions):
            sample = self._sampled(rule.signals, rim, job)
            rule = of_percentiles(rule, sample)
            if beside and len(next(iter(sample.values()))):
                rule = beside_olivine(rule, sample)
            if valleys and len(next(iter(sample.values()))):
                rule, _ = limits_in_valleys(rule, sample)
        self._applied = key, rule
        return rule

    def _pick(self, rule: Rule, settings: MaskSettings) -> list[Picked]:
        key = (settings.reference, tuple(rule.signals))
        if self._picked is None or self._picked[0] != key:
            self._picked = key, pick_spots(self._section, rule, settings)
        return self._picked[1]

    def _sampled(self, signals: Sequence[str], rim: int, job: Job) -> Sample:
        key = (tuple(signals), rim)
        if self._sample is None or self._sample[0] != key:
            coverage = self._reader.coverage(signals, rim)
            sampled = sampled_blocks(self._reader.rasters(signals), job)
            self._sample = key, sample_of(sampled, coverage, job)
        return self._sample[1]


def _held_by_means(
    rule: Rule, maps: ViewedMaps, smoothing_px: float
) -> Iterator[NDArray[np.bool_]]:
    """Tell where each condition holds at full resolution, most likely, by means of counts."""
    for condition in rule.conditions:
        if rule.unit == COUNTS:
            score = expected_significance(condition, maps.values, maps.factor**2)
        else:
            score = condition.margin(maps.values)
        yield blurred(score, smoothing_px) > 0


def blurred(values: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Average a map over neighbours by a Gaussian, as the conditions of a rule are."""
    import cv2

    if sigma_px == 0:
        return values
    return cast(
        "NDArray[np.float32]",
        cv2.GaussianBlur(values, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101),
    )


def _mirrored(middle: int, reach: int, length: int) -> NDArray[np.int64]:
    """Places about one of an axis, mirrored at its ends as the smoothing does."""
    places = np.abs(np.arange(middle - reach, middle + reach + 1))
    places = np.where(places >= length, 2 * (length - 1) - places, places)
    return np.asarray(np.clip(places, 0, length - 1))
