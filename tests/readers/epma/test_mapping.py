"""The mapping of columns: suggested, edited, kept beside the tables, applied."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import (
    QUANTITIES,
    Column,
    ColumnMapping,
    load_mappings,
    mapping_for,
    preview,
    read_profile,
    read_profiles,
    save_mapping,
    suggest,
    units_of,
)
from tests.helpers.epma_tables import peaksight_2, write_ods

STRANGE = "Lab 7\nWeg;Magnesia;Eisenoxid;Kiesel\n0;47,2;12,1;40,0\n0,005;45,0;14,5;39,1\n"


@pytest.fixture
def strange(tmp_path):
    """A table whose headers no program can know."""
    file = tmp_path / "fremd.csv"
    file.write_text(STRANGE)
    return file


def edited(file) -> ColumnMapping:
    """What a person makes of the suggestion."""
    mapping = suggest(file)
    given = {"Weg": ("distance", "mm"), "Magnesia": ("MgO", "wt%"), "Eisenoxid": ("FeO", "wt%"),
             "Kiesel": ("SiO2", "wt%")}  # fmt: skip
    return mapping.model_copy(
        update={
            "columns": tuple(
                column.model_copy(update={"quantity": given[column.header][0],
                                          "unit": given[column.header][1], "confidence": 1.0})
                for column in mapping.columns
            )
        }
    )  # fmt: skip


def test_what_is_not_recognised_is_still_laid_out(strange):
    mapping = suggest(strange)
    assert (mapping.header_row, mapping.separator, mapping.decimal) == (2, "semicolon", ",")
    assert [column.header for column in mapping.columns] == [
        "Weg", "Magnesia", "Eisenoxid", "Kiesel",
    ]  # fmt: skip
    assert not any(column.quantity for column in mapping.columns)
    with pytest.raises(InputError) as error:
        read_profile(strange)
    assert "fremd.csv has no column MgO and no column FeO" in str(error.value)
    assert "Weg, Magnesia, Eisenoxid, Kiesel" in str(error.value)
    assert "columns.toml" in str(error.value)


def test_an_edited_mapping_reads_it(strange):
    table, problems = read_profile(strange, edited(strange))
    assert problems == []
    assert table["distance_um"].tolist() == [0, 5]
    assert table["MgO"].tolist() == [47.2, 45.0]
    np.testing.assert_allclose(table["Total"], [99.3, 98.6])


def test_a_mapping_that_is_kept_is_found_by_the_import(strange):
    folder = strange.parent
    file = save_mapping(folder, edited(strange))
    assert file == folder / "columns.toml"
    analyses, files, problems = read_profiles(folder)
    assert analyses["FeO"].tolist() == [12.1, 14.5]
    assert [f.name for f in files] == ["fremd.csv", "columns.toml"], "both are inputs"
    assert problems == []


def test_a_pattern_serves_many_tables(strange):
    folder = strange.parent
    (folder / "fremd2.csv").write_text(STRANGE)
    save_mapping(folder, edited(strange).model_copy(update={"file": "fremd*.csv"}))
    analyses, _, _ = read_profiles(folder)
    assert analyses["profile"].tolist() == ["fremd", "fremd", "fremd2", "fremd2"]


def test_the_mapping_that_names_the_file_goes_before_patterns(strange):
    general = ColumnMapping(file="*.csv", header_row=5)
    own = ColumnMapping(file="fremd.csv", header_row=2)
    assert mapping_for(strange, [general, own]) == [own]
    assert mapping_for(strange.with_name("other.csv"), [general, own]) == [general]
    assert mapping_for(strange.with_name("other.txt"), [general, own]) == []


def test_saving_again_replaces(strange):
    mapping = edited(strange)
    save_mapping(strange.parent, mapping)
    save_mapping(strange.parent, ColumnMapping(file="other.csv"))
    save_mapping(strange.parent, mapping.model_copy(update={"header_row": 3}))
    kept = load_mappings(strange.parent)
    assert [(m.file, m.header_row) for m in kept] == [("other.csv", 1), ("fremd.csv", 3)]


def test_columns_may_change_places_but_not_names(strange):
    mapping = edited(strange)
    strange.write_text("a\nMagnesia;Weg;Eisenoxid\n47,2;0,0;12,1\n")
    mapping = mapping.model_copy(update={"columns": mapping.columns[:3]})
    assert read_profile(strange, mapping)[0]["MgO"].tolist() == [47.2]
    strange.write_text("a\nWeg;Magnesium;Eisenoxid\n0,0;47,2;12,1\n")
    with pytest.raises(InputError) as error:
        read_profile(strange, mapping)
    assert "fremd.csv has no column 'Magnesia' in row 2" in str(error.value)
    assert "Weg, Magnesium, Eisenoxid" in str(error.value)


def test_a_preview_shows_what_comes_out(strange):
    shown = preview(strange, edited(strange), rows=1)
    assert shown.error == ""
    assert shown.rows == [["Lab 7"], ["Weg", "Magnesia", "Eisenoxid", "Kiesel"],
                          ["0", "47,2", "12,1", "40,0"]]  # fmt: skip
    assert shown.analyses["MgO"].tolist() == [47.2]
    assert shown.count == {"fremd": 2}


def test_a_preview_says_what_is_missing(strange):
    shown = preview(strange, suggest(strange))
    assert "has no column MgO" in shown.error
    assert len(shown.analyses) == 0
    assert len(shown.rows) == 4
    missing = preview(strange, edited(strange).model_copy(update={"sheet": "x"}))
    assert "has no sheet 'x'" in missing.error


def test_sheets_rows_and_splitting_can_be_set(tmp_path):
    rows = [["d", "MgO", "FeO"], [0, 47.0, 12.0], [5, 46.0, 13.0], [10, 1.0, 1.0], [0, 45.0, 14.0],
            [5, 44.0, 15.0], [10, 43.0, 16.0]]  # fmt: skip
    write_ods(tmp_path / "ol.ods", {"raw": rows[:2], "good": rows})
    mapping = suggest(tmp_path / "ol.ods", "good")
    assert mapping.sheet == "good"
    table, _ = read_profile(tmp_path / "ol.ods", mapping)
    assert list(dict.fromkeys(table["profile"])) == ["ol 1", "ol 2"]
    mapping = mapping.model_copy(update={"split": "none", "skip_rows": (4,)})
    table, _ = read_profile(tmp_path / "ol.ods", mapping)
    assert table["MgO"].tolist() == [47, 46, 45, 44, 43]
    assert set(table["profile"]) == {"ol"}
    with pytest.raises(InputError, match="no sheet 'bad'; it has 'raw', 'good'"):
        suggest(tmp_path / "ol.ods", "bad")


@pytest.mark.parametrize(("places", "distances"), [("line", [0, 50, 150]), ("spots", None)])
def test_what_stage_positions_mean_can_be_set(tmp_path, places, distances):
    (tmp_path / "a.csv").write_text("X,Y,MgO,FeO\n1,1,47,12\n1.05,1,46,13\n1.15,1,45,14\n")
    mapping = suggest(tmp_path / "a.csv").model_copy(update={"places": places})
    table, _ = read_profile(tmp_path / "a.csv", mapping)
    if distances is None:
        assert table["distance_um"].isna().all()
    else:
        np.testing.assert_allclose(table["distance_um"], distances, atol=1e-6)


def test_repeated_headers_are_told_apart_by_their_number(tmp_path):
    """A person takes the block of the elements of a PeakSight table, and reads it all the same."""
    file = tmp_path / "line.csv"
    file.write_text(peaksight_2(), encoding="latin-1")
    mapping = suggest(file)
    columns = [c.model_copy(update={"quantity": "", "unit": ""}) if c.unit == "wt%" else c
               for c in mapping.columns]  # fmt: skip
    columns[1:6] = [
        c.model_copy(update={"quantity": c.header, "unit": "wt%"}) for c in columns[1:6]
    ]
    chosen = mapping.model_copy(update={"columns": tuple(columns)})
    save_mapping(tmp_path, chosen)
    analyses, _, problems = read_profiles(tmp_path)
    whole, _ = read_profile(file)
    np.testing.assert_allclose(analyses["MgO"], whole["MgO"], rtol=1e-3)
    np.testing.assert_allclose(analyses["FeO"], whole["FeO"], rtol=1e-3)
    assert "gives elements" in problems[0]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ([("a", "Mgo", "wt%")], "'Mgo', which is no quantity"),
        ([("a", "MgO", "mm")], "'a' (MgO) is given in 'mm'"),
        ([("a", "MgO", "wt%"), ("b", "MgO", "wt%")], "'a' and 'b' would both be MgO"),
        ([("a", "distance", "wt%")], "is given in 'wt%'; known: nm, um, mm, cm, m"),
    ],
)
def test_mappings_that_mean_nothing_are_refused(tmp_path, columns, why):
    mapping = ColumnMapping(
        columns=tuple(
            Column(column=k, header=h, quantity=q, unit=u) for k, (h, q, u) in enumerate(columns, 1)
        )
    )
    with pytest.raises(InputError) as error:
        save_mapping(tmp_path, mapping)
    assert why in str(error.value)
    assert not (tmp_path / "columns.toml").exists()


@pytest.mark.parametrize(
    "text",
    [
        "[[table", "a = 1", "table = 3", "table = [1]", "[[table]]\nheader_row = 0",
        "[[table]]\nsplit = 'some'", "[[table]]\nfoo = 1",
        "[[table]]\n[[table.columns]]\ncolumn = 'x'", "[[table]]\ncolumns = 3",
        "[[table]]\n[[table.columns]]\nquantity = 'gold'", "\x00", "a = " + "[" * 5000,
    ],
)  # fmt: skip
def test_damaged_files_of_mappings_are_refused(tmp_path, text):
    (tmp_path / "columns.toml").write_text(text)
    with pytest.raises(InputError, match=r"columns\.toml"):
        read_profiles(tmp_path)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=30)


@settings(max_examples=40, deadline=None)
@given(
    file=texts.filter(bool),
    sheet=texts,
    header_row=st.integers(1, 500),
    skip_rows=st.lists(st.integers(1, 99), max_size=4).map(tuple),
    columns=st.lists(st.tuples(texts, st.sampled_from(QUANTITIES)), max_size=6),
)
def test_a_mapping_comes_back_as_it_was_kept(
    tmp_path_factory, file, sheet, header_row, skip_rows, columns
):
    unique = {quantity: header for header, quantity in columns}
    mapping = ColumnMapping(
        file=file, sheet=sheet, header_row=header_row, skip_rows=skip_rows,
        columns=tuple(
            Column(column=k, header=header, quantity=quantity, unit=(*units_of(quantity), "")[0])
            for k, (quantity, header) in enumerate(unique.items(), 1)
        ),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("kept")
    save_mapping(folder, mapping)
    assert load_mappings(folder) == [mapping]
    assert tomllib.loads((folder / "columns.toml").read_text(encoding="utf-8"))
