"""Tables as people of many laboratories keep them: their languages, layouts and slips."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import preview, read_profile, suggest
from napari_olivine.readers.epma.column_headers import read_header
from napari_olivine.tabular.numbers import read_number
from tests.helpers.epma_tables import OLIVINE, total, write_ods_body

MGO = [row[3] for row in OLIVINE]
FEO = [row[1] for row in OLIVINE]
NAMES = ["Distance (µm)", "SiO2", "FeO", "MnO", "MgO", "CaO", "Total"]
ROWS = [[5.0 * k, *row, total(row)] for k, row in enumerate(OLIVINE)]


def book(file: Path, rows: list[list[object]], *more: tuple[str, list[list[object]]]) -> Path:
    """Write a workbook of one sheet, and of others by their names."""
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    for name, cells in more:
        sheet = workbook.create_sheet(name)
        for row in cells:
            sheet.append(row)
    workbook.save(file)
    return file


def text(file: Path, names: list[str], rows: list[list[object]], separator: str = ",") -> Path:
    lines = [separator.join(str(cell) for cell in row) for row in [names, *rows]]
    file.write_text("\n".join(lines) + "\n")
    return file


def assert_read(file: Path) -> list[str]:
    """The four analyses come out, 5 um apart, in one profile; return what is told."""
    table, problems = read_profile(file)
    assert set(table["profile"]) == {file.stem}
    np.testing.assert_allclose(table["MgO"], MGO)
    np.testing.assert_allclose(table["FeO"], FEO)
    np.testing.assert_allclose(table["distance_um"], [0, 5, 10, 15])
    return problems


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "quantity", "unit"),
    [
        ("Abstand [µm]", "distance", "um"), ("Entfernung (mm)", "distance", "mm"),
        ("Distancia (µm)", "distance", "um"), ("Length (µm)", "distance", "um"),
        ("distance to rim [microns]", "distance", "um"), ("µm", "distance", "um"),
        ("MgO [Gew.-%]", "MgO", "wt%"), ("FeO Masse-%", "FeO", "wt%"), ("SiO2 Ma.%", "SiO2", "wt%"),
        ("CaO (% poids)", "CaO", "wt%"), ("ΣFeO", "FeOt", ""), ("FeOᵀ", "FeOt", ""),
        ("Summe", "Total", ""), ("Somme", "Total", ""), ("Kommentar", "comment", ""),
        ("StgX", "stage_x", ""),
        # A small sigma is the error of FeO; U is uranium; others only look alike.
        ("\u03c3(FeO)", "", ""), ("\u03c3 FeO", "", ""), ("U", "", ""), ("wt%", "", ""),
        ("Plasma %", "", ""),
    ],
)  # fmt: skip
def test_headers_of_other_languages(header, quantity, unit):
    found = read_header(header)
    assert (found.quantity, found.unit) == (quantity, unit)


def test_a_german_table(tmp_path):
    rows = [[str(cell).replace(".", ",") for cell in row] for row in ROWS]
    names = ["Abstand [µm]", *(f"{o} [Gew.-%]" for o in NAMES[1:-1]), "Summe"]
    file = text(tmp_path / "linie.txt", names, rows, "\t")
    assert assert_read(file) == []
    assert read_profile(file)[0]["Total"][0] == pytest.approx(ROWS[0][-1])


@pytest.mark.parametrize(
    "word",
    ["Mittelwert", "Standardabweichung", "Stabw.", "Moyenne", "Écart-type", "Médiane", "Promedio"],
)
def test_averages_in_other_languages_are_left_out(tmp_path, word):
    names = ["Punkt", *NAMES]
    rows = [[k + 1, *row] for k, row in enumerate(ROWS)]
    (told,) = assert_read(text(tmp_path / "ol.csv", names, [*rows, [word, 7.5, *ROWS[0][1:]]]))
    assert told == "ol.csv: 1 rows of averages, deviations or limits are left out (row 6)"


# --- two rows of names --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "header"),
    [
        (["Position", "Oxides wt%", *[None] * 5], ["(µm)", *NAMES[1:]]),
        (["Distance (µm)", "Oxides wt%", *[None] * 5], [None, *NAMES[1:]]),
        (["Distance", "wt%", *[None] * 5], ["µm", *NAMES[1:]]),
    ],
)
def test_a_name_merged_over_two_rows(tmp_path, above, header):
    file = book(tmp_path / "ol.xlsx", [["Olivine"], above, header, *ROWS])
    assert assert_read(file) == []
    assert preview(file, suggest(file)).error == ""


def test_sample_and_point_merged_over_two_rows(tmp_path):
    above = ["Sample", "Point", "Distance (µm)", "Oxide wt%", *[None] * 5]
    rows = [[f"ol{1 + (k > 3)}", k + 1, *ROWS[k % 4]] for k in range(8)]
    file = book(tmp_path / "a.xlsx", [above, [None, None, None, *NAMES[1:]], *rows])
    table, _ = read_profile(file)
    assert table["profile"].value_counts().to_dict() == {"a ol1": 4, "a ol2": 4}
    assert table["point"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_the_title_of_a_sheet_is_no_name_of_a_column(tmp_path):
    """The labels beneath would part rim and core, if they named crystals."""
    rows = [[word, *row] for word, row in zip(["rim", "rim", "core", "core"], ROWS, strict=True)]
    file = book(tmp_path / "ol.xlsx", [["Olivine"], [None, *NAMES], *rows])
    assert assert_read(file) == []


# --- places -------------------------------------------------------------------------------------


def test_one_axis_without_the_other_is_a_distance(tmp_path):
    file = text(tmp_path / "ol.csv", ["x (µm)", *NAMES[1:]], ROWS)
    (told,) = assert_read(file)
    assert told == "ol.csv: 'x (µm)' is taken for the distance (one axis without the other)"


def test_both_axes_stay_places_of_the_stage(tmp_path):
    rows = [[row[0], 2.0, *row[1:]] for row in ROWS]
    file = text(tmp_path / "ol.csv", ["x (µm)", "y (µm)", *NAMES[1:]], rows)
    assert_read(file)
    assert "stage_x_um" in read_profile(file)[0]


# --- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Date", "Date/Time", "Acquired"])
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%y %H:%M:%S"])
def test_the_minute_of_an_analysis_names_no_traverse(tmp_path, header, form):
    """Two or three analyses a minute: their times begin alike, as names of traverses do."""
    began = datetime.datetime(2021, 3, 4, 10, 20)
    times = [(began + datetime.timedelta(seconds=25 * k)).strftime(form) for k in range(8)]
    rows = [[5.0 * k, *ROWS[k // 2][1:], time] for k, time in enumerate(times)]
    table, problems = read_profile(text(tmp_path / "ol.csv", [*NAMES, header], rows))
    assert set(table["profile"]) == {"ol"}
    assert len(table) == 8
    assert problems == []


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("47.2 ± 0.3", 47.2), ("47.2±0.3", 47.2), ("47.2 +/- 0.3", 47.2), ("47.25(13)", 47.25),
        ("47.2(3)", 47.2), ("1e+05", 1e5), ("12 (3)", None), ("ol (2)", None), ("47.2*", None),
    ],
)  # fmt: skip
def test_an_error_behind_a_number(cell, number):
    assert read_number(cell) == number


def test_errors_behind_numbers_are_left_out_and_told(tmp_path):
    rows = [[*row[:4], f"{row[4]} ± 0.2", *row[5:]] for row in ROWS]
    problems = assert_read(text(tmp_path / "ol.csv", NAMES, rows))
    assert problems == ["ol.csv: the errors behind 4 numbers of 'MgO' are left out"]


def test_points_part_thousands_where_commas_are_decimal():
    assert read_number("1.000,5", decimal_comma=True) == 1000.5
    assert read_number("12.345.678,9", decimal_comma=True) == 12_345_678.9
    assert read_number("1.000,5") is None
    assert read_number("0.123,5", decimal_comma=True) is None


def test_traces_in_ppm_of_elements_beside_oxides(tmp_path):
    """Ni and P by their elements; Ca has its oxide already, and is not taken twice."""
    names = [*NAMES, "Ni ppm", "P (ppm)", "Ca ppm"]
    file = text(tmp_path / "ol.csv", names, [[*row, 2500, 100, 1500] for row in ROWS])
    (told,) = assert_read(file)
    assert told == (
        "ol.csv gives Ni, P as elements; they are converted to oxides (Ni x 1.2726, P x 2.2913)"
    )
    table, _ = read_profile(file)
    np.testing.assert_allclose(table["NiO"], 0.25 * 1.2726, rtol=1e-4)
    np.testing.assert_allclose(table["P2O5"], 0.01 * 2.2913, rtol=1e-4)
    np.testing.assert_allclose(table["CaO"], [row[4] for row in OLIVINE])
    np.testing.assert_allclose(table["Total"], [row[-1] for row in ROWS])


# --- spreadsheets -------------------------------------------------------------------------------


def test_formulas_without_results_are_told(tmp_path):
    """As a script writes them: no spreadsheet program has ever calculated them."""
    rows = [[*row[:6], f"=SUM(B{k}:F{k})"] for k, row in enumerate(ROWS, 2)]
    file = book(tmp_path / "ol.xlsx", [NAMES, *rows])
    (told,) = assert_read(file)
    assert told.startswith("ol.xlsx: 4 formulas come without their results")
    # The sum is then that of the oxides.
    np.testing.assert_allclose(read_profile(file)[0]["Total"], [row[-1] for row in ROWS])


@pytest.mark.parametrize("column", [0, 4])
def test_what_needs_formulas_without_results_is_refused_with_the_reason(tmp_path, column):
    rows = [list(row) for row in ROWS]
    for row in rows[1:] if column == 0 else rows:
        row[column] = f"={row[column]}+0"
    with pytest.raises(InputError, match="formulas come without their results: open the table"):
        read_profile(book(tmp_path / "ol.xlsx", [NAMES, *rows]))


def test_formulas_of_an_opendocument_without_results_are_told(tmp_path):
    def cell(value: object) -> str:
        kind = "string" if isinstance(value, str) else "float"
        shown = f' office:value="{value}"' if kind == "float" else ""
        return (
            f'<table:table-cell office:value-type="{kind}"{shown}><text:p>{value}</text:p>'
            "</table:table-cell>"
        )

    formula = '<table:table-cell table:formula="of:=SUM([.B2:.F2])"/>'
    body = "".join(
        f"<table:table-row>{''.join(map(cell, row[:6]))}{end}</table:table-row>"
        for row, end in [(NAMES, cell("Total")), *((row, formula) for row in ROWS)]
    )
    write_ods_body(tmp_path / "ol.ods", f'<table:table table:name="T">{body}</table:table>')
    (told,) = assert_read(tmp_path / "ol.ods")
    assert told.startswith("ol.ods: 4 formulas come without their results")


def test_a_formula_that_gives_an_empty_text_has_a_result(tmp_path):
    file = book(tmp_path / "ol.xlsx", [[*NAMES, "Note"], *([*row, '=""'] for row in ROWS)])
    mark_as_text(file, "H2")
    (told,) = assert_read(file)
    assert "ol.xlsx: 3 formulas" in told


def mark_as_text(file: Path, cell: str) -> None:
    """Say of a formula's cell that its result is a text, as spreadsheet programs do."""
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    sheet = content["xl/worksheets/sheet1.xml"]
    edited = sheet.replace(f'r="{cell}"'.encode(), f'r="{cell}" t="str"'.encode())
    assert edited != sheet
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (content | {"xl/worksheets/sheet1.xml": edited}).items():
            archive.writestr(name, data)


def test_a_sheet_without_places_leaves_the_others_readable(tmp_path):
    glass = [["Comment", "SiO2", "FeO", "MgO"], ["gl1", 50, 10, 6.1], ["gl2", 50, 10, 6.4]]
    file = book(tmp_path / "ol.xlsx", [NAMES, *ROWS], ("Glass", glass))
    table, problems = read_profile(file)
    np.testing.assert_allclose(table["MgO"], MGO)
    (told,) = problems
    assert told.startswith(
        "ol.xlsx: sheet 'Glass' is left out: it does not say where its points lie"
    )


def test_a_book_in_which_no_sheet_has_places_is_refused(tmp_path):
    glass = [["Comment", "SiO2", "FeO", "MgO"], ["gl1", 50, 10, 6.1], ["gl2", 50, 10, 6.4]]
    with pytest.raises(InputError, match="does not say where its points lie"):
        read_profile(book(tmp_path / "gl.xlsx", glass, ("More", glass)))


def test_a_second_table_beside_the_first_is_told(tmp_path):
    rows = [[*row, None, row[0], *(cell + 1 for cell in row[1:])] for row in ROWS]
    file = book(tmp_path / "ol.xlsx", [[*NAMES, None, *NAMES], *rows])
    (told,) = assert_read(file)
    assert told.startswith(
        "ol.xlsx: a second table stands beside the first (from about column 9 on)"
    )


def test_normalised_oxides_and_another_distance_are_no_second_table(tmp_path):
    oxides = NAMES[1:]
    names = ["Distance (µm)", "Distance from rim (µm)", *oxides, *oxides]
    rows = [
        [row[0], 20 - row[0], *row[1:], *(cell * 100 / row[-1] for cell in row[1:])] for row in ROWS
    ]
    assert assert_read(text(tmp_path / "a.csv", names, rows)) == [
        "a.csv: 'Distance from rim (µm)' is column 1 again, counted from the other end",
        "a.csv: the oxides of columns 9-13 are left out: each row sums to 100, as if normalised",
    ]


def test_a_table_whose_mgo_is_never_a_number_is_refused(tmp_path):
    rows = [[*row[:4], f"{row[4]}*", *row[5:]] for row in ROWS]
    with pytest.raises(InputError, match="no numbers for both MgO and FeO") as error:
        read_profile(text(tmp_path / "ol.csv", NAMES, rows))
    assert "4 cells of 'MgO' hold no number ('47.2*'" in str(error.value)
