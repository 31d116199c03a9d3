"""While a rule is typed: how its words may go on, and which maps it asks for."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.masks import completions, rule_on_maps

UNITS = dict.fromkeys(("BSE", "Mg", "MgO", "Ca", "Al"), "counts")


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("M", 0, ["Mg", "MgO"]),
        ("Mg", 0, ["MgO"]),
        ("Ca/m", 3, ["Mg", "MgO"]),
        ("Mg > 3 a", 7, ["and", "area", "Al"]),
        ("ol", 0, ["olivine", "olivine-paper"]),
        (" olivine-p", 1, ["olivine-paper"]),
        ("Mg > 3 and ol", 11, []),
        ("Mg > 0.5 r", 9, ["ref"]),
        ("Mg w", 3, ["within"]),
        ("Mg > 30", 5, []),
    ],
)
def test_words_go_on_as_the_section_has_them(text: str, start: int, words: list[str]) -> None:
    assert completions(text, len(text), UNITS) == (start, words)


@given(st.text("MgCa olivne-paper<>/0.1()andt", max_size=25), st.integers(0, 25))
def test_a_completed_word_is_what_was_begun_and_more(text: str, cursor: int) -> None:
    cursor = min(cursor, len(text))
    start, words = completions(text, cursor, UNITS)
    assert 0 <= start <= cursor
    begun = text[start:cursor]
    assert all(word.lower().startswith(begun.lower()) and word != begun for word in words)


def test_between_words_all_are_there() -> None:
    start, words = completions("Mg > 3 and ", 11, UNITS)
    assert (start, words[:2], words[-1]) == (11, ["BSE", "Mg"], "area")


def test_a_missing_map_is_named_with_its_place_and_the_maps_there_are() -> None:
    with pytest.raises(InputError, match="needs Ni, but the section has only BSE, Mg") as caught:
        rule_on_maps("Mg > 3 and Ni/Mg > 2", UNITS, "the section")
    assert caught.value.facts.position == 11
    with pytest.raises(InputError) as caught:
        rule_on_maps("olivine", UNITS, "the section")
    assert caught.value.facts.position is None
