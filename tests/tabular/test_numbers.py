"""Cells of text as numbers: signs, thousands, decimal commas, errors."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from napari_olivine.tabular import has_decimal_commas, read_number


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("47.2", 47.2), (" 47.2 ", 47.2), ("-0.01", -0.01), ("\u22120.01", -0.01), ("4e-2", 0.04),
        (".5", 0.5), ("12%", 12), ("1,234.5", 1234.5), ("1_0", None), ("inf", None), ("nan", None),
        ("1e999", None), ("", None), ("crack", None), ("0x10", None), ("1 2", None), ("٣", None),
        ("9" * 60, None),
    ],
)  # fmt: skip
def test_numbers(cell, number):
    assert read_number(cell) == number


@pytest.mark.parametrize(
    ("cells", "comma"),
    [
        (["47,12", "0,3"], True),
        (["47.12", "0.3"], False),
        (["1,234.5", "47.1"], False),
        (["12,345", "47.1"], False),
        (["12,345", "0,1"], True),
        (["47", "12"], False),
    ],
)
def test_decimal_commas(cells, comma):
    assert has_decimal_commas(cells, typed=False) is comma


@given(st.floats(-1e6, 1e6, allow_nan=False))
def test_a_number_is_the_same_with_a_decimal_comma(value):
    text = f"{value:.6f}"
    assert read_number(text.replace(".", ","), decimal_comma=True) == read_number(text)
