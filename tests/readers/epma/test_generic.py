"""Tables that people made: headers anywhere, units, blocks, words, several traverses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from napari_olivine.calibration.stoichiometry import mg_number
from napari_olivine.errors import InputError
from napari_olivine.readers.epma import in_order, read_profile, read_profiles, suggest
from napari_olivine.readers.epma.column_headers import label_of, read_header
from napari_olivine.readers.epma.column_values import is_below_detection, read_numbers
from napari_olivine.readers.epma.elements import FEO_IN_FE2O3, oxide_of
from napari_olivine.readers.epma.places import is_line
from napari_olivine.readers.epma.profiles import clean_name
from napari_olivine.readers.epma.traverses import prefix_of
from tests.helpers.epma_tables import OLIVINE, OXIDES, total, write_ods


def csv(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def read(tmp_path, text: str, name: str = "line.csv", encoding: str = "utf-8"):
    file = tmp_path / name
    file.write_bytes(text.encode(encoding))
    return read_profile(file)


@pytest.mark.parametrize(
    ("header", "quantity", "unit"),
    [
        ("SiO₂", "SiO2", ""),
        ("Al203", "Al2O3", ""),
        ("FeO(T)", "FeOt", ""),
        ("FeOt (wt %)", "FeOt", "wt%"),
        ("FeO", "FeO", ""),
        ("FeO*", "FeOt", ""),
        ("Total Fe as Fe2O3", "Fe2O3t", ""),
        ("MgO Mass%", "MgO", "wt%"),
        ("MgO [Oxide wt%]", "MgO", "wt%"),
        ("NiO (ppm)", "NiO", "ppm"),
        ("MGO", "MgO", ""),
        ("Mg O", "MgO", ""),
        ("WT% mgo", "MgO", "wt%"),
        ("MgO Wt. Percent", "MgO", "wt%"),
        ("MgO_wt", "MgO", "wt%"),
        ("MgO [%m/m]", "MgO", "wt%"),
        ("MgO in wt%", "MgO", "wt%"),
        ("SiO<sub>2</sub>", "SiO2", ""),
        ("Fe\u2082O\u2083", "Fe2O3", ""),
        ("Fe?O?", "Fe2O3", ""),
        ("SiO\ufffd", "SiO2", ""),
        ("MgO?", "", ""),
        ("MgO %err", "", ""),
        ("Distance (\u00c2\u00b5m)", "distance", "um"),
        ("Mg (at.%)", "Mg", "at%"),
        ("Mg wt.%", "Mg", "wt%"),
        ("Distance (µ)", "distance", "um"),
        ("Distance (?)", "distance", ""),
        ("Distance / microns", "distance", "um"),
        ("RELDIST", "distance", ""),
        ("d", "distance", ""),
        ("d [mm]", "distance", "mm"),
        ("z (μm)", "stage_z", "um"),
        ("X-POS", "stage_x", ""),
        ("Stage Y (mm)", "stage_y", "mm"),
        ("x_um", "x", "um"),
        ("X (um)", "stage_x", "um"),
        ("Fo#", "Fo", ""),
        ("Mg#", "Fo", ""),
        ("DataSet/Point", "dataset", ""),
        ("Beam X", "beam_x", ""),
        ("Mg(Net)", "", ""),
        ("Mg CDL99", "", ""),
        ("Si %ERR", "", ""),
        ("\u03c3(MgO)", "", ""),
        ("MgO stdev", "", ""),
        ("Mean Z", "", ""),
        ("x" * 500, "", ""),
    ],
)
def test_headers(header, quantity, unit):
    found = read_header(header)
    assert (found.quantity, found.unit) == (quantity, unit)


@pytest.mark.parametrize(
    ("heading", "label"),
    [
        ("Oxide wt%", "wt%"), ("Weight%", "wt%"), ("Oxides", "wt%"), ("Atomic%", "other"),
        ("Cations (4 O)", "other"), ("Detection limits (wt%)", "other"), ("1\u03c3 error", "other"),
        ("D.L. ppm", "other"), ("Std. dev.", "other"), ("Normalised wt%", "other"), ("KLV-7", ""),
    ],
)  # fmt: skip
def test_headings_above_blocks(heading, label):
    assert label_of(heading) == label


def test_the_header_is_sought(tmp_path):
    table, _ = read(
        tmp_path,
        csv("Sample KLV-7;;;", "15 kV, 20 nA;;;", "", "Point;d;MgO;FeO", "1;0;47,2;12,1",
            "2;4;45,0;14,5"),
    )  # fmt: skip
    assert table["MgO"].tolist() == [47.2, 45.0]
    assert table["distance_um"].tolist() == [0, 4]


def test_units_beneath_the_header(tmp_path):
    table, _ = read(
        tmp_path,
        csv("Distance,MgO,FeO,NiO", "mm,wt%,wt%,ppm", "0,47,12,3000", "0.004,45,14,2500"),
    )
    assert table["distance_um"].tolist() == [0, 4]
    assert table["NiO"].tolist() == [0.3, 0.25]
    assert table["Total"].tolist() == [59.3, 59.25]


@pytest.mark.parametrize("heading", ["Cations", "Detection limits (wt%)", "1 sigma", ""])
@pytest.mark.parametrize("first", [True, False])
def test_repeated_blocks(tmp_path, heading, first):
    """Of two blocks with the same names the oxides are taken, by heading or by their sum."""
    oxides = [[*row, total(row)] for row in OLIVINE]
    others = [[0.02, 0.01, 0.01, 0.02, 0.01, 0.07] if "sigma" in heading else
              [0.99, 0.25, 0.0, 1.74, 0.01, 2.99] for _ in OLIVINE]  # fmt: skip
    names = [*OXIDES, "Total"]
    pair = (oxides, others) if first else (others, oxides)
    titles = ["Oxides (wt%)" if heading else "", heading]
    blank = ["" for _ in names[1:]]
    lines = [",".join(["", titles[not first], *blank, titles[first], *blank])]
    lines += [",".join(["d", *names, *names])]
    lines += [
        ",".join(map(str, [5 * k, *a, *b])) for k, (a, b) in enumerate(zip(*pair, strict=True))
    ]
    table, problems = read(tmp_path, csv(*lines))
    np.testing.assert_allclose(table[list(OXIDES)], OLIVINE)
    np.testing.assert_allclose(table["Total"], [row[-1] for row in oxides])
    assert problems == []


@pytest.mark.parametrize("normalised_first", [True, False])
def test_a_block_normalised_to_100_is_not_what_was_measured(tmp_path, normalised_first):
    measured, normalised = "39,12,46,97", "40.206,12.371,47.423,100"
    pair = (normalised, measured) if normalised_first else (measured, normalised)
    lines = [f"{d},{pair[0]},{pair[1]}" for d in (0, 5)]
    header = "d,SiO2,FeO,MgO,Total,SiO2,FeO,MgO,Total"
    table, _ = read(tmp_path, csv(header, *lines))
    assert table["Total"].tolist() == [97, 97]
    assert table["MgO"].tolist() == [46, 46]


def test_an_oxide_in_ppm_among_others(tmp_path):
    table, _ = read(tmp_path, csv("d,SiO2,NiO ppm,FeO,MgO", "0,40,3000,12,47", "4,39,2500,14,45"))
    assert table["NiO"].tolist() == [0.3, 0.25]
    assert table["SiO2"].tolist() == [40, 39]


def test_elements_become_oxides(tmp_path):
    """Forsterite has 34.55 wt% Mg and 19.96 wt% Si, hence 57.29 MgO and 42.71 SiO2."""
    lines = csv("d,Si wt%,Fe wt%,Mg wt%,O wt%,Total", "0,19.961,0,34.550,45.486,99.997")
    table, problems = read(tmp_path, lines)
    assert table["MgO"][0] == pytest.approx(57.294, abs=0.002)
    assert table["SiO2"][0] == pytest.approx(42.704, abs=0.002)
    assert table["Total"][0] == 99.997
    assert (
        "converted to oxides, all iron as FeO (Si x 2.1393, Fe x 1.2865, Mg x 1.6583"
        in (problems[0])
    )


def test_elements_that_do_not_say_their_unit(tmp_path):
    """Weight % and atomic % of forsterite: their oxides sum to 100 and to 78."""
    table, _ = read(tmp_path, csv("d,Si,Fe,Mg", "0,19.96,0,34.55", "5,19.9,0.1,34.5"))
    assert table["Total"][0] == pytest.approx(100, abs=0.1)
    with pytest.raises(InputError, match="do not say that they are wt%"):
        read(tmp_path, csv("d,Si,Fe,Mg,O", "0,14.29,0,28.57,57.14", "5,14.3,0.1,28.5,57.1"))


def test_oxides_win_over_elements(tmp_path):
    lines = csv("d,Si,Fe,Mg,SiO2,FeO,MgO", "0,18.7,9.3,28.4,40,12,47.1", "5,18,10,28,39,13,46")
    table, _ = read(tmp_path, lines)
    assert table["MgO"].tolist() == [47.1, 46]
    assert table["Total"].tolist() == [99.1, 98]


@given(st.sampled_from(["Mg", "Fe", "Si", "Ca", "Mn", "Al", "Na", "P"]))
def test_an_oxide_weighs_more_than_its_element(element):
    oxide, factor = oxide_of(element)
    assert 1 < factor < 3
    assert oxide.startswith(element)


def test_ferric_iron_alone_is_all_iron(tmp_path):
    table, problems = read(tmp_path, csv("d,SiO2,MgO,Fe2O3T", "0,40,47,13.34", "5,39,46,14"))
    assert table["FeO"][0] == pytest.approx(13.34 * 0.8998, abs=0.001)
    assert pytest.approx(0.8998, abs=1e-4) == FEO_IN_FE2O3
    assert "converted to FeO (x 0.8998)" in problems[0]


@pytest.mark.parametrize(
    "word",
    ["<0.02", "< 0,02", "b.d.l.", "bdl", "b.d.", "<LOD", "<DL", "below detection", "<0.02 wt%"],
)
def test_below_detection_counts_as_nothing_there(word):
    assert is_below_detection(word)
    assert read_numbers([word], decimal_comma=False).values[0] == 0


@pytest.mark.parametrize("word", ["n.d.", "crack", "n.a.", "#DIV/0!", "epoxy", "trace"])
def test_words_are_not_measured(word):
    numbers = read_numbers(["1", word], decimal_comma=False)
    assert np.isnan(numbers.values[1])
    assert numbers.words == [word]


def test_what_was_below_detection_is_told(tmp_path):
    table, problems = read(tmp_path, csv("d,MgO,FeO,CaO", "0,47,12,<0.02", "4,46,13,b.d.l."))
    assert table["CaO"].tolist() == [0, 0]
    assert problems == [
        "line.csv: 2 cells of 'CaO' are below detection ('<0.02', 'b.d.l.') and count as 0"
    ]


def test_averages_at_the_end_are_left_out(tmp_path):
    lines = csv("Point,d,MgO,FeO", "1,0,47,12", "2,4,45,14", "", "Average,,46,13", "St.Dev.,,1,1",
                "Minimum,,45,12", "2 s,,2,2", "n = 2,,,", "Analyst: KN,,,")  # fmt: skip
    table, problems = read(tmp_path, lines)
    assert table["MgO"].tolist() == [47, 45]
    assert problems == [
        "line.csv: 5 rows of averages, deviations or limits are left out (row 5, 6, 7, 8, 9)"
    ]


def test_a_crack_keeps_its_row(tmp_path):
    table, _ = read(tmp_path, csv("d,MgO,FeO", "0,47,12", "4,,", "8,45,14"))
    assert table["distance_um"].tolist() == [0, 4, 8]
    assert np.isnan(table["MgO"][1])


@pytest.mark.parametrize("distances", [[0, 4, 8, 12], [12, 8, 4, 0], [-12, -8, -4, 0]])
def test_the_order_of_the_rows_is_kept(tmp_path, distances):
    lines = [f"{d},{mgo},12" for d, mgo in zip(distances, (47, 46, 45, 44), strict=True)]
    table, problems = read(tmp_path, csv("d,MgO,FeO", *lines))
    assert table["distance_um"].tolist() == distances
    assert table["point"].tolist() == [1, 2, 3, 4]
    assert problems == []


def test_traverses_by_a_column(tmp_path):
    lines = [f"{p},{d},{mgo},12" for p, d, mgo in (("A", 0, 47), ("A", 4, 46), ("B/2", 0, 45))]
    table, _ = read(tmp_path, csv("Profile,Distance (um),MgO,FeO", *lines))
    assert table["profile"].tolist() == ["A", "A", "B-2"]


def test_traverses_by_the_direction_of_the_distances(tmp_path):
    lines = [f"{d},{mgo},12" for mgo, d in enumerate((0, 5, 10, 15, 0, 5, 10, 15, 20), 40)]
    table, _ = read(tmp_path, csv("d,MgO,FeO", *lines))
    assert table["profile"].tolist() == ["line 1"] * 4 + ["line 2"] * 5


def test_traverses_by_a_leap_of_the_stage(tmp_path):
    stage = [(1000 + 4 * k, 2000 + 3 * k) for k in range(5)]
    stage += [(9000 - 6 * k, 500 + 8 * k) for k in range(5)]
    lines = [f"{x},{y},45,13" for x, y in stage]
    table, _ = read(tmp_path, csv("X,Y,MgO,FeO", *lines))
    assert table["profile"].tolist() == ["line 1"] * 5 + ["line 2"] * 5
    np.testing.assert_allclose(table["distance_um"], [0, 5, 10, 15, 20, 0, 10, 20, 30, 40])


def test_points_out_of_order_are_told(tmp_path):
    table, problems = read(tmp_path, csv("d,MgO,FeO", *(f"{d},45,13" for d in (0, 8, 4, 12, 16))))
    assert set(table["profile"]) == {"line"}
    assert problems == ["the distances of 'line' run to and fro; check their order"]


@pytest.mark.parametrize(
    ("places", "line"),
    [
        ([(0, 0), (3, 4), (6, 8)], True),
        ([(0, 0), (5, 0), (10, 0), (10, 5), (10, 10)], True),
        ([(0, 0), (5, 0), (90, 0), (95, 0)], False),
        ([(0, 0), (50, 10), (5, -30), (60, 40), (-20, 10)], False),
        ([(0, 0)], False),
        ([(1, 1), (1, 1)], False),
    ],
)
def test_lines_and_spots(places, line):
    assert is_line(np.array(places, float)) is line


@pytest.mark.parametrize(
    ("comment", "prefix"),
    [
        ("20MR01-02 ctd 1 Line 031 Line 001", "20MR01-02 ctd 1 Line 031"),
        ("ol1 pt. 14", "ol1"), ("ol3-07", "ol3"), ("KLV ol1 rim #3", "KLV ol1 rim"),
        ("ol2 (4)", "ol2"), ("ol2 4 / 30", "ol2"), ("ol12", "ol12"), ("core", "core"), ("7", ""),
    ],
)  # fmt: skip
def test_prefixes_of_comments(comment, prefix):
    assert prefix_of(comment) == prefix


@given(st.text(max_size=200))
def test_names_of_profiles_can_name_files(text):
    name = clean_name(text)
    assert 0 < len(name) <= 80
    assert not set('/\\:*?"<>|\0\n\t') & set(name)
    assert name not in (".", "..")
    assert clean_name(name) == name


def test_two_files_may_call_their_profiles_alike(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(
            csv("Profile,d,MgO,FeO", "1,0,47,12", "1,4,46,13", "2,0,45,14", f"{name}3,0,45,14")
        )
    analyses, _, _ = read_profiles(tmp_path)
    assert list(dict.fromkeys(analyses["profile"])) == ["a 1", "a 2", "a3", "b 1", "b 2", "b3"]


def test_sheets_of_a_workbook(tmp_path):
    """Each sheet with analyses is a profile; a copy of one and a sheet of notes are left out."""
    frames = [
        pd.DataFrame({"d": [0.0, 5], "MgO": [mg, mg - 1], "FeO": [12.0, 13]}) for mg in (47, 40)
    ]
    with pd.ExcelWriter(tmp_path / "ol.xlsx") as book:
        frames[0].to_excel(book, sheet_name="ol1", index=False)
        frames[1].to_excel(book, sheet_name="ol2", index=False)
        frames[0].to_excel(book, sheet_name="copy", index=False)
        pd.DataFrame({"notes": ["15 kV"]}).to_excel(book, sheet_name="notes", index=False)
    table, problems = read_profile(tmp_path / "ol.xlsx")
    assert table["profile"].tolist() == ["ol ol1", "ol ol1", "ol ol2", "ol ol2"]
    assert problems == [
        "ol.xlsx: sheet 'copy' holds the analyses of sheet 'ol1' again and is left out"
    ]


def test_an_opendocument_spreadsheet(tmp_path):
    rows = [["Traverse of olivine 1"], [], ["Distance (µm)", "MgO", "FeOt", "Comment"]]
    rows += [[5.5 * k, row[3], row[1], "rim" if k == 0 else None] for k, row in enumerate(OLIVINE)]
    write_ods(tmp_path / "ol.ods", {"Sheet1": rows})
    table, problems = read_profile(tmp_path / "ol.ods")
    assert problems == []
    assert table["distance_um"].tolist() == [0, 5.5, 11, 16.5]
    assert table["MgO"].tolist() == [row[3] for row in OLIVINE]
    assert table["comment"].tolist() == ["rim", "", "", ""]


def test_text_typed_into_number_cells_of_a_workbook(tmp_path):
    frame = pd.DataFrame(
        {"d": [0, 5, 10], "MgO": ["47,25", 46.5, "crack"], "FeO": [12, 13.5, "<0,1"]}
    )
    frame.to_excel(tmp_path / "ol.xlsx", index=False)
    table, problems = read_profile(tmp_path / "ol.xlsx")
    np.testing.assert_array_equal(table["MgO"], [47.25, 46.5, np.nan])
    assert table["FeO"].tolist() == [12, 13.5, 0]
    assert len(problems) == 2


def test_small_distances_without_a_unit_are_asked_about(tmp_path):
    _, problems = read(tmp_path, csv("d,MgO,FeO", "0,47,12", "0.004,46,13", "0.008,45,14"))
    assert problems == [
        "line.csv: 'd' is taken for the distance (no unit: um; the largest is 0.008, perhaps it "
        "is mm)"
    ]


@pytest.mark.parametrize(
    ("stage", "x_um"), [("12.5,41.2", 12500), ("12500,41200", 12500), ("-0.5,0.2", -500)]
)
def test_the_unit_of_the_stage(tmp_path, stage, x_um):
    table, _ = read(tmp_path, csv("d,X,Y,MgO,FeO", f"0,{stage},47,12"))
    assert table["stage_x_um"][0] == x_um


def test_the_header_again_is_no_analysis(tmp_path):
    block = ["d,MgO,FeO", "0,47,12", "5,46,13", "10,45,14"]
    table, _ = read(tmp_path, csv(*block, "", *block))
    assert table["profile"].tolist() == ["line 1"] * 3 + ["line 2"] * 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Distance,Fo\n0,90\n5,88\n", "Fo or mg# alone are not enough"),
        ("d,0,5,10\nSiO2,40,39,39\nFeO,12,13,14\nMgO,47,46,45\n", "transpose it"),
        ("d,SiO2,MgO\n0,40,47\n", "has no column FeO. mg# needs MgO and FeO"),
        ("d,SiO2,MgO,FeO\n0,1,39,90,47,25,12,10\n1,5,39,90,47,25,12,10\n", "decimal commas"),
        ("MgO,FeO\n47,12\n46,13\n", "does not say where its points lie"),
    ],
)
def test_what_cannot_be_understood_is_told(tmp_path, text, why):
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert "line.csv" in str(error.value)
    assert why in str(error.value)


def test_notes_beside_the_tables_are_left_out(tmp_path):
    (tmp_path / "line.csv").write_text("d,MgO,FeO\n0,47,12\n")
    (tmp_path / "setup.txt").write_text(
        "15 kV, 20 nA\nCounting Times : 20s (Si, Mg, Fe), 40s (Ti)\n"
    )
    analyses, files, problems = read_profiles(tmp_path)
    assert len(analyses) == 1
    assert [file.name for file in files] == ["line.csv"]
    assert problems == ["setup.txt holds no analyses and is left out"]


def test_the_agreed_columns_stand_first(tmp_path):
    (tmp_path / "a.csv").write_text("Comment,X,Y,MgO,FeO\nol 1,1,2,47,12\nol 2,1.005,2,46,13\n")
    (tmp_path / "b.csv").write_text("d,MgO,FeO\n0,47,12\n")
    analyses, _, _ = read_profiles(tmp_path)
    assert list(analyses) == [
        "profile", "point", "distance_um", "FeO", "MgO", "Total", "x_um", "y_um", "stage_x_um",
        "stage_y_um", "comment",
    ]  # fmt: skip
    assert analyses["comment"].tolist() == ["ol 1", "ol 2", ""]
    pd.testing.assert_frame_equal(in_order(analyses), analyses)


@given(
    st.lists(
        st.tuples(st.integers(30_000, 55_000), st.integers(500, 30_000)), min_size=2, max_size=12
    ),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)  # fmt: skip
def test_mg_number_survives_any_dialect(tmp_path_factory, analyses, separator, comma):
    """The same numbers come out of any separator and decimal mark."""
    comma = comma and separator != ","
    rows = [(5.0 * k, mgo, feo) for k, (mgo, feo) in enumerate(analyses)]
    lines = [
        separator.join(f"{v:.3f}".replace(".", "," if comma else ".") for v in r) for r in rows
    ]
    table, _ = read(
        tmp_path_factory.mktemp("t"), csv(separator.join(["Distance", "MgO", "FeO"]), *lines)
    )
    wanted = mg_number(*np.array(analyses).T / 1000)
    np.testing.assert_allclose(mg_number(table["MgO"], table["FeO"]), wanted)


def test_suggestions_say_how_sure_they_are(tmp_path):
    (tmp_path / "a.csv").write_text("d (um),MgO wt%,FeO wt%,Colour\n0,47,12,red\n5,46,13,blue\n")
    mapping = suggest(tmp_path / "a.csv")
    assert [(c.header, c.quantity, c.unit) for c in mapping.columns] == [
        ("d (um)", "distance", "um"), ("MgO wt%", "MgO", "wt%"), ("FeO wt%", "FeO", "wt%"),
        ("Colour", "comment", ""),
    ]  # fmt: skip
    assert all(0 < c.confidence <= 1 and c.why for c in mapping.columns)


def test_names_that_come_out_alike_stay_two_profiles(tmp_path):
    lines = [f"{p},{d},45,13" for p in ("A/1", "A:1") for d in (0, 5)]
    table, _ = read(tmp_path, csv("Profile,d,MgO,FeO", *lines))
    assert table["profile"].tolist() == ["A-1", "A-1", "A-1 (2)", "A-1 (2)"]


def test_a_name_given_once_holds_for_the_rows_beneath(tmp_path):
    """As a merged cell of a spreadsheet."""
    lines = ["A,0,45,13", ",5,45,13", "B,0,45,13", ",5,45,13"]
    table, _ = read(tmp_path, csv("Traverse,d,MgO,FeO", *lines))
    assert table["profile"].tolist() == ["A", "A", "B", "B"]


def test_an_error_of_a_sheet_says_which_file_sheet_and_row(tmp_path):
    file = tmp_path / "a.ods"
    write_ods(file, {"rims": [["d", "MgO", "FeO"], [0, 47.0, 12.0], ["", 46.0, 13.0]]})
    with pytest.raises(InputError, match="has no distance") as error:
        read_profile(file)
    facts = error.value.facts
    assert (facts.file, facts.sheet, facts.row) == (str(file), "rims", 3)
