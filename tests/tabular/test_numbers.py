"""Cells of text as numbers: signs, thousands, decimal commas, errors."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from napari_olivine.tabular import Marks, StoredNumber, find_marks, read_number


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
    ("cell", "point", "comma"),
    [
        ("12.345", 12.345, 12345), ("-8.765", -8.765, -8765), ("12,345", 12345, 12.345),
        ("0.123", 0.123, 0.123), ("1.000,5", None, 1000.5), ("1,000.5", 1000.5, None),
        ("1.234.567", None, 1_234_567), ("12 345,6", 12345.6, 12345.6),
        ("12\u202f345", 12345, 12345), ("12'345.6", 12345.6, 12345.6), ("47,2", 47.2, 47.2),
        ("1 23,4", None, None), ("1\xa02", None, None), ("12.3456", 12.3456, 12.3456),
        (StoredNumber("12.345"), 12.345, 12.345),
    ],
)  # fmt: skip
def test_the_convention_of_the_table_decides_what_a_mark_is(cell, point, comma):
    assert read_number(cell) == point
    assert read_number(cell, decimal_comma=True) == comma


@pytest.mark.parametrize(
    ("cells", "marks"),
    [
        (["47,12", "0,3"], Marks(comma="47,12")),
        (["47.12", "0.3"], Marks(point="47.12")),
        (["1,234.5", "47.1"], Marks(point="1,234.5")),
        (["12,345", "47.1"], Marks(point="47.1", either_comma="12,345")),
        (["12,345", "0,1"], Marks(comma="0,1", either_comma="12,345")),
        (["12.345", "<0,02"], Marks(comma="<0,02", either_point="12.345")),
        (["12.345", "8.765", "47"], Marks(either_point="12.345")),
        (["1.234.567"], Marks(comma="1.234.567")),
        (["47.25(13)", "47,2 ± 0,3"], Marks(point="47.25(13)", comma="47,2 ± 0,3")),
        ([StoredNumber("12.5"), "47", "17.04.2024", "crack, epoxy"], Marks()),
    ],
)  # fmt: skip
def test_what_numbers_show_of_their_decimal_mark(cells, marks):
    assert find_marks(cells) == marks


@given(st.floats(-1e6, 1e6, allow_nan=False))
def test_a_number_is_the_same_with_a_decimal_comma(value):
    text = f"{value:.6f}"
    assert read_number(text.replace(".", ","), decimal_comma=True) == read_number(text)
