"""Spreadsheets that are damaged or made to harm: refused before they fill the memory."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from napari_olivine.errors import InputError
from napari_olivine.tabular import read_spreadsheet
from napari_olivine.tabular.sheets import LARGEST_FILE
from napari_olivine.tabular.workbook_check import LARGEST_UNPACKED
from tests.helpers.epma_tables import write_ods_body


def spreadsheet(folder: Path) -> Path:
    frame = pd.DataFrame({"d": [0.0, 5], "MgO": [47.0, 46], "FeO": [12.0, 13], "Comment": "ol"})
    frame.to_excel(folder / "a.xlsx", index=False)
    return folder / "a.xlsx"


def with_member(source: Path, target: Path, name: str, edit) -> Path:
    """Copy a zip, one of its members edited."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            data = old.read(member)
            new.writestr(member.filename, edit(data) if member.filename == name else data)
    return target


SHEET = "xl/worksheets/sheet1.xml"


def test_a_cell_far_away_does_not_fill_the_memory(tmp_path):
    """Laid out as a rectangle this sheet would take 17 thousand million cells."""
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    file = with_member(
        spreadsheet(tmp_path), tmp_path / "far.xlsx", SHEET,
        lambda xml: xml.replace(b"</sheetData>", far),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"far\.xlsx has a sheet of 1048576 rows and 16384 col"):
        read_spreadsheet(file)


@pytest.mark.parametrize(
    "row",
    [
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell '
        'table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
        "</table:table-row>",
        '<table:table-row><table:table-cell table:number-columns-repeated="99999999999" '
        'office:value-type="float" office:value="1"/></table:table-row>',
    ],
)
def test_repeated_cells_do_not_fill_the_memory(tmp_path, row):
    file = tmp_path / "many.ods"
    write_ods_body(file, f'<table:table table:name="a">{row}</table:table>')
    with pytest.raises(InputError, match=r"many\.ods has a sheet of"):
        read_spreadsheet(file)


def test_a_zip_bomb_is_refused_by_its_directory(tmp_path):
    file = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(SHEET, "w", force_zip64=True) as member:
            for _ in range(LARGEST_UNPACKED // 2**20 + 1):
                member.write(bytes(2**20))
    assert file.stat().st_size < LARGEST_FILE
    with pytest.raises(InputError, match=r"bomb\.xlsx unpacks to 97 MB; .* at most 96 MB"):
        read_spreadsheet(file)


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path):
    """The directory says 100 bytes; the data unpack to megabytes."""
    source = with_member(
        spreadsheet(tmp_path), tmp_path / "b.xlsx", SHEET, lambda xml: xml + b" " * 5_000_000
    )
    data = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as archive:
        size = archive.getinfo(SHEET).file_size.to_bytes(4, "little")
    assert data.count(size) >= 2
    (tmp_path / "lie.xlsx").write_bytes(data.replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(InputError, match=r"lie\.xlsx is a damaged"):
        read_spreadsheet(tmp_path / "lie.xlsx")


def test_xml_entities_are_refused(tmp_path):
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (k, b"&l%d;" % (k - 1) * 10) for k in range(1, 9))
    head = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">' + laughs + b"]>"
    file = with_member(
        spreadsheet(tmp_path), tmp_path / "laugh.xlsx", SHEET,
        lambda xml: head + xml[xml.index(b"<worksheet") :].replace(b"<v>", b"<v>&l8;", 1),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"laugh\.xlsx declares XML entities"):
        read_spreadsheet(file)


@pytest.mark.parametrize("code", ["UTF-999", "UTF-1e-300", "", "ebcdic-x", "cp037"])
def test_a_sheet_in_a_code_that_nobody_knows_is_refused(tmp_path, code):
    head = f'<?xml version="1.0" encoding="{code}"?>'.encode()
    file = with_member(
        spreadsheet(tmp_path), tmp_path / "code.xlsx", SHEET,
        lambda xml: head + xml[xml.index(b"<worksheet") :],
    )  # fmt: skip
    with pytest.raises(InputError, match=r"code\.xlsx"):
        read_spreadsheet(file)
