"""Which analyses are one traverse: crystals and profiles, numbers that begin anew, spots."""

from __future__ import annotations

import openpyxl
import pytest

from napari_olivine.readers.epma import read_profile

OLIVINE = [f"{47 - k / 4},12" for k in range(6)]


def read(folder, header, rows):
    file = folder / "t.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    table, problems = read_profile(file)
    return table["profile"].value_counts(sort=False).to_dict(), table, problems


def traverse(*names: str) -> list[str]:
    return [",".join([*names, str(5 * k), wt]) for k, wt in enumerate(OLIVINE)]


GRAINS = [("ol1", "1"), ("ol1", "2"), ("ol2", "1"), ("ol2", "2")]


@pytest.mark.parametrize("crystal", ["Crystal", "Grain_Name", "Sample", "Name"])
def test_crystal_and_profile_in_two_columns(tmp_path, crystal):
    rows = [row for names in GRAINS for row in traverse(*names)]
    found, _, _ = read(tmp_path, f"{crystal},Profile,Distance (um),MgO,FeO", rows)
    assert found == {"ol1 1": 6, "ol1 2": 6, "ol2 1": 6, "ol2 2": 6}


def test_a_profile_of_one_crystal_only_keeps_its_name(tmp_path):
    rows = [row for names in (("ol1", "A"), ("ol2", "B")) for row in traverse(*names)]
    found, _, _ = read(tmp_path, "Crystal,Profile,Distance (um),MgO,FeO", rows)
    assert found == {"A": 6, "B": 6}


def test_a_number_that_begins_anew_without_a_name_of_the_crystal(tmp_path):
    rows = [row for _, number in GRAINS for row in traverse(number)]
    found, _, _ = read(tmp_path, "Profile,Distance (um),MgO,FeO", rows)
    assert found == {"1 1": 6, "1 2": 6, "2 1": 6, "2 2": 6}


def test_a_profile_that_is_gone_on_with_later_stays_one(tmp_path):
    first, second = traverse("1"), traverse("2")
    found, table, _ = read(
        tmp_path, "Profile,Distance (um),MgO,FeO", [*first[:3], *second, *first[3:]]
    )
    assert found == {"1": 6, "2": 6}
    assert table["distance_um"][:6].tolist() == [0, 5, 10, 15, 20, 25]


def test_remarks_on_points_part_no_profile(tmp_path):
    rows = [f"{row},{'rim' if k in (0, 5) else 'core'}" for k, row in enumerate(traverse("1"))]
    rows += [f"{row},core" for row in traverse("2")]
    found, _, _ = read(tmp_path, "Profile,Distance (um),MgO,FeO,Comment", rows)
    assert found == {"1": 6, "2": 6}


def test_sheets_that_call_their_profiles_alike(tmp_path):
    book = openpyxl.Workbook()
    for sheet, mgo in ((book.active, 47.0), (book.create_sheet("ol2"), 41.0)):
        sheet.append(["Profile", "Distance (um)", "MgO", "FeO"])
        for number in (1, 2):
            for k in range(5):
                sheet.append([number, 5 * k, mgo - k - number / 8, 12.5])
    book.active.title = "ol1"
    book.save(tmp_path / "t.xlsx")
    table, _ = read_profile(tmp_path / "t.xlsx")
    names = table["profile"].value_counts(sort=False).to_dict()
    assert names == {"ol1 1": 5, "ol1 2": 5, "ol2 1": 5, "ol2 2": 5}


def test_spots_among_the_lines_of_a_sheet(tmp_path):
    line = [f"1 / {k + 1},{wt},{9000 + 5 * k},700" for k, wt in enumerate(OLIVINE)]
    spots = [f"{k} / 1,45,13,{4000 * k},-800" for k in (2, 3, 4, 5, 6, 7, 8)]
    found, table, problems = read(
        tmp_path, "DataSet/Point,MgO,FeO,X,Y", [*spots[:3], *line, *spots[3:]]
    )
    assert found == {"t spots": 7, "t": 6}
    assert table[table["profile"] == "t spots"]["distance_um"].isna().all()
    assert table[table["profile"] == "t"]["distance_um"].tolist() == [0, 5, 10, 15, 20, 25]
    assert any("'t spots' holds single spots" in told for told in problems)


def test_a_spot_without_a_distance_beside_a_line(tmp_path):
    """The stage leaps from the spot to the line, whose distances are its own."""
    line = [f"ol1,{wt},{9000 + 5 * k},700,{5 * k}" for k, wt in enumerate(OLIVINE)]
    found, table, _ = read(
        tmp_path, "Comment,MgO,FeO,X,Y,Distance (um)", ["core of ol 7,45,13,1000,99,", *line]
    )
    assert found == {"t spots": 1, "t": 6}
    assert table["distance_um"][1:].tolist() == [0, 5, 10, 15, 20, 25]


def test_analyses_without_any_place_among_others(tmp_path):
    rows = [*traverse("ol1"), *traverse("ol2"), "glass,,6,10", "glass,,6,11", "glass,,7,11"]
    found, table, problems = read(tmp_path, "Sample,Distance (um),MgO,FeO", rows)
    assert found["t glass"] == 3
    assert table[table["profile"] == "t glass"]["distance_um"].isna().all()
    assert any("neither distances nor positions" in told for told in problems)


def test_rows_without_a_profile_beside_named_ones_are_spots(tmp_path):
    line = [f"A,{wt},{9000 + 5 * k},700" for k, wt in enumerate(OLIVINE)]
    spots = [",45,13,100,90", ",44,14,400,20"]
    found, table, _ = read(tmp_path, "Profile,MgO,FeO,X,Y", [spots[0], *line, spots[1]])
    assert found == {"t spots": 2, "t": 6}
    assert table["distance_um"].notna().sum() == 6


def test_points_out_of_order_are_one_profile(tmp_path):
    """Every other point first, then those between them."""
    rows = [f"A,{d},{wt}" for d, wt in zip((0, 10, 20, 5, 15, 25), OLIVINE, strict=True)]
    found, _, problems = read(tmp_path, "Profile,Distance (um),MgO,FeO", [*rows, *traverse("B")])
    assert found == {"A": 6, "B": 6}
    assert any("'A' run to and fro" in told for told in problems)


def test_two_analyses_on_the_stage_are_taken_for_a_line_and_told(tmp_path):
    _, table, problems = read(tmp_path, "MgO,FeO,X (um),Y (um)", ["47,12,0,0", "46,13,30,40"])
    assert table["distance_um"].tolist() == [0, 50]
    assert "two analyses (rows 2-3) are taken for the ends of a line" in problems[0]


def test_a_gap_that_the_distances_count_through_parts_no_line(tmp_path):
    """A crack of 60 um, in a table without names."""
    way = [*range(0, 44, 4), *range(100, 144, 4)]
    rows = [f"{d},47,{12 + d / 50},{9000 + d},700" for d in way]
    found, table, _ = read(tmp_path, "Distance (um),MgO,FeO,X (um),Y (um)", rows)
    assert found == {"t": 22}
    assert table["distance_um"].tolist() == way


def test_straight_distances_join_no_crystals(tmp_path):
    """Far along one direction, the straight line from the first point seems to count through."""
    rows = [
        f"1,47,{12 + k + n},{6000 * n + 5 * k},700,{6000 * n + 5 * k}"
        for n in range(3)
        for k in range(6)
    ]
    found, table, _ = read(tmp_path, "Profile,MgO,FeO,X (um),Y (um),Distance (um)", rows)
    assert list(found.values()) == [6, 6, 6]
    assert table.groupby("profile")["distance_um"].agg(lambda d: d.max() - d.min()).max() == 25


def test_a_few_spots_of_one_name_far_apart_are_no_line(tmp_path):
    line = [f"ol1 Line {k:03d},{wt},{9000 + 5 * k},700" for k, wt in enumerate(OLIVINE)]
    glass = ["glass,6,10,100,90", "glass,6,11,4000,20"]
    found, table, _ = read(tmp_path, "Comment,MgO,FeO,X,Y", [*line, *glass])
    assert found == {"t": 6, "t spots": 2}
    assert table["distance_um"].notna().sum() == 6


def test_a_line_of_one_crystal_among_spots_of_others(tmp_path):
    line = [f"ol1,{wt},{9000 + 5 * k},700" for k, wt in enumerate(OLIVINE)]
    spots = [f"ol{k},45,13,{9000 + 60 * k},600" for k in range(2, 9)]
    found, _, _ = read(tmp_path, "Crystal,MgO,FeO,X (um),Y (um)", [*line, *spots])
    assert found == {"t": 6, "t spots": 7}
