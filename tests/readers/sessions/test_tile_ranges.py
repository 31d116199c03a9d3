"""Sessions by the tiles that belong to them: ranges, and breaks in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.sessions.session_tables import read_sessions
from napari_olivine.readers.sessions.tile_ranges import rectangles
from napari_olivine.section.tiles import Tiles

SHAPE = (60, 120)


def tiles(hours: list[float] | None = None) -> Tiles:
    """Return 3 x 4 tiles of 20 x 30 px called Field_00 ... Field_11, taken row by row."""
    table = Tiles.of_grid((3, 4), (20, 30)).table
    table["name"] = [f"Field_{number:02d}" for number in range(12)]
    if hours is not None:
        table["taken"] = pd.Timestamp("2026-01-22 21:48") + pd.to_timedelta(hours, unit="h")
    return Tiles(table)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions.csv"


@pytest.mark.parametrize("ends", [("Field_00", "Field_03"), ("0", "3"), ("00", "03")])
def test_a_range_of_tiles_that_is_a_rectangle(file: Path, ends: tuple[str, str]) -> None:
    file.write_text(f"session,first_tile,last_tile,role\nA,{ends[0]},{ends[1]},test\n")
    sessions = read_sessions(file).on_section(SHAPE, tiles())
    assert sessions.to_numpy().tolist() == [["A", 0, 20, 0, 120, "test"]]


def test_a_range_that_ends_within_a_row_becomes_several_rectangles(file: Path) -> None:
    file.write_text("session,first_tile,last_tile,role\nA,0,5,train\nB,6,11,val\n")
    assert read_sessions(file).on_section(SHAPE, tiles()).to_numpy().tolist() == [
        ["Aa", 0, 20, 0, 120, "train"],
        ["Ab", 20, 40, 0, 60, "train"],
        ["Ba", 20, 40, 60, 120, "val"],
        ["Bb", 40, 60, 0, 120, "val"],
    ]


@pytest.mark.parametrize(
    ("ends", "told"),
    [("0,99", "there is no tile '99'"), ("5,2", "comes after"), ("x,2", "there is no tile 'x'")],
)
def test_ranges_that_cannot_be(file: Path, ends: str, told: str) -> None:
    file.write_text(f"session,first_tile,last_tile\nA,{ends}\n")
    with pytest.raises(InputError, match=told):
        read_sessions(file).on_section(SHAPE, tiles())


def test_a_night_between_two_tiles_parts_sessions(file: Path) -> None:
    hours = [0.1 * number + (12 if number > 3 else 0) for number in range(12)]
    assert read_sessions(file).on_section(SHAPE, tiles(hours)).to_numpy().tolist() == [
        ["1", 0, 20, 0, 120, "train"],
        ["2", 20, 60, 0, 120, "none"],
    ]


@pytest.mark.parametrize("hours", [None, [0.1 * n for n in range(12)], [None] + [1.0] * 11])
def test_without_a_break_or_times_there_is_one_session(file: Path, hours) -> None:
    assert read_sessions(file).on_section(SHAPE, tiles(hours)).to_numpy().tolist() == [
        ["1", 0, 60, 0, 120, "train"]
    ]


@settings(deadline=None)
@given(st.sets(st.integers(0, 11), min_size=1))
def test_rectangles_cover_just_their_tiles(members: set[int]) -> None:
    covered: list[int] = []
    for top, bottom, left, right in rectangles(tiles(), np.array(sorted(members))):
        covered += [4 * r + c for r in range(top, bottom + 1) for c in range(left, right + 1)]
    assert sorted(covered) == sorted(members)
