"""The tables of Cameca, JEOL and Probe for EPMA, as their programs write them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profile, read_profiles, suggest
from tests.helpers.epma_tables import (
    OLIVINE,
    OXIDES,
    jeol_summary,
    peaksight_1,
    peaksight_2,
    probe_for_epma,
    total,
)


def assert_olivine(table, rows=OLIVINE):
    np.testing.assert_allclose(table[list(OXIDES)], rows, atol=1e-9)
    np.testing.assert_allclose(table["Total"], [total(row) for row in rows], atol=1e-6)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("write", [peaksight_1, peaksight_2])
def test_peaksight(tmp_path, write, encoding):
    """Tab-separated, though called .csv; the oxides are the last of three blocks."""
    file = tmp_path / "line.csv"
    file.write_bytes(write().encode(encoding))
    table, problems = read_profile(file)
    assert problems == []
    assert_olivine(table)
    assert set(table["profile"]) == {"line"}
    assert table["distance_um"].tolist() == [0, 5, 10, 15]
    assert table["point"].tolist() == [1, 2, 3, 4]
    assert table["stage_x_um"][0] == -10413
    assert "x_um" not in table, "a place on the stage is none in the section"
    assert table["comment"][0].startswith("KLV")


def test_peaksight_says_why(tmp_path):
    (tmp_path / "line.csv").write_text(peaksight_2(), encoding="latin-1")
    mapping = suggest(tmp_path / "line.csv")
    assert mapping.header_row == 41
    oxide = mapping.column_of("MgO")
    assert (oxide.column, oxide.unit) == (19, "wt%")
    assert oxide.confidence > 0.9
    left = {column.header for column in mapping.columns if not column.quantity}
    assert {"Si", "Mg", "O", "Mean Z", "Beam X", "Date"} <= left
    assert [c.why for c in mapping.columns if c.header == "Mg"] == [
        "in a block of elements, wt%: not taken",
        "in a block of elements, no shares by weight: not taken",
    ]


def test_the_datasets_of_peaksight_are_profiles(tmp_path):
    points = [(set_, k + 1, row) for set_ in (1, 2) for k, row in enumerate(OLIVINE)]
    (tmp_path / "ol.csv").write_text(peaksight_1(points), encoding="utf-8")
    table, problems = read_profile(tmp_path / "ol.csv")
    assert list(dict.fromkeys(table["profile"])) == ["ol 1", "ol 2"]
    assert table["distance_um"].tolist() == [0, 5, 10, 15] * 2
    assert table["point"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert any("holds 2 profiles: ol 1 (4), ol 2 (4)" in told for told in problems)


def test_single_spots_of_peaksight_stay_together(tmp_path):
    """Each spot is a DataSet of its own, with the distance 0."""
    points = [(k + 1, 1, row) for k, row in enumerate(OLIVINE)]
    (tmp_path / "spots.csv").write_text(peaksight_1(points), encoding="utf-8")
    text = (tmp_path / "spots.csv").read_text(encoding="utf-8")
    for k, x in enumerate((100, 9000, -4000, 7000)):
        text = text.replace(f"{32015 + 400 * (k + 1)}\t60", f"{x}\t60")
    (tmp_path / "spots.csv").write_text(text, encoding="utf-8")
    table, problems = read_profile(tmp_path / "spots.csv")
    assert set(table["profile"]) == {"spots"}
    assert table["distance_um"].isna().all()
    assert table["stage_y_um"].tolist() == [100, 9000, -4000, 7000]
    assert any("single spots with stage positions" in told for told in problems)


def test_two_spots_of_peaksight_are_no_line(tmp_path):
    points = [(k + 1, 1, row) for k, row in enumerate(OLIVINE[:2])]
    (tmp_path / "spots.csv").write_text(peaksight_1(points), encoding="utf-8")
    table, _ = read_profile(tmp_path / "spots.csv")
    assert table["distance_um"].isna().all()


def test_jeol_for_windows(tmp_path):
    """Of the columns in Mass%, net counts, k-ratios and limits, Mass% is taken."""
    (tmp_path / "summary.csv").write_text(jeol_summary())
    table, problems = read_profile(tmp_path / "summary.csv")
    assert problems == []
    assert_olivine(table)
    np.testing.assert_allclose(table["distance_um"], [0, 5, 10, 15], atol=1e-6)
    np.testing.assert_allclose(table["stage_x_um"][0], -36131.2)
    assert "K2O" not in table


def test_comments_that_begin_alike_are_one_profile(tmp_path):
    comments = [f"KLV {crystal} Line {k:03d}" for crystal in ("ol1", "ol2") for k in range(1, 5)]
    (tmp_path / "summary.csv").write_text(jeol_summary(comments))
    table, _ = read_profile(tmp_path / "summary.csv")
    assert list(dict.fromkeys(table["profile"])) == ["summary KLV ol1", "summary KLV ol2"]
    np.testing.assert_allclose(table["distance_um"], [0, 5, 10, 15] * 2, atol=1e-6)


SUN = """ Intermediate File : A0031.qtw
 Acc. Voltage :  15.0 (kV)   Curr.(A): 2.00E-08
 Dead Time File : Common

 Mass%
   No.    SiO2     FeO      MnO      MgO      CaO      Total    Comment
    1    40.100   12.050    0.180   47.200    0.210   99.740    KLV ol1 Line 1
    2    39.800   13.900    0.200   45.700    0.230   99.830    KLV ol1 Line 2
    3    39.200   16.600    0.250   43.500    0.240   99.790    KLV ol1 Line 3
    4    38.700   19.100    0.290   41.400    0.260   99.750    KLV ol1 Line 4

 Minimum  38.700   12.050    0.180   41.400    0.210   99.740
 Maximum  40.100   19.100    0.290   47.200    0.260   99.830
 Average  39.450   15.412    0.230   44.450    0.235   99.777
 Sigma     0.620    3.110    0.050    2.540    0.020    0.040
"""
SUN_STAGE = """   No.      X(mm)      Y(mm)      Z(mm)   Comment
    1     12.5000    41.2500    10.900   KLV ol1 Line 1
    2     12.5040    41.2530    10.900   KLV ol1 Line 2
    3     12.5080    41.2560    10.900   KLV ol1 Line 3
    4     12.5120    41.2590    10.900   KLV ol1 Line 4
"""


def test_jeol_on_sun_gives_the_stage_in_a_file_of_its_own(tmp_path):
    (tmp_path / "summary.txt").write_text(SUN)
    with pytest.raises(InputError, match="does not say where its points lie"):
        read_profile(tmp_path / "summary.txt")
    (tmp_path / "stage.txt").write_text(SUN_STAGE)
    analyses, files, problems = read_profiles(tmp_path)
    assert [file.name for file in files] == ["summary.txt", "stage.txt"]
    assert_olivine(analyses)
    np.testing.assert_allclose(analyses["distance_um"], [0, 5, 10, 15], atol=1e-6)
    assert "4 rows of averages, deviations or limits are left out" in problems[0]
    assert "taken from stage.txt" in problems[1]


def test_probe_for_epma(tmp_path):
    """Tab-separated with quotes; weight, atomic %, limits and errors in one row."""
    (tmp_path / "out.dat").write_text(probe_for_epma())
    table, _ = read_profile(tmp_path / "out.dat")
    assert list(dict.fromkeys(table["profile"])) == ["out KLV ol1", "out KLV ol2"]
    assert_olivine(table, OLIVINE * 2)
    assert table["distance_um"].tolist() == [0, 5, 10, 15] * 2
    assert table["stage_x_um"][0] == 12500
    assert table["point"].tolist() == [101, 102, 103, 104] * 2


TYPE_1 = '2,{n},"KLV ol1",{x},{y},10.9,0,1\n'
TYPE_2 = '2,{n},"KLV ol1",{x},{y},10.9,0,1,0,0,""\n'
TYPE_3 = '2,{n},"KLV ol1",{x},{y},10.9,0,1,0,0,"",1,15,20,5\n'


@pytest.mark.parametrize("line", [TYPE_1, TYPE_2, TYPE_3])
def test_positions_of_probe_for_epma(tmp_path, line):
    """Standards among the positions are no analyses of the section."""
    text = "0,0,0,0\n0,0,0,0\n0,0,0,0\n" + '1,12,"Fo90 std",60.1,20.2,10.9,0,1\n'
    text += "".join(line.format(n=k, x=12.5 + 0.003 * k, y=41 - 0.004 * k) for k in range(4))
    (tmp_path / "line.pos").write_text(text)
    rows = "\n".join(",".join(map(str, row)) for row in OLIVINE)
    (tmp_path / "line.csv").write_text(",".join(OXIDES) + "\n" + rows + "\n")
    analyses, files, problems = read_profiles(tmp_path)
    assert [file.name for file in files] == ["line.csv", "line.pos"]
    np.testing.assert_allclose(analyses["distance_um"], [0, 5, 10, 15], atol=1e-6)
    np.testing.assert_allclose(analyses["stage_x_um"][0], 12500)
    assert problems == ["the stage positions of 4 points are taken from line.pos"]


def test_positions_that_fit_no_table_are_told(tmp_path):
    (tmp_path / "other.pos").write_text("0,0,0,0\n" * 3 + TYPE_1.format(n=1, x=1, y=2))
    (tmp_path / "line.csv").write_text("distance,MgO,FeO\n0,47,12\n")
    analyses, _, problems = read_profiles(tmp_path)
    assert len(analyses) == 1
    assert problems == [
        "other.pos holds stage positions that fit no table of this folder; it is left out"
    ]


def test_a_damaged_position_file_is_refused(tmp_path):
    (tmp_path / "line.pos").write_text("0,0,0\n1,2\n")
    with pytest.raises(InputError, match=r"line\.pos is no position file"):
        read_profiles(tmp_path)
    (tmp_path / "line.pos").write_text("0,0,0,0\n" * 3 + '2,1,"a",x,y,z,0,1\n')
    with pytest.raises(InputError, match=r"line\.pos: position 1 is no line of type"):
        read_profiles(tmp_path)
