"""Phase rules read from text: sums, ratios, comparisons, ``and``, ``or``, ``not``, parentheses.

::

    rule       = term { "or" term }
    term       = factor { "and" factor }
    factor     = "not" factor | "(" rule ")" | comparison
    comparison = value "within" NUMBER "%" "of" "ref"
               | side ("<" | ">") side [ ("<" | ">") side ]     (also "<=" and ">=")
    side       = value | NUMBER [ "*" ] level | NUMBER "%" "of" level | level
    level      = "ref" | "p99"
    value      = product { ("+" | "-") product }
    product    = unary { ("*" | "/") unary }
    unary      = "-" unary | NUMBER | SIGNAL | "(" value ")"

A value is a weighted sum of signals or the ratio of two such sums. One side of a comparison may be
a ratio if the other is a number or a level. ``area`` stands for the area of a connected piece, in
um2, of what the rest of the rule takes; it is compared with a number, and joined by ``and``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NoReturn

from napari_olivine.errors import InputError
from napari_olivine.masks.rules import ANY_AREA, LEVELS, Condition, Level, Rule, Sum, Where

EXAMPLE = "Ca/Mg < 0.1 and Al/Mg < 0.1 and Mg > 30"

REMEDY = f"Write {{setting:rule}} for example as: {EXAMPLE}"

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|[-+*/()<>%&|]))"
)
ONE = Sum((), 1.0)
_WORDS = {"and": "and", "&": "and", "or": "or", "|": "or", "not": "not"}
AREA, AREA_UNIT = "area", "um2"
_RESERVED = {"and", "or", "not", "within", "of", *LEVELS}


def parse_rule(text: str) -> Rule:
    """Read a rule.

    Parameters
    ----------
    text
        E.g. ``"Ca/Mg < 0.1 and 0.3 < Si/(Mg + Fe) < 0.85"`` or
        ``"Al/Si > 0.4 and not (Ca < 5 or Mg > 20)"``. Limits are numbers, or multiples of what a
        picked mineral has (``Mg > 0.5 ref``, ``Si/Mg within 15 % of ref``) or of the 99th
        percentile of the section (``Si < 0.2 p99``).

    Raises
    ------
    InputError
        If it cannot be read; says at which character.
    """
    text = text.strip()
    if not text:
        raise InputError(
            "The rule is empty.",
            remedy=REMEDY,
            setting="rule",
        )
    return _Parser(text).rule()


def parse_value(text: str) -> tuple[Sum, Sum]:
    """Read the left side of a comparison by itself.

    Parameters
    ----------
    text
        E.g. ``"Mg"`` or ``"Si/(Mg + Fe)"``.

    Returns
    -------
    tuple of Sum
        Numerator and denominator; the latter is the constant 1 where nothing is divided.

    Raises
    ------
    InputError
        If it is no sum or ratio of signals; says at which character.
    """
    return _Parser(text.strip(), "value", "Write for example: Si/(Mg + Fe)").value()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class _Value:
    """A ratio of two sums, or a limit."""

    above: Sum
    below: Sum = ONE
    level: Level = ""

    @property
    def number(self) -> float | None:
        """The value of a plain number or the factor of a level."""
        plain = not self.above.weights and not self.below.weights
        return self.above.constant / self.below.constant if plain else None

    @property
    def is_ratio(self) -> bool:
        return bool(self.below.weights)

    @property
    def signals(self) -> list[str]:
        return [signal for total in (self.above, self.below) for signal, _ in total.weights]


_AREA = _Value(Sum(((AREA, 1.0),)))


class _Parser:
    """Recursive descent over the tokens of a rule."""

    def __init__(self, text: str, what: str = "rule", remedy: str = REMEDY) -> None:
        self.text, self.what, self.remedy = text, what, remedy
        self.tokens = self._split()
        self.at = 0
        self.conditions: list[Condition] = []

    def rule(self) -> Rule:
        where = self._either()
        if self._now.kind != "end":
            self._fail("a rule goes on with 'and' or 'or' here")
        where, area = self._without_area(where)
        return Rule(self.text, tuple(self.conditions), where, area_um2=area)

    def _without_area(self, where: Where) -> tuple[Where, tuple[float, float]]:
        """Take the limits of the area out of a rule."""
        of_area = [index for index, one in enumerate(self.conditions) if _is_area(one)]
        if not of_area:
            return where, ANY_AREA
        joined = where.parts if where.kind == "and" else (where,)
        found = [one.index for one in joined if one.kind == "condition" and one.index in of_area]
        place = next(token.start for token in self.tokens if token.text == AREA)
        if len(found) < len(of_area):
            self._fail("the area is asked of the whole rule: '(...) and area > 50'", place)
        rest = [one for one in joined if not (one.kind == "condition" and one.index in of_area)]
        if not rest:
            self._fail("a condition on a map is missing beside the area", place)
        least, most = ANY_AREA
        for index in of_area:
            one = self.conditions[index]
            if one.below:
                most = min(most, one.limit)
            else:
                least = max(least, one.limit)
        if not 0 <= least < most:
            self._fail(f"no piece has an area between {least:g} and {most:g} um2", place)
        stays = [index for index in range(len(self.conditions)) if index not in of_area]
        self.conditions = [self.conditions[index] for index in stays]
        moved = tuple(_renumbered(one, stays) for one in rest)
        return moved[0] if len(moved) == 1 else Where("and", moved), (least, most)

    def value(self) -> tuple[Sum, Sum]:
        value = self._value()
        if self._now.kind != "end":
            self._fail("a value ends here")
        if value.number is not None:
            self._fail("a signal is missing here", 0)
        return (value.above, value.below) if value.is_ratio else (_plain(value), ONE)

    def _split(self) -> list[_Token]:
        tokens: list[_Token] = []
        place = 0
        while self.text[place:].strip():
            found = _TOKEN.match(self.text, place)
            if found is None:
                place += len(self.text[place:]) - len(self.text[place:].lstrip())
                self._fail("this sign means nothing in a rule", place)
            kind = found.lastgroup or ""
            word = found[kind]
            if word == AREA_UNIT and tokens and tokens[-1].kind == "number":
                place = found.end()
                continue
            tokens.append(_Token(_WORDS.get(word, kind), word, found.start(kind), found.end()))
            place = found.end()
        return [*tokens, _Token("end", "", len(self.text), len(self.text))]

    @property
    def _now(self) -> _Token:
        return self.tokens[self.at]

    def _take(self, *words: str) -> str:
        """Go on if one of these words or signs comes next."""
        word = self._now.text
        if word in words and self._now.kind != "end":
            self.at += 1
            return word
        return ""

    def _expect(self, word: str) -> None:
        if not self._take(word):
            self._fail(f"{word!r} is missing here")

    def _fail(self, why: str, place: int | None = None) -> NoReturn:
        start = self._now.start if place is None else place
        at = f"at its end ({self.text!r})"
        if start < len(self.text):
            at = f"at character {start + 1}, {self.text[start : start + 12]!r}"
        raise InputError(
            f"The {self.what} cannot be read {at}: {why}.",
            remedy=self.remedy,
            setting="rule",
            position=start,
        )

    def _either(self) -> Where:
        parts = [self._all()]
        while self._now.kind == "or":
            self.at += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Where("or", tuple(parts))

    def _all(self) -> Where:
        parts = [self._one()]
        while self._now.kind == "and":
            self.at += 1
            parts.append(self._one())
        # "(a and b) and c" is the same as "a and b and c".
        flat = [one for part in parts for one in (part.parts if part.kind == "and" else (part,))]
        return flat[0] if len(flat) == 1 else Where("and", tuple(flat))

    def _one(self) -> Where:
        if self._now.kind == "not":
            self.at += 1
            return Where("not", (self._one(),))
        start, known = self.at, len(self.conditions)
        try:
            return self._comparison()
        except InputError as error:
            # A parenthesis opens a value or a rule; the reading that came further is meant.
            reached, as_value = self.at, error
        self.at = start
        del self.conditions[known:]
        if not self._take("("):
            raise as_value
        try:
            inner = self._either()
            self._expect(")")
        except InputError as as_rule:
            raise (as_rule if self.at >= reached else as_value) from None
        if self._now.text in ("<", ">", "<=", ">=", "/", "*", "+", "-"):
            raise as_value
        return inner

    def _comparison(self) -> Where:
        start = self._now.start
        first = self._side()
        if self._take("within"):
            return self._within(first, start)
        places = []
        while sign := self._take("<", "<=", ">", ">="):
            here = self._now.start
            second = self._side()
            end = self.tokens[self.at - 1].end
            places.append(self._compare(first, second, sign, self.text[start:end].strip(), start))
            first, start = second, here
        if not places:
            self._fail("a comparison with < or > is missing here")
        return places[0] if len(places) == 1 else Where("and", tuple(places))

    def _within(self, value: _Value, start: int) -> Where:
        left = self.text[start : self._before("within")].strip()
        place = self._now.start
        share = self._number() / 100
        for word in ("%", "of", "ref"):
            self._expect(word)
        if not 0 < share < 1:
            self._fail("the share must lie above 0 and below 100 %", place)
        return Where(
            "and",
            tuple(
                self._add(value, below, end, f"{left} {'<' if below else '>'} {end:g} ref", "ref")
                for below, end in ((False, 1 - share), (True, 1 + share))
            ),
        )

    def _before(self, word: str) -> int:
        return next(t.start for t in reversed(self.tokens[: self.at]) if t.text == word)

    def _compare(self, left: _Value, right: _Value, sign: str, text: str, place: int) -> Where:
        below = sign.startswith("<")
        if left.number is not None and right.number is None:
            left, right, below = right, left, not below
            limit, value = re.split(r"\s*[<>]=?\s*", text)
            text = f"{value} {'<' if below else '>'} {limit}"
        if left.number is not None:
            self._fail("a comparison needs a signal", place)
        if AREA in (*left.signals, *right.signals) and not (left == _AREA and not right.level):
            self._fail("an area is compared with a number of um2", place)
        if right.number is not None:
            return self._add(left, below, right.number, text, right.level)
        if left.is_ratio or right.is_ratio:
            self._fail("a ratio is compared with a number", place)
        return self._add(_Value(_difference(left.above, right.above)), below, 0.0, text, "")

    def _add(self, value: _Value, below: bool, limit: float, text: str, level: Level) -> Where:
        self.conditions.append(Condition(value.above, value.below, below, limit, text, level))
        return Where("condition", index=len(self.conditions) - 1)

    def _side(self) -> _Value:
        """Read a value, or a level with its factor."""
        if word := self._take(*LEVELS):
            return _Value(Sum((), 1.0), level=_level(word))
        start = self.at
        if self._now.kind == "number":
            number = self._number()
            if self._take("%"):
                self._expect("of")
                number /= 100
                if self._now.text not in LEVELS:
                    self._fail("'ref' or 'p99' is missing here")
            elif self._now.text == "*" and self.tokens[self.at + 1].text in LEVELS:
                self.at += 1
            if word := self._take(*LEVELS):
                return _Value(Sum((), number), level=_level(word))
            self.at = start
        return self._value()

    def _number(self) -> float:
        if self._now.kind != "number":
            self._fail("a number is missing here")
        self.at += 1
        return float(self.tokens[self.at - 1].text)

    def _value(self) -> _Value:
        place = self._now.start
        total = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            if total.is_ratio or other.is_ratio:
                self._fail("ratios cannot be added; use one division in each comparison", place)
            factor = 1.0 if sign == "+" else -1.0
            total = _Value(_difference(_plain(total), _scaled(_plain(other), -factor)))
        return total

    def _product(self) -> _Value:
        place = self._now.start
        total = self._unary()
        while sign := self._take("*", "/"):
            other = self._unary()
            if sign == "*" and (factor := other.number) is not None:
                total = _Value(_scaled(total.above, factor), total.below)
            elif sign == "*" and (factor := total.number) is not None:
                total = _Value(_scaled(other.above, factor), other.below)
            elif sign == "*":
                self._fail("two signals cannot be multiplied", place)
            elif total.is_ratio or other.is_ratio:
                self._fail("use one division in each comparison", place)
            elif other.number == 0:
                self._fail("this divides by 0", place)
            else:
                total = _Value(_plain(total), _plain(other))
        return total

    def _unary(self) -> _Value:
        if self._take("-"):
            inner = self._unary()
            return _Value(_scaled(inner.above, -1.0), inner.below)
        if self._now.kind == "number":
            return _Value(Sum((), self._number()))
        if self._now.kind == "name" and self._now.text not in _RESERVED:
            self.at += 1
            return _Value(Sum(((self.tokens[self.at - 1].text, 1.0),)))
        if self._take("("):
            inner = self._value()
            self._expect(")")
            return inner
        self._fail("a signal or a number is missing here")


def _is_area(condition: Condition) -> bool:
    return condition.numerator == _AREA.above


def _renumbered(where: Where, stays: list[int]) -> Where:
    """Return a part of a rule after conditions were taken out; `stays` are those that are left."""
    if where.kind == "condition":
        return replace(where, index=stays.index(where.index))
    return replace(where, parts=tuple(_renumbered(one, stays) for one in where.parts))


def _level(word: str) -> Level:
    return "ref" if word == "ref" else "p99"


def _plain(value: _Value) -> Sum:
    """Return a value without signals in its denominator as a sum."""
    return _scaled(value.above, 1 / value.below.constant)


def _scaled(total: Sum, factor: float) -> Sum:
    return Sum(tuple((s, factor * w) for s, w in total.weights), factor * total.constant)


def _difference(left: Sum, right: Sum) -> Sum:
    weights = dict(left.weights)
    for signal, weight in right.weights:
        weights[signal] = weights.get(signal, 0.0) - weight
    return Sum(tuple(sorted(weights.items())), left.constant - right.constant)
