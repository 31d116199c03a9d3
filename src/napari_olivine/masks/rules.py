"""Phase rules over element maps: read from a line of text, applied without divisions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError

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
        total = sum(np.float32(weight) * maps[signal] for signal, weight in self.weights)
        return total + np.float32(self.constant)  # type: ignore[return-value]


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
    relative
        Whether the limit is a multiple of what a picked mineral has. Such a condition cannot be
        applied before `napari_olivine.masks.reference.relative_to` gave it a limit in counts.
    """

    numerator: Sum
    denominator: Sum
    below: bool
    limit: float
    text: str = ""
    relative: bool = False

    @property
    def left(self) -> str:
        """The compared value as it is written, e.g. ``"Si/(Mg + Fe)"``."""
        return re.split(r"\s*[<>]", self.text)[0]

    def holds(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.bool_]:
        """Tell for each pixel whether it holds.

        The limit is multiplied by the denominator, so nothing is divided. Where the denominator
        is 0, the ratio counts as infinite: never below a limit, always above it.
        """
        nothing = self.denominator.of(maps) <= 0
        margin = self.margin(maps)
        return np.asarray((margin > 0) & ~nothing if self.below else (margin > 0) | nothing)

    def margin(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Distance of each pixel from the limit in counts, positive where the condition holds."""
        left, right = self.numerator.of(maps), np.float32(self.limit) * self.denominator.of(maps)
        return np.asarray(right - left if self.below else left - right, np.float32)

    def significance(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Margin over its standard error, for maps of Poisson counts.

        The variance of a count is the count itself; 1 is added so that pixels without any count
        stay finite.
        """
        variance: Any = np.float32(1.0)
        for total, factor in ((self.numerator, 1.0), (self.denominator, self.limit)):
            for signal, weight in total.weights:
                variance = variance + np.float32((factor * weight) ** 2) * maps[signal]
        return np.asarray(self.margin(maps) / np.sqrt(variance), np.float32)


@dataclass(frozen=True)
class Rule:
    """A phase is where all conditions hold.

    Parameters
    ----------
    text
        The conditions as they are written.
    conditions
        The same, to apply.
    unit
        Unit of the maps.
    """

    text: str
    conditions: tuple[Condition, ...]
    unit: str = COUNTS

    @property
    def relative(self) -> bool:
        """Whether any limit is a multiple of what a picked mineral has."""
        return any(condition.relative for condition in self.conditions)

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
        held = self.conditions[0].holds(maps)
        for condition in self.conditions[1:]:
            held &= condition.holds(maps)
        return held


def with_limit(condition: Condition, limit: float) -> Condition:
    """Return a condition with another limit, three digits of it, in counts."""
    limit = float(f"{limit:.3g}")
    text = f"{condition.left} {'<' if condition.below else '>'} {limit:g}"
    return replace(condition, limit=limit, text=text, relative=False)


def with_conditions(rule: Rule, conditions: Sequence[Condition]) -> Rule:
    """Return a rule with other conditions, and their text."""
    text = " and ".join(condition.text for condition in conditions)
    return replace(rule, text=text, conditions=tuple(conditions))


def parse_rule(text: str) -> Rule:
    """Read a rule: conditions joined by ``and``.

    Parameters
    ----------
    text
        E.g. ``"Ca/Mg < 0.1 and Si/(Mg + Fe) < 0.85"``.
        A side may be a signal, a sum ``(A + 2*B)``, or a ratio of two such; the other side is a
        number, or a multiple of what a picked mineral has: ``Mg > 0.5 ref``,
        ``Si/Mg within 15 % of ref``.

    Raises
    ------
    InputError
        If it cannot be read; says at which condition.
    """
    text = text.strip()
    if not text:
        raise InputError(
            "The rule is empty.",
            remedy=f"Write {{setting:rule}} for example as: {EXAMPLE}",
            setting="rule",
        )
    parts = re.split(r"\band\b|&", text)
    return Rule(text, tuple(one for part in parts for one in _conditions(part.strip(), text)))


EXAMPLE = "Ca/Mg < 0.1 and Al/Mg < 0.1 and Mg > 30"

_NUMBER = r"[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
_NAME = r"[A-Za-z][A-Za-z0-9_]*"


_LIMIT = rf"(?P<number>-?{_NUMBER})(?P<relative>\s*\*?\s*ref|\s*%\s*of\s+ref)?|ref"
_COMPARED = re.compile(rf"(?P<left>.+?)\s*(?P<sign>[<>])=?\s*(?:{_LIMIT})")
_WITHIN = re.compile(rf"(?P<left>.+?)\s+within\s+(?P<number>{_NUMBER})\s*%\s*of\s+ref")


def _conditions(text: str, rule: str) -> list[Condition]:
    """Read a condition; one with ``within`` is two, the lower limit first."""
    if within := _WITHIN.fullmatch(text):
        part = float(within["number"]) / 100
        if not 0 < part < 1:
            raise InputError(
                f"The condition {text!r} must name a share above 0 and below 100 %.",
                setting="rule",
            )
        ends = ((False, 1 - part), (True, 1 + part))
        left = within["left"]
        return [
            _condition(left, f"{left} {'<' if below else '>'} {end:g} ref", below, end, True)
            for below, end in ends
        ]
    compared = _COMPARED.fullmatch(text)
    if compared is None:
        raise InputError(
            f"The condition {text!r} of the rule {rule!r} cannot be read.",
            remedy="Write it as 'A/B < 0.1', 'A > 30', 'A/(B + C) < 0.95', 'A > 0.5 ref' or "
            "'A/B within 15 % of ref'.",
            setting="rule",
        )
    limit, below = float(compared["number"] or 1), compared["sign"] == "<"
    how = compared["relative"] if compared["number"] else "ref"
    if how and "%" in how:
        limit /= 100
    return [_condition(compared["left"], text, below, limit, bool(how))]


def _condition(left: str, text: str, below: bool, limit: float, relative: bool) -> Condition:
    ratio = [part.strip() for part in left.split("/")]
    if len(ratio) > 2:
        raise InputError(
            f"The condition {text!r} has more than one division.",
            remedy="Use one division in each condition.",
            setting="rule",
        )
    numerator = _sum(ratio[0], text)
    denominator = _sum(ratio[1], text) if len(ratio) == 2 else Sum((), 1.0)
    return Condition(numerator, denominator, below, limit, text, relative)


def _sum(text: str, condition: str) -> Sum:
    inner = text.strip().removeprefix("(").removesuffix(")").strip()
    if "(" in inner or ")" in inner:
        raise InputError(
            f"The condition {condition!r} has nested brackets.",
            remedy="Use one pair of brackets on a side.",
            setting="rule",
        )
    weights: dict[str, float] = {}
    constant = 0.0
    tokens = re.findall(r"[-+]|[^-+]+", inner.replace(" ", ""))
    sign = 1.0
    for token in tokens:
        if token in "+-":
            sign = 1.0 if token == "+" else -1.0
            continue
        if re.fullmatch(_NUMBER, token):
            constant += sign * float(token)
        elif term := re.fullmatch(rf"(?:({_NUMBER})\*)?({_NAME})", token):
            weights[term[2]] = weights.get(term[2], 0.0) + sign * float(term[1] or 1)
        else:
            raise InputError(
                f"{token!r} in the condition {condition!r} is no signal or number.", setting="rule"
            )
        sign = 1.0
    if not weights and not tokens:
        raise InputError(f"A side of the condition {condition!r} is empty.", setting="rule")
    return Sum(tuple(sorted(weights.items())), constant)
