"""Rules as they are written on paper: what they mean, and where they cannot be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.masks import parse_rule
from napari_olivine.masks.rules import with_conditions

SIGNALS = ("Mg", "Fe", "Si")
MAPS = {
    signal: np.random.default_rng(number).integers(1, 100, 200).astype(np.float32)
    for number, signal in enumerate(SIGNALS)
}

numbers = st.integers(1, 40).map(lambda n: n / 8)
signals = st.sampled_from(SIGNALS)
sums = st.one_of(
    signals,
    st.tuples(signals, numbers, signals).map(lambda p: f"({p[0]} + {p[1]}*{p[2]})"),
    st.tuples(signals, signals, numbers).map(lambda p: f"({p[0]} - {p[1]} + {p[2]})"),
)
ratios = st.tuples(sums, signals, signals).map(lambda p: f"{p[0]}/({p[1]} + {p[2]})")
signs = st.sampled_from(("<", ">"))
comparisons = st.one_of(
    st.tuples(ratios, signs, numbers).map(lambda p: f"{p[0]} {p[1]} {p[2]}"),
    st.tuples(numbers, ratios, numbers).map(lambda p: f"{p[0]} < {p[1]} < {p[2] + p[0]}"),
    st.tuples(sums, signs, sums).map(lambda p: f"{p[0]} {p[1]} {p[2]}"),
    st.tuples(numbers, signs, signals).map(lambda p: f"{p[0]} {p[1]} {p[2]}"),
)
rules = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("and", "or")), inner).map(
            lambda p: f"({p[0]}) {p[1]} {p[2]}"
        ),
        inner.map(lambda rule: f"not ({rule})"),
    ),
    max_leaves=6,
)


def by_python(text: str, place: int) -> bool:
    values: dict[str, Any] = {signal: float(image[place]) for signal, image in MAPS.items()}
    return bool(eval(text, {"__builtins__": {}}, values))


@settings(max_examples=150, deadline=None)
@given(rules)
def test_a_rule_means_what_it_means_on_paper(text: str) -> None:
    """Python reads the same grammar; a pixel on a limit may fall on either side of it."""
    rule = parse_rule(text)
    held = rule.applies(MAPS)
    again = parse_rule(rule.where.words(rule.conditions)).applies(MAPS)
    assert np.array_equal(held, again), "written down and read again it is the same"
    sure = np.all([np.abs(one.margin(MAPS)) > 1e-3 for one in rule.conditions], axis=0)
    for place in np.flatnonzero(sure)[:40]:
        assert held[place] == by_python(text, place), (text, place)


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ("Mg ? 3", 3, "this sign means nothing"),
        ("Ca/Mg < 0.1 an Al < 3", 12, "goes on with 'and' or 'or'"),
        ("(Ca/Mg < 0.1", 12, "')' is missing"),
        ("Mg * Fe < 3", 0, "cannot be multiplied"),
        ("Ca/Mg/Al < 1", 0, "one division"),
        ("Ca/Mg + Al/Mg < 1", 0, "ratios cannot be added"),
        ("Mg > 3 and or Al < 2", 11, "a signal or a number is missing"),
        ("Mg within 120 % of ref", 10, "above 0 and below 100 %"),
        ("Mg > 5 %", 8, "'of' is missing"),
        ("Mg > 5 % of Al", 12, "'ref' or 'p99' is missing"),
        ("Ca/Mg < Al/Si", 0, "compared with a number"),
        ("Mg/0 < 3", 0, "divides by 0"),
        ("3 < 5", 0, "needs a signal"),
        ("Mg", 2, "a comparison with < or > is missing"),
    ],
)
def test_an_error_points_at_the_character(text: str, position: int, why: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_rule(text)
    assert caught.value.facts.position == position
    assert why in str(caught.value)
    assert caught.value.facts.setting == "rule"


@settings(max_examples=200, deadline=None)
@given(st.text("MgFeSi 0123.()<>=+-*/%&|andornotwithinofrefp99", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        rule = parse_rule(text)
    except InputError:
        return
    assert rule.conditions


@pytest.mark.parametrize(
    ("text", "area_um2", "conditions"),
    [
        ("Mg > 30 and area > 50", (50, np.inf), ["Mg > 30"]),
        ("50 um2 < area < 1000 and Mg/Fe < 2", (50, 1000), ["Mg/Fe < 2"]),
        ("(Mg > 3 or Fe > 2) and area < 20", (0, 20), ["Mg > 3", "Fe > 2"]),
    ],
)
def test_a_rule_asks_for_the_area_of_a_piece(
    text: str, area_um2: tuple[float, float], conditions: list[str]
) -> None:
    rule = parse_rule(text)
    assert rule.area_um2 == area_um2
    assert [one.text for one in rule.conditions] == conditions
    assert "area" not in rule.signals
    again = parse_rule(with_conditions(rule, rule.conditions).text)
    assert (again.area_um2, again.where) == (rule.area_um2, rule.where)


@pytest.mark.parametrize(
    ("text", "why", "position"),
    [
        ("Mg > 3 or area > 5", "asked of the whole rule", 10),
        ("Mg > 3 and not area > 5", "asked of the whole rule", 15),
        ("area > 5", "a condition on a map is missing", 0),
        ("Mg > 3 and area/Mg < 2", "compared with a number", 11),
        ("Mg > 3 and area > 5 ref", "compared with a number", 11),
        ("Mg > 3 and area > 6 and area < 5", "no piece has an area between 6 and 5", 11),
    ],
)
def test_an_area_that_cannot_be_asked_for_is_told(text: str, why: str, position: int) -> None:
    with pytest.raises(InputError, match=why) as raised:
        parse_rule(text)
    assert raised.value.facts.position == position
