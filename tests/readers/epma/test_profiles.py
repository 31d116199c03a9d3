"""Microprobe tables under any header, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import column_name, read_profile, read_profiles
from tests.helpers.sources import PROFILE


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("FeO", "FeO"),
        ("FeOt", "FeO"),
        ("FeO*", "FeO"),
        ("FeOT", "FeO"),
        ("FeO (tot)", "FeO"),
        ("FeO total", "FeO"),
        (" feo [wt.%] ", "FeO"),
        ("MgO wt%", "MgO"),
        ("MGO_mass%", "MgO"),
        ("Fe2O3", "Fe2O3"),
        ("Total", "Total"),
        ("TOTAL (wt %)", "Total"),
        ("Sum", "Total"),
        ("distance", "distance_um"),
        ("Distance (um)", "distance_um"),
        ("Distance [µm]", "distance_um"),
        ("dist_um", "distance_um"),
        ("Distance, mm", "distance_mm"),
        ("Point No.", "point"),
        ("X (mm)", "x_mm"),
        ("x_um", "x_um"),
        ("Comment", None),
        ("Fe", None),
        ("Mg#", None),
    ],
)
def test_headers(header, name):
    assert column_name(header) == name


@pytest.mark.parametrize("separator", [",", "\t", ";", "  "])
def test_a_table_with_any_separator(tmp_path, separator):
    file = tmp_path / "line.csv"
    text = PROFILE.replace(",", separator)
    file.write_text(
        text.replace("0.2", "0,2").replace("99.2", "99,2") if separator == ";" else text
    )
    table, problems = read_profile(file)
    assert problems == []
    assert table["distance_um"].tolist() == [0, 4]
    assert table["MgO"].tolist() == [47, 42]
    assert table["CaO"].tolist() == [0.2, 0.2]
    assert table["Total"].tolist() == [99.2, 99.2]


def test_a_spreadsheet(tmp_path):
    rows = {"Distance (mm)": [0.0, 0.004], "MgO": [47.0, 42], "FeO*": [12.0, 18], "SiO2": [40, 39]}
    pd.DataFrame(rows).to_excel(tmp_path / "line.xlsx", index=False)
    table, _ = read_profile(tmp_path / "line.xlsx")
    assert table["distance_um"].tolist() == [0, 4]
    assert table["FeO"].tolist() == [12, 18]
    assert table["Total"].tolist() == [99, 99], "the sum of the oxides where no total is given"


def test_words_among_the_numbers_count_as_not_measured(tmp_path):
    file = tmp_path / "line.csv"
    file.write_text(PROFILE + "3,8,crack,crack,crack,,\n4,12,40,12,47,n.d.,99\n")
    table, problems = read_profile(file)
    assert np.isnan(table["MgO"][2])
    assert np.isnan(table["CaO"][3])
    assert table["distance_um"].tolist() == [0, 4, 8, 12]
    assert len(problems) == 4
    unsummed = file.with_name("unsummed.csv")
    unsummed.write_text("distance,MgO,FeO,CaO\n0,47,12,bd\n4,crack,12,1\n")
    table, _ = read_profile(unsummed)
    np.testing.assert_array_equal(table["Total"], [59, np.nan])
    assert any("line.csv" in told and "'MgO'" in told and "'crack'" in told for told in problems)


@pytest.mark.parametrize("absent", ["MgO", "FeO"])
def test_a_table_without_magnesium_or_iron_is_refused(tmp_path, absent):
    file = tmp_path / "line.csv"
    file.write_text(PROFILE.replace(absent, "Comment"))
    with pytest.raises(InputError) as error:
        read_profile(file)
    assert f"line.csv has no column {absent}" in str(error.value)
    assert "MgO and FeO (all iron as FeO) in wt% of oxides" in str(error.value)


def test_two_columns_of_one_oxide_are_refused(tmp_path):
    file = tmp_path / "line.csv"
    file.write_text("distance,MgO,FeO,FeO\n0,47,12,13\n")
    with pytest.raises(InputError, match="'FeO' and 'FeO' would both be FeO"):
        read_profile(file)
    file.write_text("distance,MgO,FeO,FeO*\n0,47,13,12\n")
    with pytest.raises(InputError, match="the columns of iron contradict each other"):
        read_profile(file)


def test_a_table_without_places_is_refused(tmp_path):
    file = tmp_path / "line.csv"
    file.write_text("MgO,FeO\n47,12\n")
    with pytest.raises(InputError, match="does not say where its points lie"):
        read_profile(file)
    file.write_text("distance,MgO,FeO\n0,47,12\n,46,13\n")
    with pytest.raises(InputError, match="analysis 2 has no distance"):
        read_profile(file)


def test_distances_from_the_stage(tmp_path):
    file = tmp_path / "line.csv"
    file.write_text("X,Y,MgO,FeO\n10.000,5.000,47,12\n10.003,5.004,46,13\n10.006,5.008,45,14\n")
    table, _ = read_profile(file)
    np.testing.assert_allclose(table["distance_um"], [0, 5, 10], atol=1e-9)
    assert "x_um" not in table


@pytest.mark.parametrize("content", ["", "distance,MgO,FeO\n", "\n\n"])
def test_an_empty_table_is_refused(tmp_path, content):
    file = tmp_path / "line.csv"
    file.write_text(content)
    with pytest.raises(InputError, match=r"line\.csv"):
        read_profile(file)


def test_a_folder_of_tables(tmp_path):
    (tmp_path / "b.csv").write_text(PROFILE)
    (tmp_path / "a.csv").write_text("distance,MgO,FeO,NiO\n0,47,12,0.3\n")
    (tmp_path / "placements.csv").write_text("profile,x0_px,y0_px,x1_px,y1_px\n")
    (tmp_path / ".hidden.csv").write_text("x")
    analyses, files, problems = read_profiles(tmp_path)
    assert [file.name for file in files] == ["a.csv", "b.csv"]
    assert problems == []
    assert list(analyses) == [
        "profile", "point", "distance_um", "SiO2", "FeO", "NiO", "MgO", "CaO", "Total", "x_um",
        "y_um",
    ]  # fmt: skip
    assert analyses["profile"].tolist() == ["a", "b", "b"]
    assert analyses["point"].tolist() == [1, 1, 2]
    (tmp_path / "a.txt").write_text(PROFILE)
    with pytest.raises(InputError, match="two tables called 'a'"):
        read_profiles(tmp_path)


def test_no_tables_make_an_empty_one(tmp_path):
    analyses, files, problems = read_profiles(tmp_path / "epma")
    assert (len(analyses), files, problems) == (0, [], [])
    assert list(analyses) == [
        "profile", "point", "distance_um", "SiO2", "FeO", "MgO", "CaO", "MnO", "Total", "x_um",
        "y_um",
    ]  # fmt: skip
    assert analyses["MgO"].dtype == float
