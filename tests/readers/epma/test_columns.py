"""Which column is what: blocks, irons, quantities that come twice, and what is said of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from napari_olivine.calibration.stoichiometry import mg_number
from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profile, suggest
from napari_olivine.readers.epma.blocks import find_blocks
from napari_olivine.readers.epma.layout import headers_of
from napari_olivine.tabular import Sheet


@pytest.fixture
def table(tmp_path):
    """Write a table of two analyses: a header, and the values of its columns."""

    def write(header: str, *rows: str, above: str = "", name: str = "a.csv") -> Path:
        file = tmp_path / name
        lines = [*([above] if above else []), header, *rows]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    return write


def columns(file: Path) -> dict[str, int]:
    """Column (from 1) of each quantity that is taken."""
    return {c.quantity: c.column for c in suggest(file).columns if c.quantity}


# --- blocks -------------------------------------------------------------------------------------

WEIGHT, TIMES, LIMITS = "18.95,28.85,9.04,43.2", "60.0,30.0,60.0,30.0", "200,210,220,230"
ATOMIC, ERRORS = "14.4,25.3,3.4,56.9", "0.1,0.1,0.1,0.1"
HEADINGS = {WEIGHT: "Weight%", TIMES: "Peak Time (s)", LIMITS: "Det.Lim ppm(A)", ATOMIC: "Atomic%",
            ERRORS: "StdDev wt%"}  # fmt: skip


@pytest.mark.parametrize("headings", [True, False])
@pytest.mark.parametrize(
    "blocks",
    [*itertools.permutations([TIMES, WEIGHT, LIMITS]), (ATOMIC, WEIGHT), (ERRORS, WEIGHT, ATOMIC)],
)
def test_blocks_of_the_same_names(table, blocks, headings):
    """By their headings, which PeakSight packs side by side; without them by what they sum to."""
    above = ",".join(["", *(HEADINGS[block] if headings else "" for block in blocks)])
    header = ",".join(["DataSet/Point", *["Si,Mg,Fe,O"] * len(blocks), "Distance"])
    rows = [",".join([f"1 / {k + 1} .", *blocks, str(5 * k)]) for k in range(3)]
    file = table(header, *rows, above=above)
    assert columns(file)["Mg"] == 4 * blocks.index(WEIGHT) + 3
    found, problems = read_profile(file)
    np.testing.assert_allclose(found["MgO"], 28.85 * 1.6583, rtol=1e-4)
    assert [text for text in problems if "elements" not in text] == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("SiO2,FeO,MgO,SiO2,FeO,MgO", [[0, 1, 2], [3, 4, 5]]),
        ("SiO2,SiO2,FeO,FeO,MgO,MgO", [[0, 2, 4], [1, 3, 5]]),
        ("SiO2,MgO,MgO,FeO,CaO", [[0, 1, 3, 4], [2]]),
        ("SiO2,FeO,Fe2O3,FeOt,MgO", [[0, 1, 2, 3, 4]]),
        ("SiO2 wt%,NiO ppm,FeO wt%,MgO wt%", [[0, 2, 3], [1]]),
        ("Si,Fe,Mg,SiO2,FeO,MgO", [[0, 1, 2], [3, 4, 5]]),
    ],
)
def test_columns_stand_in_blocks(names, expected):
    sheet = Sheet("", [names.split(",")])
    found = find_blocks(sheet, 0, headers_of(sheet, 0))
    assert [sorted(block.columns.values()) for block in found] == expected


def test_of_two_blocks_the_one_that_sums_to_the_total_is_taken(table):
    file = table("d,SiO2,FeO,MgO,SiO2,FeO,MgO,Total", "0,38,12,46,40,12,47.2,99.2",
                 "5,38.1,13,45,39.6,13,46.4,99.0")  # fmt: skip
    assert columns(file)["MgO"] == 7
    (said,) = read_profile(file)[1]
    assert "the oxides of columns 2-4 are left out: their sum is not the total" in said


def test_of_two_blocks_the_one_that_is_olivine_is_taken(table):
    """Nothing but the formula tells M2SiO4 from numbers that sum to 100 as well."""
    file = table("d,SiO2,FeO,MgO,SiO2,FeO,MgO", "0,52,10,37,40.2,12,47", "5,53,9,37,40.1,12,46.9")
    assert columns(file)["MgO"] == 7
    assert "no formula of olivine" in read_profile(file)[1][0]


def test_two_blocks_between_which_nothing_decides_are_refused(table):
    file = table("d,SiO2,FeO,MgO,SiO2,FeO,MgO", "0,40.2,12,47,39.9,14,45.4", "5,40,12,47,40,14,46")
    with pytest.raises(InputError) as error:
        read_profile(file)
    assert "the columns 'SiO2' and 'SiO2' would both be SiO2, columns 2, 5" in str(error.value)
    assert "skip_columns = [5, 6, 7] or skip_columns = [2, 3, 4]" in str(error.value)
    (file.parent / "columns.toml").write_text(
        '[[table]]\nfile = "a.csv"\nskip_columns = [2, 3, 4]\n'
    )
    found, _ = read_profile(file, given(file))
    assert found["MgO"].tolist() == [45.4, 46]


def given(file: Path):
    from napari_olivine.readers.epma import load_mappings, mapping_for

    (mapping,) = mapping_for(file, load_mappings(file.parent))
    return mapping


def test_a_total_that_cannot_be_is_said(table):
    file = table("d,SiO2 wt%,FeO wt%,MgO wt%", "0,140,90,67", "5,141,90,66")
    (said,) = read_profile(file)[1]
    assert "the oxides sum to 297.0 wt% (median); check which columns are read" in said


def test_a_total_that_holds_more_than_was_read_is_said(table):
    file = table("d,Silica,FeO,MgO,Total", "0,40,12,47,99", "5,39,13,46,98")
    (said,) = read_profile(file)[1]
    assert "sum to 59.00 wt% (median), but the total of the table is 98.50" in said


# --- iron ---------------------------------------------------------------------------------------

IRON = {"FeO": "10.2", "Fe2O3": "2.0", "FeOt": "12.0"}
OTHERS = {"SiO2": "40.2", "MgO": "47.0", "CaO": "0.2"}


@pytest.mark.parametrize("irons", [("FeO", "Fe2O3"), ("FeO", "Fe2O3", "FeOt"), ("FeO", "FeOt"),
                                   ("FeOt", "Fe2O3"), ("FeOt",)])  # fmt: skip
@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("total", [True, False])
def test_all_iron_is_feo_in_any_order_of_columns(table, irons, turn, total):
    cells = list(({name: IRON[name] for name in irons} | OTHERS).items())
    cells = cells[turn * 2 :] + cells[: turn * 2]
    if total:
        cells.insert(turn, ("Total", "99.6"))
    header, row = (",".join(texts) for texts in zip(*cells, strict=True))
    found, problems = read_profile(table(f"d,{header}", f"0,{row}", f"5,{row}"))
    assert mg_number(found["MgO"], found["FeO"])[0] == pytest.approx(0.8747, abs=2e-4)
    assert found["SiO2"].tolist() == [40.2, 40.2]
    assert "Fe2O3" not in found
    assert (len(problems) > 0) == (len(irons) > 1), "what becomes of several irons is said"


@pytest.mark.parametrize(
    ("header", "cells", "feo", "why"),
    [
        # The same iron twice, as some programs write it.
        ("FeO,Fe2O3", "12.0,13.336", 12.0, "the same iron twice"),
        ("FeO,Fe2O3,Total", "12.0,13.336,99.4", 12.0, "the same iron twice"),
        # The total holds both, so they are parts that are alike by chance.
        ("FeO,Fe2O3,Total", "6.0,6.668,99.87", 12.0, "FeO + 0.8998 Fe2O3"),
        # The total is the sum without Fe2O3, which was calculated from all iron.
        ("FeO,Fe2O3,Total", "12.0,2.0,99.2", 12.0, "the sum with FeO alone"),
        ("FeO,Fe2O3", "12.0,0", 12.0, ""),
        ("Fe2O3", "13.336", 12.0, "converted to FeO (x 0.8998)"),
        ("Fe2O3(T)", "13.336", 12.0, "converted to FeO (x 0.8998)"),
        # They contradict each other, and the total decides.
        ("FeO,FeOt,Total", "12.0,10.0,99.2", 12.0, "with which the oxides sum to the total"),
        ("FeO,FeOt,Total", "14.0,12.0,99.2", 12.0, "with which the oxides sum to the total"),
        ("FeO,Fe2O3,FeOt,Total", "8,2,12.0,99.2", 12.0, "with which the oxides sum to the total"),
    ],
)
def test_irons_that_say_one_thing_twice_or_two_things(table, header, cells, feo, why):
    file = table(f"d,SiO2,MgO,{header}", *(f"{5 * k},40.2,47.0,{cells}" for k in range(3)))
    found, problems = read_profile(file)
    assert found["FeO"][0] == pytest.approx(feo, abs=2e-3)
    assert why in "".join(problems)
    assert bool(problems) == bool(why)


def test_irons_that_contradict_each_other_are_refused(table):
    file = table("d,SiO2,MgO,FeO,FeOt", "0,40,47,12,12", "5,40,47,12,10")
    with pytest.raises(InputError, match="columns of iron contradict each other") as error:
        read_profile(file)
    assert "FeO(total) is 10.00 and FeO come to 12.00 wt% FeO in row 3" in str(error.value)
    assert "skip_columns" in str(error.value)
    assert (error.value.facts.file, error.value.facts.row) == (str(file), 3)


def test_ferric_iron_that_is_blank_in_some_rows_counts_as_none(table):
    file = table("d,SiO2,MgO,FeO,Fe2O3", "0,40,47,10,2", "5,40,47,12,")
    found, problems = read_profile(file)
    np.testing.assert_allclose(found["FeO"], [11.7996, 12], atol=1e-3)
    assert "1 analyses have no Fe2O3, which counts as 0 there" in problems[1]


@pytest.mark.parametrize(
    ("header", "cells", "feo", "why"),
    [
        ("FeOt,FeO", ("12,", ",13"), [12, 13], "1 analyses have none there"),
        ("FeO,Fe2O3", ("12,", ",13.336"), [12, 12], "1 analyses have no FeO, which counts as 0"),
        ("FeOt,FeO,Fe2O3", ("12,10.2,2", ",11,2"), [12, 12.8], "theirs is taken from FeO and Fe"),
    ],
)
def test_rows_that_give_their_iron_in_another_column_keep_it(table, header, cells, feo, why):
    file = table(f"d,SiO2,MgO,{header}", *(f"{k},40,47,{cell}" for k, cell in enumerate(cells)))
    found, problems = read_profile(file)
    np.testing.assert_allclose(found["FeO"], feo, atol=1e-3)
    assert why in "".join(problems)


# --- quantities that come twice -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "rows", "mgo"),
    [
        ("MgO,MgO", ("47.12,47.12", "46.04,46.04"), [47.12, 46.04]),
        ("MgO,MgO", ("47.12,47.1", "46.04,46.0"), [47.12, 46.04]),
        ("MgO,MgO", ("47.1,47.12", "46.0,46.04"), [47.12, 46.04]),
        ("MgO,MgO", ("47.1,", "46.0,"), [47.1, 46.0]),
        ("MgO,MgO", (",47.1", "46.0,46.0"), [47.1, 46.0]),
    ],
)
def test_two_columns_of_the_same_numbers_are_one(table, header, rows, mgo):
    """The fuller of them, then the one with more digits."""
    file = table(f"d,SiO2,FeO,{header}", *(f"{5 * k},40,12,{row}" for k, row in enumerate(rows)))
    found, problems = read_profile(file)
    assert found["MgO"].tolist() == mgo
    assert problems == []


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("total", ["99.2", ""])
def test_of_two_magnesia_the_sum_decides_and_says_so(table, first, total):
    """The other column is an error, or a standard's; no order of columns decides."""
    pair = "47.2,0.3" if first else "0.3,47.2"
    file = table("d,SiO2,MgO,MgO,FeO,Total", *(f"{d},40,{pair},12,{total}" for d in (0, 5)))
    found, problems = read_profile(file)
    assert found["MgO"].tolist() == [47.2, 47.2]
    assert found["SiO2"].tolist() == [40, 40]
    (said,) = problems
    assert f"column {3 if first else 4} is taken and column {4 if first else 3} is left out" in said


def test_columns_that_stand_twice_are_decided_one_by_one(table):
    """The right FeO stands first, the right MgO last; CaO between them is not lost."""
    file = table("d,FeO,MgO,SiO2,FeO,CaO,MgO,Total", "0,12,44,40,3,0.2,47,99.2")
    found, (said,) = read_profile(file)
    assert found[["FeO", "MgO", "CaO", "SiO2"]].iloc[0].tolist() == [12, 47, 0.2, 40]
    assert "FeO, MgO stand twice in the header; columns 2, 7 are taken and columns 5, 3" in said
    assert "so the oxides sum to 99.20" in said


def test_single_columns_that_stand_twice_are_no_block(table):
    """MgO and FeO alone sum to 60 here, as a composition may."""
    file = table("d,FeO,CaO,MgO,SiO2,MgO,FeO", "0,11,0.2,0.5,40,47.7,12.4")
    with pytest.raises(InputError, match="would both be FeO, columns 2, 7"):
        read_profile(file)


def test_two_magnesia_that_both_can_be_are_refused(table):
    file = table("d,SiO2,MgO,MgO,FeO", "0,40,47.2,46,12", "5,40,47.1,46,12")
    with pytest.raises(InputError) as error:
        read_profile(file)
    assert "a.csv: the columns 'MgO' and 'MgO' would both be MgO, columns 3, 4" in str(error.value)
    assert "skip_columns = [4] or skip_columns = [3]" in str(error.value)


def test_elements_beside_oxides_must_say_the_same(table):
    header = "d,SiO2,FeO,MgO,Si wt%,Fe wt%,Mg wt%"
    assert read_profile(table(header, "0,40,12,47,18.698,9.328,28.342"))[1] == []
    (said,) = read_profile(table(header, "0,40,12,47,18.698,9.328,29.5"))[1]
    assert "Mg (column 7) is not what MgO (column 4) says, which is taken" in said


@pytest.mark.parametrize(("header", "value"), [("Fo", "87.5"), ("mg#", "0.875"), ("XMg", ".87")])
def test_the_table_s_own_mg_number_is_compared(table, header, value):
    names = f"d,SiO2,FeO,MgO,{header}"
    assert read_profile(table(names, f"0,40.2,12,47,{value}"))[1] == []
    (said,) = read_profile(table(names, f"0,40.2,14,47,{value}"))[1]
    assert f"'{header}' is 0.87" in said
    assert "MgO and all iron as FeO make mg# 0.857, which is used" in said


def test_of_two_mg_numbers_the_one_that_differs_is_said(table):
    file = table("d,SiO2,FeO,MgO,Fo,Mg#", "0,40.2,12,47,87.5,91.2")
    (said,) = read_profile(file)[1]
    assert said.startswith("a.csv: 'Mg#' is 0.912")


@pytest.mark.parametrize(
    ("header", "rows", "problem"),
    [
        ("Distance (um),Distance (mm)", ("0,0", "5,0.005", "10,0.01"), ""),
        ("Distance,Distance from core", ("0,10", "5,5", "10,0"), "counted from the other end"),
        ("Distance,Dist", ("0,0", "5,0", "10,0"), ""),
    ],
)
def test_two_distances_that_say_the_same(table, header, rows, problem):
    file = table(f"{header},SiO2,FeO,MgO", *(f"{row},40,12,47" for row in rows))
    found, problems = read_profile(file)
    assert found["distance_um"].tolist() == [0, 5, 10]
    assert problem in "".join(problems)
    assert bool(problems) == bool(problem)


def test_two_distances_that_contradict_each_other_are_refused(table):
    file = table("Distance,Dist,SiO2,FeO,MgO", "0,0,40,12,47", "5,8,40,12,47", "10,16,40,12,47")
    with pytest.raises(InputError, match="'Distance' and 'Dist' would both be distance"):
        read_profile(file)


def test_two_stages_beside_a_distance_are_both_left_out(table):
    header = "Distance,X,Stage X,Y,SiO2,FeO,MgO"
    found, (said,) = read_profile(table(header, "0,1,7,2,40,12,47", "5,1.005,7.2,2,40,12,47"))
    assert found["distance_um"].tolist() == [0, 5]
    assert "'Stage X' and column 2 would both be stage_x; neither is used" in said


def test_one_axis_written_twice_is_one(table):
    file = table("X (mm),X (um),Y (mm),SiO2,FeO,MgO", "1,1000,2,40,12,47", "1.01,1010,2,40,12,47")
    assert read_profile(file)[0]["stage_x_um"].tolist() == [1000, 1010]


def test_nothing_is_said_of_blocks_that_name_themselves(table):
    """Cations, at%, errors and limits are no oxides; that needs no word."""
    file = table("d,SiO2,FeO,MgO,Total,Si (apfu),Mg at%,MgO sd,FeO D.L.",
                 "0,40.2,12,47,99.2,0.99,25,0.1,0.02")  # fmt: skip
    assert read_profile(file)[1] == []


def test_a_row_without_a_number_has_no_sum(table):
    file = table("d,SiO2,FeO,MgO,Total", "0,40,12,crack,99", "5,40,12,crack,99", "9,40,12,47,99")
    (said,) = read_profile(file)[1]
    assert "2 cells of 'MgO' hold no number" in said
