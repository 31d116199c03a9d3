"""Sheets that repeat each other: each analysis counts once."""

from __future__ import annotations

import openpyxl
import pytest

from napari_olivine.readers.epma import read_profile, read_profiles
from napari_olivine.readers.epma.repeats import is_reviewed

LINE = [(5 * k, 47 - k / 4, 12 + k / 2) for k in range(8)]


def book(folder, **sheets):
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name.replace("_", " "))
        sheet.append(["Distance (um)", "MgO", "FeO"])
        for row in rows:
            sheet.append(row)
    workbook.save(folder / "b.xlsx")
    return folder / "b.xlsx"


def test_the_reviewed_sheet_wins_and_what_it_lacks_stays_out(tmp_path):
    reviewed = [row for k, row in enumerate(LINE) if k not in (2, 5)]
    table, problems = read_profile(book(tmp_path, all=LINE, final=reviewed))
    assert table["MgO"].tolist() == [row[1] for row in reviewed]
    assert set(table["profile"]) == {"b final"}
    assert any("row 4: sheet 'final' has no such analysis" in told for told in problems)


def test_else_the_longer_sheet_wins(tmp_path):
    table, problems = read_profile(book(tmp_path, rims=LINE[:4], all=LINE))
    assert table["MgO"].tolist() == [row[1] for row in LINE]
    assert problems == [
        "b.xlsx: sheet 'rims' holds the analyses of sheet 'all' again and is left out"
    ]


def test_sheets_that_overlap_are_put_together(tmp_path):
    more = [(5 * k, 30 - k, 25) for k in range(3)]
    table, problems = read_profile(book(tmp_path, one=LINE, two=[*LINE[4:], *more]))
    assert sorted(table["MgO"]) == sorted([row[1] for row in LINE] + [row[1] for row in more])
    assert any("the other 3 of 'two' are used" in told for told in problems)


def test_a_rounded_copy_is_a_copy(tmp_path):
    rounded = [(d, round(mg + 0.003, 2), round(fe, 2)) for d, mg, fe in LINE]
    assert len(read_profile(book(tmp_path, raw=LINE, table_1=rounded))[0]) == len(LINE)


def test_sheets_of_other_analyses_are_all_used(tmp_path):
    other = [(d, mg - 5, fe + 6) for d, mg, fe in LINE]
    table, problems = read_profile(book(tmp_path, ol1=LINE, ol2=other))
    assert table["profile"].value_counts(sort=False).to_dict() == {"b ol1": 8, "b ol2": 8}
    assert problems == []


def test_files_that_repeat_each_other_are_told(tmp_path):
    text = "\n".join(["Distance (um),MgO,FeO", *(f"{d},{mg},{fe}" for d, mg, fe in LINE)])
    for name in ("a.csv", "copy of a.csv"):
        (tmp_path / name).write_text(text)
    _, _, problems = read_profiles(tmp_path)
    assert problems == [
        "8 analyses of copy of a.csv stand in a.csv again and count twice: leave one of the two "
        "files out"
    ]


@pytest.mark.parametrize(
    ("name", "reviewed"),
    [("Reviewed", True), ("final_2", True), ("clean data", True), ("unreviewed", False),
     ("not checked", False), ("Finale", False), ("Sheet1", False)],
)  # fmt: skip
def test_names_of_reviewed_sheets(name, reviewed):
    assert is_reviewed(name) is reviewed
