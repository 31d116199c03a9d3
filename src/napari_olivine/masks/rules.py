"""Phase rules over element maps, applied without divisions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["", "ref", "p99"]
LEVELS = ("ref", "p99")
"""What a limit may be a multiple of: what a picked mineral has, or the 99th percentile of the
section."""

COUNTS, WEIGHT = "counts", "wt%"
"""Units of maps: X-ray counts, whose noise is their square root, and weight per cent."""


@dataclass(frozen=True)
class Sum:
    """A weighted sum of signals and a constant, e.g. ``Mg + 0.5 Fe``."""

    weights: tuple[tuple[str, float], ...]
    constant: float = 0.0

    def of(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Evaluate it pixel by pixel."""
        if not self.weights:
            return np.float32(self.constant)  # type: ignore[return-value]
        parts = [
            maps[signal] if weight == 1 else np.float32(weight) * maps[signal]
            for signal, weight in self.weights
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total + np.float32(self.constant) if self.constant else total


@dataclass(frozen=True)
class Condition:
    """``numerator / denominator < limit`` (or ``>``); the denominator may be the constant 1.

    Parameters
    ----------
    numerator, denominator
        The two sums.
    below
        Whether the ratio must lie below the limit.
    limit
        The limit.
    text
        The condition as it is written.
    level
        What the limit is a multiple of: of nothing, of what a picked mineral has (``"ref"``), or of
        the 99th percentile of the section (``"p99"``). Such a condition cannot be applied before
        `with_limit` gave it a limit in the unit of the maps.
    """

    numerator: Sum
    denominator: Sum
    below: bool
    limit: float
    text: str = ""
    level: Level = ""

    @property
    def left(self) -> str:
        """The compared value as it is written, e.g. ``"Si/(Mg + Fe)"``."""
        return re.split(r"\s*[<>]", self.text)[0]

    def holds(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.bool_]:
        """Tell for each pixel whether it holds.

        The limit is multiplied by the denominator, so nothing is divided. Where the denominator
        is 0, the ratio counts as infinite: never below a limit, always above it.
        """
        below = self.denominator.of(maps)
        left, right = self.numerator.of(maps), np.float32(self.limit) * below
        if not self.denominator.weights and self.denominator.constant > 0:
            return np.asarray(left < right if self.below else left > right)
        if self.below:
            return np.asarray((left < right) & (below > 0))
        return np.asarray((left > right) | (below <= 0))

    def value(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the compared value of each pixel; a denominator of 0 counts as next to nothing."""
        below = np.maximum(self.denominator.of(maps), 1e-6)
        return np.asarray(self.numerator.of(maps) / below, np.float32)

    def margin(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Distance of each pixel from the limit in counts, positive where the condition holds."""
        left, right = self.numerator.of(maps), np.float32(self.limit) * self.denominator.of(maps)
        return np.asarray(right - left if self.below else left - right, np.float32)

    def significance(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Margin over its standard error, for maps of Poisson counts."""
        return np.asarray(self.margin(maps) / np.sqrt(self.variance(maps)), np.float32)

    def variance(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Variance of the margin, for maps of Poisson counts.

        The variance of a count is the count itself; 1 is added so that pixels without any count
        stay finite.
        """
        variance: Any = np.float32(1.0)
        for total, factor in ((self.numerator, 1.0), (self.denominator, self.limit)):
            for signal, weight in total.weights:
                part: Any = np.float32((factor * weight) ** 2) * maps[signal]
                part += variance
                variance = part
        return np.asarray(variance, np.float32)


@dataclass(frozen=True)
class Where:
    """How the conditions of a rule are joined: a tree.

    Parameters
    ----------
    kind
        ``"condition"`` (a leaf), ``"and"``, ``"or"`` or ``"not"``.
    parts
        What is joined.
    index
        Number of the condition of a leaf.
    """

    kind: Literal["condition", "and", "or", "not"]
    parts: tuple[Where, ...] = ()
    index: int = 0

    def of(self, holds: Callable[[int], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Join what the conditions say, by their numbers; ask no more than what decides."""
        if self.kind == "condition":
            return holds(self.index)
        joined = self.parts[0].of(holds)
        if self.kind == "not":
            return ~joined
        for part in self.parts[1:]:
            if self.kind == "and" and not joined.any():
                break
            join = np.logical_and if self.kind == "and" else np.logical_or
            joined = join(joined, part.of(holds))
        return joined

    def words(self, conditions: Sequence[Condition], inside: str = "or") -> str:
        """Write it down, in parentheses where it stands inside something that binds closer."""
        if self.kind == "condition":
            return conditions[self.index].text
        if self.kind == "not":
            inner = self.parts[0].words(conditions)
            return f"not {inner}" if self.parts[0].kind == "not" else f"not ({inner})"
        text = f" {self.kind} ".join(part.words(conditions, self.kind) for part in self.parts)
        return f"({text})" if self.kind == "or" and inside == "and" else text


ANY_AREA = (0.0, math.inf)
"""Pieces of any area."""


@dataclass(frozen=True)
class Rule:
    """A phase is where its conditions, joined by and, or, not, hold.

    Parameters
    ----------
    text
        The rule as it is written.
    conditions
        Its comparisons, to apply.
    where
        How they are joined.
    unit
        Unit of the maps.
    area_um2
        Smallest and largest area of a connected piece, um2; 0 and infinity where there is no limit.
    """

    text: str
    conditions: tuple[Condition, ...]
    where: Where
    unit: str = COUNTS
    area_um2: tuple[float, float] = ANY_AREA

    def of(self, held: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Tell where the rule holds from where each of its conditions does."""
        return self.where.of(held.__getitem__)

    @property
    def relative(self) -> bool:
        """Whether any limit is a multiple of what a picked mineral has."""
        return any(condition.level == "ref" for condition in self.conditions)

    @property
    def signals(self) -> list[str]:
        """Names of the signals that the rule reads."""
        sums = [s for c in self.conditions for s in (c.numerator, c.denominator)]
        return sorted({signal for s in sums for signal, _ in s.weights})

    def applies(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.bool_]:
        """Tell for each pixel whether it is the phase.

        Parameters
        ----------
        maps
            Intensity of every signal of the rule, arrays of one shape.
        """
        return self.of([condition.holds(maps) for condition in self.conditions])


def area_words(area_um2: tuple[float, float]) -> list[str]:
    """Write limits of the area as a rule has them."""
    least, most = area_um2
    words = [f"area > {least:g}"] if least > 0 else []
    return [*words, f"area < {most:g}"] if most < math.inf else words


def with_limit(condition: Condition, limit: float) -> Condition:
    """Return a condition with another limit, three digits of it, in counts."""
    limit = float(f"{limit:.3g}")
    text = f"{condition.left} {'<' if condition.below else '>'} {limit:g}"
    return replace(condition, limit=limit, text=text, level="")


def with_conditions(rule: Rule, conditions: Sequence[Condition]) -> Rule:
    """Return a rule with other conditions, and their text."""
    sizes = area_words(rule.area_um2)
    text = " and ".join([rule.where.words(conditions, "and" if sizes else "or"), *sizes])
    return replace(rule, text=text, conditions=tuple(conditions))
