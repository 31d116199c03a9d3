"""Limits on spreadsheets (.xlsx, .ods), checked before their cells are laid out in memory."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml import DefusedXmlException, sax

from napari_olivine.errors import InputError, first_line

LARGEST_UNPACKED = 96 * 2**20
"""Bytes of a spreadsheet when its zip is unpacked."""

MOST_CELLS = 2_000_000
"""Cells of a sheet, laid out as a rectangle."""


def check_workbook(file: Path) -> int:
    """Look into the zip of an .xlsx or .ods file: sizes, checksums, extent of its sheets.

    Returns
    -------
    uncalculated
        Formulas without a result.

    Raises
    ------
    InputError
        If it is damaged, protected, no spreadsheet, or too large when unpacked.
    """
    uncalculated = 0
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > LARGEST_UNPACKED:
                raise InputError(
                    f"{file} unpacks to {size / 2**20:.0f} MB; a table has at most "
                    f"{LARGEST_UNPACKED / 2**20:.0f} MB.",
                    remedy="Save the sheet that is needed as .csv.",
                    file=file,
                )
            for member in members:
                uncalculated += _check_member(file, archive, member)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{file} is a damaged or protected spreadsheet ({first_line(error)}); save it again.",
            file=file,
        ) from error
    return uncalculated


def _check_member(file: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Unpack a member to nowhere, so that its size is true; measure a sheet.

    Returns the number of its formulas without a result.
    """
    name = member.filename.lower()
    sheet: _Extent | None = None
    if name == "content.xml":
        sheet = _OdsExtent(file)
    elif name.startswith("xl/worksheets/") and name.endswith(".xml"):
        sheet = _XlsxExtent(file)
    with archive.open(member) as stream:
        if sheet is None:
            while stream.read(1 << 20):
                pass
            return 0
        try:
            sax.parse(stream, sheet)
        except DefusedXmlException as error:
            raise InputError(
                f"{file} declares XML entities, which no spreadsheet program writes.", file=file
            ) from error
        except (SAXParseException, LookupError) as error:  # LookupError: an unknown encoding
            reason = error.getException() if isinstance(error, SAXParseException) else error
            raise InputError(f"{file} is a damaged spreadsheet ({reason}).", file=file) from error
    return sheet.uncalculated


class _Extent(ContentHandler):
    """Refuses a sheet whose cells, laid out as a rectangle, would not fit in memory."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.row = self.column = self.rows = self.columns = 0
        self.uncalculated = 0

    def include(self, row: int, column: int) -> None:
        self.rows, self.columns = max(self.rows, row), max(self.columns, column)
        if self.rows * max(self.columns, 1) > MOST_CELLS:
            raise InputError(
                f"{self.file} has a sheet of {self.rows} rows and {self.columns} columns; at most "
                f"{MOST_CELLS} cells are read.",
                remedy="Delete what lies far from the table, or save the table as .csv.",
                file=self.file,
            )


class _XlsxExtent(_Extent):
    awaits_result = holds_text = in_value = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        tag = name.rpartition(":")[2]
        if tag == "row":
            self.row, self.column = _whole(attrs.get("r"), self.row + 1), 0
        elif tag == "c":
            self.holds_text = attrs.get("t") == "str"  # an empty text is a result
            column, row = _reference(attrs.get("r", ""))
            self.column = column or self.column + 1
            self.include(max(row, self.row), self.column)
        elif tag == "f":
            self.awaits_result = not self.holds_text
        elif tag == "v":
            self.in_value = True

    def characters(self, content: str) -> None:
        if self.in_value and content.strip():
            self.awaits_result = False

    def endElement(self, name: str) -> None:
        self.in_value = False
        if name.rpartition(":")[2] == "c":
            self.uncalculated += self.awaits_result
            self.awaits_result = False


class _OdsExtent(_Extent):
    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        tag = name.rpartition(":")[2]
        if tag == "table":
            self.row = self.rows = self.columns = 0
        elif tag == "table-row":
            self.row += _whole(attrs.get("table:number-rows-repeated"), 1)
            self.column = 0
        elif tag == "table-cell":
            self.column += _whole(attrs.get("table:number-columns-repeated"), 1)
            if any(key.startswith("office:") for key in attrs.getNames()):
                self.include(self.row, self.column)
            else:
                self.uncalculated += attrs.get("table:formula") is not None


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else otherwise


def _reference(text: str) -> tuple[int, int]:
    """Column and row of a cell like ``AB12``, from 1; zeros if it is none."""
    found = re.fullmatch(r"([A-Z]{1,3})(\d{1,7})", text)
    if not found:
        return 0, 0
    column = 0
    for letter in found[1]:
        column = 26 * column + ord(letter) - 64
    return column, int(found[2])
