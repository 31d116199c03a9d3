"""The laboratory's own verdict on an analysis."""

from __future__ import annotations

import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profile, read_profiles
from napari_olivine.readers.epma.mapping import Column
from napari_olivine.readers.epma.verdicts import rejected


def left_out(header: str, cells: list[str], quantity: str = "verdict") -> list[int]:
    why, _ = rejected([(Column(header=header, quantity=quantity), cells)])
    return sorted(why)


@pytest.mark.parametrize(
    ("header", "cells", "rows"),
    [
        ("Ignore", ["", "yes", "no", "x", "0"], [1, 3]),
        ("Bad", ["", "bad", "", "crack", ""], [1, 3]),
        ("Use", ["yes", "no", "yes", "yes", ""], [1]),
        ("Use", ["x", "", "x", "x", ""], [1, 4]),
        ("Valid", ["TRUE", "FALSE", "TRUE", "TRUE", "TRUE"], [1]),
        ("Not used", ["", "", "1", "", ""], [2]),
        ("Quality", ["good", "poor", "ok", "bad", "good"], [1, 3]),
        ("Comment", ["rim", "not bad", "bad point", "outlier", "badge"], [2, 3]),
    ],
)
def test_what_a_column_rejects(header, cells, rows):
    assert left_out(header, cells, "comment" if header == "Comment" else "verdict") == rows


def test_a_word_of_most_rows_is_a_name():
    """Bad Urach is a town."""
    why, problems = rejected([(Column(header="Comment", quantity="comment"), ["Bad Urach"] * 5)])
    assert why == {}
    assert "is taken for a name" in problems[0]


def test_marks_that_could_mean_either_are_told():
    why, problems = rejected([(Column(header="Flag", quantity="verdict"), ["0", "1", "0"])])
    assert why == {}
    assert "'Flag' holds '0', '1', which say nothing certain" in problems[0]


def test_a_rejected_row_is_left_out_with_the_reason(tmp_path):
    rows = [f"{k},{'low total' if k == 3 else ''},{5 * k},47,{12 + k}" for k in range(6)]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["Point,Ignore,Distance (um),MgO,FeO", *rows]))
    table, problems = read_profile(file)
    assert table["point"].tolist() == [0, 1, 2, 4, 5]
    assert problems == [
        "a.csv: 1 analyses that the laboratory rejected are left out: row 5: 'Ignore' says "
        "'low total'"
    ]


def test_remarks_beside_a_comment_reject_too(tmp_path):
    rows = [f"ol1,{'reject' if k == 2 else ''},{5 * k},47,{12 + k}" for k in range(6)]
    (tmp_path / "a.csv").write_text("\n".join(["Comment,Remarks,d (um),MgO,FeO", *rows]))
    assert read_profile(tmp_path / "a.csv")[0]["FeO"].tolist() == [12, 13, 15, 16, 17]


def test_a_table_whose_rows_are_all_rejected_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("Bad,d (um),MgO,FeO\nyes,0,47,12\nyes,5,46,13\n")
    with pytest.raises(InputError, match=r"a\.csv: all 2 analyses are marked as rejected \(row 2"):
        read_profile(tmp_path / "a.csv")


def test_positions_beside_the_table_count_rejected_points_too(tmp_path):
    head = "0,0,0,0\n" * 3
    (tmp_path / "a.pos").write_text(head + "".join(f'2,{k},"a",{k},2,3,0,1\n' for k in range(5)))
    rows = [f"{'x' if k == 2 else ''},47,{12 + k}" for k in range(5)]
    (tmp_path / "a.csv").write_text("\n".join(["Ignore,MgO,FeO", *rows]))
    analyses, _, _ = read_profiles(tmp_path)
    assert analyses["FeO"].tolist() == [12, 13, 15, 16]
    assert analyses["stage_x_um"].tolist() == [0, 1000, 3000, 4000]
