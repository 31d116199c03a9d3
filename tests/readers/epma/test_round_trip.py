"""Tables in the manner of each laboratory are read to the digits, or refused with a reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profile
from tests.helpers.epma_laboratories import (
    ENCODINGS,
    MANNERS,
    Written,
    as_text,
    localised,
    with_strange_columns,
)

CONVENTIONS = (("\t", ".", ""), (",", ".", ""), (";", ".", ""), (";", ",", ""), ("\t", ",", ""),
               (";", ",", "."), ("\t", ",", " "), ("\t", ".", ","), (";", ".", "'"))  # fmt: skip
"""Separator, decimal mark, mark between thousands."""

quick = settings(
    max_examples=220, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def assert_read(file: Path, written: Written) -> None:
    """The numbers that were written come out, or a refusal that may be."""
    try:
        table, _ = read_profile(file)
    except InputError as error:
        assert written.refused, f"{error}\n{written}"
        assert file.name in str(error)
        return
    for name, values in written.expected.items():
        assert name in table, name
        np.testing.assert_allclose(table[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("manner", MANNERS)
def test_workbooks(tmp_path, manner):
    """Cells that the workbook keeps as numbers, and cells in which they are typed as text."""
    file = tmp_path / "session.xlsx"

    @settings(quick, max_examples=15)
    @given(st.integers(0, 2**32), st.sampled_from([".", ","]), st.sampled_from([0.0, 0.2, 1.0]))
    @example(16_000, ",", 0.2)  # of two columns of MgO the coarser one was taken
    def reads(seed, decimal, share):
        random = Random(seed)
        written = MANNERS[manner](random)
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Tabelle 1")
        for row in written.rows:
            sheet.append([_typed(random, cell, decimal, share) for cell in row])
        book.save(file)
        assert_read(file, written)

    reads()


def test_columns_that_only_seem_to_be_the_composition(tmp_path):
    """Other numbers than those of the analyses are refused, or said; most tables are read."""
    file = tmp_path / "session.csv"
    outcomes = Counter[str]()

    @settings(quick, max_examples=150, derandomize=True)
    @given(st.integers(0, 2**32))
    def reads(seed):
        written = with_strange_columns(Random(seed))
        file.write_text(as_text(written, ",", ".", ""), encoding="utf-8")
        try:
            table, problems = read_profile(file)
        except InputError as error:
            assert "would both be" in str(error)
            outcomes["refused"] += 1
            return
        right = all(
            name in table and np.allclose(table[name], values)
            for name, values in written.expected.items()
        )
        assert right or any("left out" in text for text in problems), written
        outcomes["read" if right else "said"] += 1

    reads()
    assert outcomes["read"] > outcomes["refused"] > outcomes["said"]


def _typed(random: Random, cell: str, decimal: str, share: float) -> str | float | None:
    try:
        number = float(cell)
    except ValueError:
        return cell or None
    return localised(cell, decimal, "") if random.random() < share else number


@pytest.mark.parametrize("manner", MANNERS)
def test_texts(tmp_path, manner):
    file = tmp_path / "session.csv"

    @quick
    @given(st.integers(0, 2**32), st.sampled_from(CONVENTIONS), st.sampled_from(ENCODINGS))
    def reads(seed, convention, encoding):
        written = MANNERS[manner](Random(seed))
        text = as_text(written, *convention)
        file.write_bytes(text.encode(encoding, errors="replace"))
        assert_read(file, written)

    reads()
