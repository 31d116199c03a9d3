"""Spreadsheets (.xlsx, .ods) looked through before a library opens them."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

from napari_olivine.errors import InputError

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
                    f"{file} unpacks to {size / 2**20:.0f} MB; a table of analyses has at most "
                    f"{LARGEST_UNPACKED / 2**20:.0f} MB. Save the sheet that is needed as .csv."
                )
            for member in members:
                name = member.filename.lower()
                sheet = name.startswith("xl/worksheets/") or name == "content.xml"
                uncalculated += _scan(file, archive, member, name if sheet else "")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{file} is a damaged or protected spreadsheet ({shortly(error)}); save it again."
        ) from error
    except NotImplementedError as error:
        raise InputError(f"{file} is packed in a way that is not supported ({error}).") from error
    return uncalculated


def _scan(file: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, sheet: str) -> int:
    """Unpack a member to nowhere, so that its size is true; measure a sheet's extent.

    Returns the number of its formulas without a result.
    """
    parser = None
    counted = {"uncalculated": 0}
    if sheet.endswith(".xml"):
        parser, counted = _extent_parser(file, ods=sheet == "content.xml")
    with archive.open(member) as stream:
        while chunk := stream.read(1 << 20):
            if parser is not None:
                try:
                    parser(chunk)
                except (expat.ExpatError, LookupError) as error:  # LookupError: an unknown code
                    raise InputError(f"{file} is a damaged spreadsheet ({error}).") from error
    return counted["uncalculated"]


def _extent_parser(file: Path, *, ods: bool) -> tuple[Callable[[bytes], object], dict[str, int]]:
    """Refuse a sheet whose cells, laid out as a rectangle, would not fit in memory.

    Counts formulas without a result as ``uncalculated``.
    """
    parser = expat.ParserCreate()
    extent = {"row": 0, "rows": 0, "columns": 0, "width": 0, "repeat": 1, "uncalculated": 0}
    awaited = text = False  # a formula's cell is open, and no result was seen in it

    def check() -> None:
        if extent["rows"] * max(extent["columns"], 1) > MOST_CELLS:
            raise InputError(
                f"{file} has a sheet of {extent['rows']} rows and {extent['columns']} columns; "
                f"at most {MOST_CELLS} cells are read. Delete what lies far from the table, or "
                "save the table as .csv."
            )

    def result(content: str) -> None:
        nonlocal awaited
        awaited = awaited and not content.strip()

    def end_xlsx(name: str) -> None:
        nonlocal awaited
        if awaited and name.rpartition(":")[2] == "c":
            extent["uncalculated"] += 1
            awaited = False
        parser.CharacterDataHandler = None

    def start_xlsx(name: str, given: dict[str, str]) -> None:
        nonlocal awaited, text
        tag = name.rpartition(":")[2]
        if tag == "f":
            awaited = not text
        elif tag == "v" and awaited:
            parser.CharacterDataHandler = result
        elif tag == "row":
            extent["row"] = _whole(given.get("r"), extent["row"] + 1)
            extent["width"] = 0
        elif tag == "c":
            text = given.get("t") == "str"  # an empty text is a result
            column, row = _reference(given.get("r", ""))
            extent["width"] = column or extent["width"] + 1
            extent["columns"] = max(extent["columns"], extent["width"])
            extent["rows"] = max(extent["rows"], row, extent["row"])
            check()

    def start_ods(name: str, given: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "table":
            extent.update(row=0, rows=0, columns=0)
        elif tag == "table-row":
            extent["repeat"] = _whole(given.get("table:number-rows-repeated"), 1)
            extent["row"] += extent["repeat"]
            extent["width"] = 0
        elif tag == "table-cell":
            extent["width"] += _whole(given.get("table:number-columns-repeated"), 1)
            told = any(key.startswith("office:") for key in given)
            extent["uncalculated"] += "table:formula" in given and not told
            if told:
                extent["columns"] = max(extent["columns"], extent["width"])
                extent["rows"] = max(extent["rows"], extent["row"])
                check()

    def entity(*_: object) -> None:
        raise InputError(f"{file} declares XML entities, which no spreadsheet program writes.")

    parser.StartElementHandler = start_ods if ods else start_xlsx
    if not ods:
        parser.EndElementHandler = end_xlsx
    parser.EntityDeclHandler = entity
    return parser.Parse, extent


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


def shortly(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
