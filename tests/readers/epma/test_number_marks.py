"""Decimal points, decimal commas and thousands: one convention a table."""

from __future__ import annotations

import openpyxl
import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profile, read_profiles, suggest


@pytest.fixture
def read(tmp_path):
    """Read a table that is written as text."""

    def reads(*lines: str):
        (tmp_path / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_profile(tmp_path / "a.csv")

    return reads


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        (("0", "500", "1.000", "12.345"), [0, 500, 1000, 12345]),
        (("0,0", "500,0", "1.000,5", "12.345,5"), [0, 500, 1000.5, 12345.5]),
        (("0", "0,5", "1,000", "1,500"), [0, 0.5, 1, 1.5]),
        (("0", "500", "1 000", "1 500"), [0, 500, 1000, 1500]),
    ],
)
def test_decimal_commas_of_the_oxides_say_what_a_point_is(read, distances, expected):
    table, _ = read("Abstand;SiO2;FeO;MgO", *(f"{d};40,2;12,0;47,0" for d in distances))
    assert table["distance_um"].tolist() == expected
    assert table["MgO"].tolist() == [47] * 4


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        (("0", "500", "1,000", "12,345"), [0, 500, 1000, 12345]),
        (("0", "1.234", "2.345", "12.345"), [0, 1.234, 2.345, 12.345]),
        (("0", "500", "1'000", "1'500"), [0, 500, 1000, 1500]),
    ],
)
def test_decimal_points_of_the_oxides_say_what_a_comma_is(read, distances, expected):
    table, _ = read("Distance\tSiO2\tFeO\tMgO", *(f"{d}\t40.2\t12.0\t47.0" for d in distances))
    assert table["distance_um"].tolist() == expected


@pytest.mark.parametrize("mark", [".", ","])
def test_three_decimals_everywhere_are_no_thousands(read, mark):
    """No oxide is twelve thousand per cent."""
    lines = [f"{d};40.201;12.002;47.003".replace(".", mark) for d in ("1.250", "2.500", "3.750")]
    table, problems = read("Distance;SiO2;FeO;MgO", *lines)
    assert table["distance_um"].tolist() == [1.25, 2.5, 3.75]
    assert table["MgO"].tolist() == [47.003] * 3
    assert problems == []


def test_oxides_with_three_decimals_part_the_thousands_of_the_stage(read):
    table, _ = read("X (um);Y (um);SiO2;FeO;MgO", "12.345;-8.765;40,201;12,002;47,003",
                    "12.355;-8.765;40,201;12,002;47,003")  # fmt: skip
    assert table["stage_x_um"].tolist() == [12345, 12355]
    assert table["stage_y_um"].tolist() == [-8765, -8765]


def test_what_is_read_as_thousands_is_said(read):
    _, problems = read("Abstand;SiO2;FeO;MgO", "0;40,2;12,0;47,0", "1.250;40,2;12,0;47,0")
    assert problems == [
        "a.csv: 1 cells of 'Abstand' are read with points between thousands ('1.250' is 1250), as "
        "the numbers of the table have decimal commas"
    ]


def test_counts_with_commas_between_thousands_say_nothing_of_the_oxides(read):
    row = "40.201\t12.002\t47.003\t1,234\t812\t9,456"
    table, _ = read("d\tSiO2\tFeO\tMgO\tSi\tFe\tMg", f"0.5\t{row}", f"1.5\t{row}")
    assert table["MgO"].tolist() == [47.003, 47.003]


UNDECIDED = ("Distance;SiO2;FeO;MgO", "0;40;12;47", "1.250;40;12;47", "2.500;40;13;46")


def test_a_table_that_does_not_decide_is_refused_with_the_choices(read):
    with pytest.raises(InputError) as error:
        read(*UNDECIDED)
    text = str(error.value)
    assert "a.csv, row 3, column 1: '1.250' is 1250 or 1.250" in text
    assert "no other number says which mark is the decimal one" in text
    assert "columns.toml" in text
    assert "decimal = '.' makes it 1.250, decimal = ',' makes it 1250" in text
    assert (error.value.facts.row, error.value.facts.file.endswith("a.csv")) == (3, True)


@pytest.mark.parametrize(("decimal", "distances"), [(".", [0, 1.25, 2.5]), (",", [0, 1250, 2500])])
def test_a_person_decides_with_one_line(tmp_path, decimal, distances):
    """The columns are still found out."""
    (tmp_path / "a.csv").write_text("\n".join(UNDECIDED) + "\n")
    (tmp_path / "columns.toml").write_text(f'[[table]]\nfile = "a.csv"\ndecimal = "{decimal}"\n')
    analyses, _, _ = read_profiles(tmp_path)
    assert analyses["distance_um"].tolist() == distances
    assert analyses["MgO"].tolist() == [47, 47, 46]


def test_a_table_that_contradicts_itself_is_refused(read):
    with pytest.raises(
        InputError, match=r"decimal points \('40.2'\) and decimal commas \('47,0'\)"
    ):
        read("Distance;SiO2;FeO;MgO", "0;40.2;12.0;47,0", "1.250;40.2;12.0;47,0")


def test_both_marks_are_read_where_no_number_can_be_misread(read):
    table, (said,) = read("Distance;SiO2;FeO;MgO", "0;40.2;12.0;47,25", "5;40.2;12.0;46,5")
    assert table["MgO"].tolist() == [47.25, 46.5]
    assert "each is read by its own mark" in said


def test_dates_and_comments_are_no_numbers_that_decide(read):
    """A version or a time with a point beside decimal commas."""
    table, problems = read("Abstand;SiO2;FeO;MgO;Zeit;Note", "0;40,2;12,0;47,0;12.30;2.1",
                           "1.250;40,2;12,0;47,0;12.45;2.1")  # fmt: skip
    assert table["distance_um"].tolist() == [0, 1250]
    assert len(problems) == 1


def test_numbers_that_a_workbook_keeps_are_never_thousands(tmp_path):
    """Only cells typed as text have a mark of their own."""
    book = openpyxl.Workbook()
    for row in (["Distance", "SiO2", "FeO", "MgO"], [1.25, "40,2", "12,0", 47.003],
                [12.345, "40,1", "1.234,5", 46.5]):  # fmt: skip
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert suggest(tmp_path / "a.xlsx").decimal == ","
    table, _ = read_profile(tmp_path / "a.xlsx")
    assert table["distance_um"].tolist() == [1.25, 12.345]
    assert table["FeO"].tolist() == [12, 1234.5]
    assert table["MgO"].tolist() == [47.003, 46.5]


def test_of_several_sheets_every_message_names_its_own(tmp_path):
    book = openpyxl.Workbook()
    good = [["d", "SiO2", "FeO", "MgO"], [0, 40.2, 12, 47], [5, 40.2, 13, "46 ± 1"]]
    bad = [["d", "SiO2", "FeO", "MgO"], ["1.250", 40, 12, 47], ["2.500", 40, 13, 46]]
    for name, rows in (("rims", good), ("cores", bad)):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    _, problems = read_profile(tmp_path / "a.xlsx")
    assert "a.xlsx, sheet 'rims': the errors behind 1 numbers of 'MgO' are left out" in problems
    assert problems[0].startswith(
        "a.xlsx: sheet 'cores' is left out: row 2, column 1: '1.250' is 1250 or 1.250"
    )
    with pytest.raises(InputError, match=r"a\.xlsx, sheet 'cores', row 2, column 1: '1.250' is"):
        read_profile(tmp_path / "a.xlsx", suggest(tmp_path / "a.xlsx", "cores"))
