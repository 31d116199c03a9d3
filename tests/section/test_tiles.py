"""The tiles of a mosaic: side by side, overlapping, with gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.section.tiles import FEATHER, Tiles


def test_tiles_of_a_grid_touch_and_do_not_overlap() -> None:
    tiles = Tiles.of_grid((2, 3), (20, 30))
    assert len(tiles) == 6
    assert tiles.tile_shape == (20, 30)
    assert tiles.bounds[4].tolist() == [20, 40, 30, 60]
    assert tiles.table.loc[4, ["grid_row", "grid_col"]].tolist() == [1, 1]
    assert not tiles.overlap
    assert tiles.edges(0).tolist() == [0, 20, 40]
    assert tiles.edges(1).tolist() == [0, 30, 60, 90]


def test_tiles_survive_the_disk(tmp_path: Path) -> None:
    assert Tiles.read(tmp_path) is None
    tiles = Tiles.of_grid((2, 2), (5, 7))
    tiles.write(tmp_path)
    again = Tiles.read(tmp_path)
    assert again is not None
    assert again.table.equals(tiles.table)


def overlapping(step: tuple[int, int], tile_shape: tuple[int, int], grid: tuple[int, int]) -> Tiles:
    table = Tiles.of_grid(grid, tile_shape).table
    for start, stop, place, by, side in (
        ("row0", "row1", "grid_row", step[0], tile_shape[0]),
        ("col0", "col1", "grid_col", step[1], tile_shape[1]),
    ):
        table[start] = table[place] * by
        table[stop] = table[start] + side
    return Tiles(table)


def test_the_border_of_two_overlapping_tiles_is_the_middle_of_what_they_share() -> None:
    tiles = overlapping((16, 24), (20, 30), (2, 3))
    assert tiles.overlap
    assert tiles.edges(0).tolist() == [0, 18, 36]
    assert tiles.edges(1).tolist() == [0, 27, 51, 78]


def test_a_gap_in_the_grid_leaves_its_borders_where_they_would_be() -> None:
    tiles = Tiles.of_grid((3, 1), (10, 10))
    holed = Tiles(tiles.table.drop(index=1).reset_index(drop=True))
    assert holed.edges(0).tolist() == [0, 10, 20, 30]


def test_weights_rise_from_the_edge_and_are_nothing_outside() -> None:
    tiles = Tiles.of_grid((1, 1), (200, 100))
    weight = tiles.weight(0, np.arange(-5, 205), np.arange(100))
    assert weight.shape == (210, 100)
    assert not weight[:5].any()
    assert weight[5, 50] == 1
    assert weight[105, 50] == FEATHER
    assert weight[105].tolist() == weight[105, ::-1].tolist()


@settings(deadline=None)
@given(
    st.integers(1, 30), st.integers(1, 30), st.integers(0, 60), st.integers(0, 60)
)  # fmt: skip
def test_every_tile_that_reaches_into_a_window_is_found(
    rows: int, columns: int, top: int, left: int
) -> None:
    tiles = overlapping((16, 24), (20, 30), (4, 4))
    found = set(tiles.within(slice(top, top + rows), slice(left, left + columns)))
    for tile in range(len(tiles)):
        weight = tiles.weight(tile, np.arange(top, top + rows), np.arange(left, left + columns))
        assert weight.any() == (tile in found)


@pytest.mark.parametrize("count", [9000])
def test_overlaps_of_a_whole_section_are_found_at_once(count: int) -> None:
    side = int(count**0.5) + 1
    assert not Tiles.of_grid((side, side), (338, 512)).overlap


def test_what_no_tile_covers_is_known() -> None:
    tiles = overlapping((16, 24), (20, 30), (2, 2))
    holed = Tiles(tiles.table.drop(index=3).reset_index(drop=True))
    covered = holed.covers(slice(10, 40), slice(0, 54))
    assert covered.shape == (30, 54)
    assert covered[:10].all()  # rows 10 to 20: the upper tiles
    assert covered[10:26, :30].all()  # the lower left tile
    assert not covered[10:, 30:].any()
    assert not covered[26:].any()
