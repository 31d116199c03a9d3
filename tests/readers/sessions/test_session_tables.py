"""Sessions and placements: from the source's units to pixels and micrometres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.sessions import read_placements, read_sessions
from napari_olivine.section.tiles import Tiles

SHAPE = (60, 120)
TILES = Tiles.of_grid((3, 4), (20, 30))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "table.csv"


def test_sessions_in_tiles_include_both_ends(file):
    file.write_text(
        "session,first_row,last_row,first_col,last_col,role\n7,0,2,0,1,train\nB,1,1,2,3,Val\n"
    )
    assert read_sessions(file).on_section(SHAPE, TILES).to_numpy().tolist() == [
        ["7", 0, 60, 0, 60, "train"],
        ["B", 20, 40, 60, 120, "val"],
    ]


def test_sessions_in_pixels_and_without_roles(file):
    file.write_text("session,row0,row1,col0,col1\n1,0,60,0,40\n")
    sessions = read_sessions(file).on_section(SHAPE, None)
    assert sessions.to_numpy().tolist() == [["1", 0, 60, 0, 40, "none"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("session,role\n1,train\n", "lacks the columns row0, row1, col0, col1"),
        ("session,row0,row1,col0,col1\n1,0,61,0,40\n", "the section has 60 x 120 px"),
        ("session,row0,row1,col0,col1\n1,30,30,0,40\n", "covers rows 30-30"),
        ("session,row0,row1,col0,col1\n1,0,a,0,40\n", "the range of session '1' is no number"),
        ("session,row0,row1,col0,col1\n1,0,1.5,0,40\n", "the range of session '1' is no number"),
        ("session,row0,row1,col0,col1,role\n1,0,6,0,4,learn\n", "has the role 'learn'; known:"),
        ("session,row0,row1,col0,col1\n1,0,6,0,4\n1,0,6,4,8\n", "session '1' stands there twice"),
        ("session,first_row,last_row,first_col,last_col\n1,0,0,0,0\n", "and there are none"),
    ],
)
def test_sessions_that_cannot_be(file, text, told):
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read_sessions(file).on_section(SHAPE, None)
    assert told in str(error.value)
    assert "table.csv" in str(error.value)


@pytest.mark.parametrize("tiles", ["0,3,0,1", "2,1,0,1", "-1,1,0,1", "0,1,2,4"])
def test_sessions_of_tiles_that_are_not_there(file, tiles):
    file.write_text(f"session,first_row,last_row,first_col,last_col\n1,{tiles}\n")
    with pytest.raises(InputError, match="but there are 3 x 4, counted from 0"):
        read_sessions(file).on_section(SHAPE, TILES)


def test_sessions_of_overlapping_tiles_end_in_the_middle_of_the_overlap(file):
    table = TILES.table.copy()
    for start, stop, place, step in (
        ("row0", "row1", "grid_row", 16),
        ("col0", "col1", "grid_col", 26),
    ):
        side = table[stop] - table[start]
        table[start] = table[place] * step
        table[stop] = table[start] + side
    file.write_text("session,first_row,last_row,first_col,last_col\n1,0,0,0,3\n2,1,2,0,3\n")
    sessions = read_sessions(file).on_section((52, 108), Tiles(table))
    assert sessions[["row0", "row1"]].to_numpy().tolist() == [[0, 18], [18, 52]]
    assert sessions[["col0", "col1"]].to_numpy().tolist() == [[0, 108], [0, 108]]


def analyses(*names: str, spots: bool = False) -> pd.DataFrame:
    place = 10.0 if spots else np.nan
    return pd.DataFrame({"profile": list(names), "x_um": place, "y_um": place})


def placed(
    file: Path, analyses: pd.DataFrame, pixel_size_um: float
) -> tuple[pd.DataFrame, list[str]]:
    return read_placements(file, pixel_size_um).on_section(analyses, None, SHAPE, pixel_size_um)


def test_placements_in_pixels_become_micrometres(file):
    file.write_text("profile,x0_px,y0_px,x1_px,y1_px,use\na,1,2,3,4,calibrate\nb,5,6,7,8,test\n")
    placements, problems = placed(file, analyses("a", "b"), 0.5)
    assert problems == []
    assert placements.to_numpy().tolist() == [
        ["a", "line", 0.5, 1, 1.5, 2, "calibrate"],
        ["b", "line", 2.5, 3, 3.5, 4, "test"],
    ]


def test_placements_in_micrometres_stay(file):
    file.write_text("profile,x0_um,y0_um,x1_um,y1_um\na,1,2,3,4\n")
    placements, _ = placed(file, analyses("a"), 0.5)
    assert placements.to_numpy().tolist() == [["a", "line", 1, 2, 3, 4, "calibrate"]]


def test_spots_need_no_ends(file):
    placements, problems = placed(file, analyses("s", spots=True), 1.0)
    assert problems == []
    assert placements[["profile", "kind", "use"]].to_numpy().tolist() == [
        ["s", "spots", "calibrate"]
    ]
    assert placements[["x0_um", "y1_um"]].isna().all(axis=None)


def test_what_may_spoil_the_calibration_is_told(file):
    file.write_text("profile,x0_px,y0_px,x1_px,y1_px\na,1,2,300,4\nghost,1,2,3,4\n")
    placements, problems = placed(file, analyses("a", "later"), 1.0)
    assert placements["profile"].tolist() == ["a"], "off the section, but kept to be moved"
    assert len(problems) == 3
    assert "'ghost', but there is no EPMA table of that name" in problems[0]
    assert "'later' has no placement yet" in problems[1]
    assert "'a' lies off the section (x 1 to 300 um, y 2 to 4 um" in problems[2]
    off = pd.DataFrame({"profile": ["s", "s"], "x_um": [1.0, 500.0], "y_um": [1.0, 1.0]})
    _, problems = placed(file.with_name("none.csv"), off, 1.0)
    assert "1 of 2 spots of 's' lie off the section" in problems[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("profile,x0_px\na,1\n", "lacks the columns y0_px, x1_px, y1_px"),
        ("profile,x0_px,y0_px,x1_px,y1_px\na,1,2,there,4\n", "x1_px of profile 'a' is no number"),
        ("profile,x0_px,y0_px,x1_px,y1_px\na,1,2,3,4\na,1,2,3,4\n", "'a' is placed twice"),
        ("profile,x0_px,y0_px,x1_px,y1_px,use\na,1,2,3,4,maybe\n", "has the use 'maybe'; known:"),
    ],
)
def test_placements_that_cannot_be(file, text, told):
    file.write_text(text)
    with pytest.raises(InputError) as error:
        placed(file, analyses("a"), 1.0)
    assert told in str(error.value)


# --- as spreadsheet programs save them ---

SESSIONS = "session,row0,row1,col0,col1,role\n1,0,60,0,40,train\n2,0,60,40,120,val\n"
READ = [["1", 0, 60, 0, 40, "train"], ["2", 0, 60, 40, 120, "val"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", ", "])
@pytest.mark.parametrize("end", ["", ",", ",,,"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_cells_behind_the_last_and_codes(file, separator, end, encoding):
    """A comma at the end of each row must not move the cells by a column."""
    text = SESSIONS.replace("\n", end + "\n") + end + "\n\n"
    text = text.replace(",", separator)
    file.write_bytes(text.encode(encoding))
    assert read_sessions(file).on_section(SHAPE, None).to_numpy().tolist() == READ


def test_a_comma_behind_the_rows_alone(file):
    header, *rows = SESSIONS.splitlines()
    file.write_text("\n".join([header, *(row + "," for row in rows)]))
    assert read_sessions(file).on_section(SHAPE, None).to_numpy().tolist() == READ


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SESSIONS.replace("train", "train,oops"), "a row has 7 cells (1, 0, 60, 0, 40, train"),
        (SESSIONS.replace("1,0,60", "1,0,6,0"), "a row has 7 cells (1, 0, 6, 0, 0"),
        (SESSIONS.replace("col1", "col0"), "has the column 'col0' twice"),
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("x" * 200_000, "lacks the columns"),
    ],
)
def test_a_table_that_is_not_in_order_is_told(file, text, told):
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read_sessions(file).on_section(SHAPE, None)
    assert told in str(error.value)
    assert str(file) in str(error.value)


def test_placements_with_decimal_commas(file):
    file.write_text("profile;x0_um;y0_um;x1_um;y1_um\nol1;1,5;2;30,25;40\n")
    analyses = pd.DataFrame({"profile": ["ol1"], "x_um": [np.nan], "y_um": [np.nan]})
    placements, problems = placed(file, analyses, 1.0)
    assert placements[["x0_um", "y0_um", "x1_um", "y1_um"]].to_numpy().tolist() == [
        [1.5, 2, 30.25, 40]
    ]
    assert problems == []
