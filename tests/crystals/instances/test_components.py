"""Components found strip by strip are those of the whole image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.crystals.instances.components import (
    Strip,
    join_strips,
    label_strip,
    summarize_strip,
)


def by_strips(
    mask: NDArray[np.bool_],
    height: int,
    *,
    diagonals: bool,
    min_area_px: float = 1,
) -> tuple[NDArray[np.uint32], pd.DataFrame]:
    """Label an image in strips of some height."""
    strips, found = [], []
    for row in range(0, len(mask), height):
        rows = slice(row, row + height)
        labels = label_strip(mask[rows], diagonals=diagonals)
        found.append(labels)
        strips.append(summarize_strip(labels, row))
    numbers, table = join_strips(strips, diagonals=diagonals, min_area_px=min_area_px)
    pieces = [number[labels] for number, labels in zip(numbers, found, strict=True)]
    return np.concatenate(pieces), table


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    density=st.floats(0.05, 0.9),
    height=st.integers(1, 40),
    diagonals=st.booleans(),
)
def test_strips_give_the_components_of_the_whole_image(
    seed: int, rows: int, columns: int, density: float, height: int, diagonals: bool
) -> None:
    mask = np.random.default_rng(seed).random((rows, columns)) < density
    labels, table = by_strips(mask, height, diagonals=diagonals)
    structure = ndimage.generate_binary_structure(2, 2 if diagonals else 1)
    expected, count = ndimage.label(mask, structure)
    np.testing.assert_array_equal(labels, expected)  # numbers too: both in reading order
    assert table["id"].tolist() == list(range(1, count + 1))
    for crystal, box in zip(table.itertuples(), ndimage.find_objects(expected), strict=True):
        assert (crystal.row0, crystal.row1) == (box[0].start, box[0].stop)
        assert (crystal.col0, crystal.col1) == (box[1].start, box[1].stop)
        where = np.argwhere(expected == crystal.id)
        assert crystal.area_px == len(where)
        np.testing.assert_allclose((crystal.row, crystal.col), where.mean(axis=0))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 30), smallest=st.integers(2, 30))
def test_small_specks_are_left_out_and_numbers_have_no_gaps(
    seed: int, height: int, smallest: int
) -> None:
    mask = np.random.default_rng(seed).random((30, 30)) < 0.4
    labels, table = by_strips(mask, height, diagonals=True, min_area_px=smallest)
    areas = np.bincount(ndimage.label(mask, np.ones((3, 3)))[0].ravel())[1:]
    assert sorted(table["area_px"]) == sorted(areas[areas >= smallest])
    assert np.array_equal(np.unique(labels[labels > 0]), table["id"].to_numpy())


def test_a_strip_survives_the_disk(tmp_path: Path) -> None:
    strip = summarize_strip(label_strip(np.eye(5, dtype=bool), diagonals=False), 100)
    strip.save(tmp_path / "strip.npz")
    again = Strip.load(tmp_path / "strip.npz")
    assert again.area.tolist() == [1, 1, 1, 1, 1]
    assert again.boxes[0].tolist() == [100, 101, 0, 1]
    np.testing.assert_array_equal(again.first, strip.first)
    assert [file.name for file in tmp_path.iterdir()] == ["strip.npz"]
