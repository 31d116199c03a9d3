"""Pixels of a view by two values, e.g. Ca/Mg against Al/Mg: populations, and limits between them.

Values are means over neighbours, by the smoothing of the rule. Ratios stand on a logarithmic axis,
as the histograms of `napari_olivine.masks.limits` do; what lies beyond the ends of an axis counts
at its ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.named_rules import value_on_maps
from napari_olivine.masks.rule_preview import RulePreview
from napari_olivine.masks.rules import Condition, Rule, Sum
from napari_olivine.masks.viewed_maps import ViewedMaps

MOST_POINTS = 20_000
"""Pixels that are drawn at most, evenly among the measured ones."""

MOST_MARKED = 4_000
"""Pixels of a marked region that are drawn at most."""

ENDS = (0.5, 99.5)
"""Percentiles at which an axis ends, unless a limit of the rule lies beyond."""

FINEST = 512
"""Steps along an axis by which it is told whether a pixel lies in an outline on the plot."""


@dataclass(frozen=True)
class AxisValue:
    """What stands along an axis: a sum or a ratio of signals.

    Parameters
    ----------
    text
        As it is written.
    numerator, denominator
        The two sums.
    """

    text: str
    numerator: Sum
    denominator: Sum

    @classmethod
    def parse(cls, text: str, units: Mapping[str, str]) -> AxisValue:
        """Read it for the maps of a section; raises `InputError` as `value_on_maps`."""
        return cls(text.strip(), *value_on_maps(text, units))

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio, whose axis is logarithmic."""
        return bool(self.denominator.weights)

    @property
    def signals(self) -> list[str]:
        """Names of the signals that it reads."""
        sums = (self.numerator, self.denominator)
        return sorted({signal for total in sums for signal, _ in total.weights})

    @property
    def alone(self) -> tuple[str, float] | None:
        """The signal and its weight where it is nothing but a signal."""
        weights = self.numerator.weights
        plain = len(weights) == 1 and not self.is_ratio and not self.numerator.constant
        return weights[0] if plain else None

    def of(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Evaluate it pixel by pixel."""
        return Condition(self.numerator, self.denominator, True, 0.0).value(maps)

    def is_left_of(self, condition: Condition) -> bool:
        """Tell whether a condition compares this very value."""
        mine, its = (
            [(dict(total.weights), total.constant) for total in sums]
            for sums in (
                (self.numerator, self.denominator),
                (condition.numerator, condition.denominator),
            )
        )
        return mine == its


@dataclass(frozen=True)
class Span:
    """What an axis reaches over.

    Parameters
    ----------
    low, high
        Its ends.
    log
        Whether it is logarithmic.
    """

    low: float
    high: float
    log: bool

    def share(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the places of values along the axis, 0 to 1; those beyond its ends at the ends."""
        low, high = self._scaled(np.array([self.low, self.high]))
        with np.errstate(divide="ignore", invalid="ignore"):
            places = (self._scaled(values) - low) / (high - low)
        return np.asarray(np.clip(np.nan_to_num(places, nan=0.0), 0, 1), np.float32)

    def value(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the values at places along the axis; its ends stand for all that lies beyond."""
        low, high = self._scaled(np.array([self.low, self.high]))
        places = low + np.asarray(shares, np.float64) * (high - low)
        values = 10**places if self.log else places
        values = np.where(np.asarray(shares) <= 0, -np.inf, values)
        return np.asarray(np.where(np.asarray(shares) >= 1, np.inf, values), np.float32)

    def _scaled(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        if not self.log:
            return np.asarray(values)
        return np.asarray(np.log10(np.maximum(values, 1e-30)))


@dataclass(frozen=True)
class LimitLine:
    """Where a condition of the rule begins to hold: a x + b y = c.

    Parameters
    ----------
    text
        The condition.
    a, b, c
        The line.
    """

    text: str
    a: float
    b: float
    c: float


@dataclass(frozen=True)
class Scatter:
    """Pixels of a view by two values.

    Parameters
    ----------
    x_axis, y_axis
        What stands along the axes.
    x, y
        Places of all pixels along the axes, 0 to 1, of the view's shape.
    x_span, y_span
        What the axes reach over.
    points
        Pixels to draw, as numbers of the view's pixels row by row.
    taken
        Whether the rule takes each of these.
    lines
        Limits of the rule's conditions, where the axes can show them.
    maps
        The maps of the view.
    """

    x_axis: AxisValue
    y_axis: AxisValue
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    x_span: Span
    y_span: Span
    points: NDArray[np.int64]
    taken: NDArray[np.bool_]
    lines: list[LimitLine]
    maps: ViewedMaps

    def places(self, points: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the places of pixels on the plot, shape (n, 2), 0 to 1."""
        return np.stack([self.x.ravel()[points], self.y.ravel()[points]], axis=1)

    def inside(self, outline: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell which measured pixels of the view lie in an outline on the plot.

        Parameters
        ----------
        outline
            Corners (x, y) as values of the axes, shape (n, 2).
        """
        import cv2

        corners = np.stack(
            [self.x_span.share(outline[:, 0]), self.y_span.share(outline[:, 1])], axis=1
        )
        ground = np.zeros((FINEST, FINEST), np.uint8)
        steps = np.rint(corners * (FINEST - 1)).astype(np.int32)
        cv2.fillPoly(ground, [steps.reshape(-1, 1, 2)], 1)
        # A half step is added and cut off, which is faster than to round.
        down, right = (
            (places * (FINEST - 1) + np.float32(0.5)).astype(np.uint16)
            for places in (self.y, self.x)
        )
        return np.asarray((ground[down, right] > 0) & self.maps.measured)

    def of_region(self, rows: slice, columns: slice) -> NDArray[np.int64]:
        """Return measured pixels of a part of the section, `MOST_MARKED` at most.

        Parameters
        ----------
        rows, columns
            The part, px of the section.
        """
        side, shape = self.maps.factor, self.maps.measured.shape
        inside = np.zeros(shape, bool)
        down, right = (
            slice(
                int(np.clip(part.start // side - view.start, 0, length)),
                int(np.clip(-(-part.stop // side) - view.start, 0, length)),
            )
            for part, view, length in zip(
                (rows, columns), (self.maps.rows, self.maps.columns), shape, strict=True
            )
        )
        inside[down, right] = True
        return _some(np.flatnonzero(inside & self.maps.measured), MOST_MARKED)


def scatter_of(preview: RulePreview, x_axis: AxisValue, y_axis: AxisValue) -> Scatter:
    """Sort the pixels of a view by two values.

    Parameters
    ----------
    preview
        A rule on the maps of a view, with those that the axes read.
    x_axis, y_axis
        What stands along the axes.

    Returns
    -------
    Scatter
        All pixels, and those to draw.
    """
    signals = sorted({*x_axis.signals, *y_axis.signals})
    maps = {signal: preview.smooth(signal) for signal in signals}
    x, y = (np.broadcast_to(one.of(maps), preview.taken.shape) for one in (x_axis, y_axis))
    points = _some(np.flatnonzero(preview.maps.measured), MOST_POINTS)
    conditions = preview.rule.conditions
    spans = [
        _span(
            values.ravel()[points],
            axis,
            [one.limit for one in conditions if axis.is_left_of(one)],
        )
        for axis, values in ((x_axis, x), (y_axis, y))
    ]
    return Scatter(
        x_axis,
        y_axis,
        spans[0].share(x),
        spans[1].share(y),
        spans[0],
        spans[1],
        points,
        preview.taken.ravel()[points],
        limit_lines(preview.rule, x_axis, y_axis),
        preview.maps,
    )


def limit_lines(rule: Rule, x_axis: AxisValue, y_axis: AxisValue) -> list[LimitLine]:
    """Return the limits of a rule that are lines on the plot.

    Parameters
    ----------
    rule
        The rule, with limits in the unit of the maps.
    x_axis, y_axis
        What stands along the axes.

    Returns
    -------
    list of LimitLine
        Of conditions whose left side is an axis; and, where both axes are plain signals, of those
        that compare nothing but these two, such as Ca/Mg < 0.1 on Ca against Mg.
    """
    lines = []
    for condition in rule.conditions:
        if x_axis.is_left_of(condition):
            lines.append(LimitLine(condition.text, 1.0, 0.0, condition.limit))
        elif y_axis.is_left_of(condition):
            lines.append(LimitLine(condition.text, 0.0, 1.0, condition.limit))
        elif x_axis.alone and y_axis.alone and x_axis.alone[0] != y_axis.alone[0]:
            line = _oblique(condition, x_axis.alone, y_axis.alone)
            lines += [line] if line is not None else []
    return lines


def _oblique(condition: Condition, x: tuple[str, float], y: tuple[str, float]) -> LimitLine | None:
    """Return where numerator = limit * denominator, if nothing but two signals is in it."""
    weights = {x[0]: 0.0, y[0]: 0.0}
    for total, factor in ((condition.numerator, 1.0), (condition.denominator, -condition.limit)):
        for signal, weight in total.weights:
            if signal not in weights:
                return None
            weights[signal] += factor * weight
    constant = condition.numerator.constant - condition.limit * condition.denominator.constant
    a, b = weights[x[0]] / x[1], weights[y[0]] / y[1]
    return LimitLine(condition.text, a, b, -constant) if a or b else None


def _span(values: NDArray[np.float32], axis: AxisValue, limits: list[float]) -> Span:
    """Return the ends of an axis: nearly all values, and the limits with some room."""
    good = values[np.isfinite(values)]
    limits = [limit for limit in limits if np.isfinite(limit)]
    if axis.is_ratio:
        good, limits = good[good > 0], [limit for limit in limits if limit > 0]
        ends = np.percentile(good, ENDS) if good.size else np.array([0.1, 10.0])
        low = min([float(ends[0]), *(limit / 2 for limit in limits)])
        high = max([float(ends[1]), *(limit * 2 for limit in limits), low * 1.1])
        return Span(low, high, log=True)
    ends = np.percentile(good, ENDS) if good.size else np.array([0.0, 1.0])
    low = min([float(ends[0]), 0.0, *limits])
    high = max([float(ends[1]), *(limit * 1.2 for limit in limits)])
    return Span(low, high if high > low else low + 1.0, log=False)


def _some(pixels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return some of many pixels, always the same ones of the same."""
    if len(pixels) <= most:
        return pixels
    chosen = np.random.default_rng(0).choice(len(pixels), most, replace=False, shuffle=False)
    return pixels[np.sort(chosen)]
