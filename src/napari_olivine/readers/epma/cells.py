"""Tables as sheets of text cells, whatever file they lie in; recognised by content."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from napari_olivine.errors import InputError

LARGEST_FILE = 32 * 2**20
"""Bytes of a table; the longest sessions of a microprobe are a hundredth of it."""

LARGEST_UNPACKED = 96 * 2**20
"""Bytes of a spreadsheet (xlsx, ods) when its zip is unpacked."""

MOST_CELLS = 2_000_000
MOST_ROWS = 100_000
MOST_COLUMNS = 1000
MOST_SHEETS = 64

SEPARATORS = {
    "tab": "\t", "semicolon": ";", "comma": ",", "spaces": r"\s{2,}|\t", "space": r"\s+",
}  # fmt: skip
"""What stands between the cells of a line of text; ``spaces`` are two or more."""


@dataclass(frozen=True)
class Sheet:
    """A sheet of cells.

    Parameters
    ----------
    name
        As the spreadsheet calls it; empty in a text file.
    rows
        Cells as text without white space around them; rows may be of unequal length.
    separator
        A key of `SEPARATORS`; empty in a spreadsheet.
    """

    name: str
    rows: list[list[str]]
    separator: str = ""


def is_spreadsheet(file: Path) -> bool:
    """Tell by its first bytes whether a file is a zip, as .xlsx and .ods are."""
    return _start(file).startswith(b"PK")


def read_spreadsheet(file: Path) -> list[Sheet]:
    """Read the sheets of an .xlsx or .ods file.

    Raises
    ------
    InputError
        If it is damaged, protected, no spreadsheet, or too large when unpacked.
    """
    require_size(file, LARGEST_FILE)
    _refuse_bombs(file)
    # Imported here: a text table needs no Rust library.
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_path(str(file)) as book:
            names = book.sheet_names[:MOST_SHEETS]
            return [
                Sheet(name, _texts(book.get_sheet_by_name(name).to_python(skip_empty_area=False)))
                for name in names
            ]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the library is no Exception
        raise InputError(
            f"{file} cannot be read as a spreadsheet ({_short(error)}). Open it in a spreadsheet "
            "program and save it as .xlsx or .csv."
        ) from error


def read_text(file: Path) -> str:
    """Read a text file in the encoding that it is in: UTF-8, UTF-16, or Windows Latin-1.

    Raises
    ------
    InputError
        If it is no text, or too large.
    """
    require_size(file, LARGEST_FILE)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read as a table ({error}).") from error
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(
            f"{file} is an old Excel file (.xls) or a protected one: save it as .xlsx or .csv."
        )
    text = _decode(data)
    sample = text[:20_000]
    if sum(not (mark.isprintable() or mark in "\t\r\n\f\v\ufeff") for mark in sample) > (
        0.02 * len(sample)
    ):
        raise InputError(f"{file} cannot be read as a table: it is neither text nor a spreadsheet.")
    return text


def split_text(file: Path, text: str, separator: str) -> Sheet:
    """Split a text into cells.

    Raises
    ------
    InputError
        If it has more rows or columns than a table of analyses can have.
    """
    if separator in ("spaces", "space"):
        pattern = re.compile(SEPARATORS[separator])
        rows = [pattern.split(line.strip()) for line in text.splitlines()]
    else:
        rows = _csv_rows(text, SEPARATORS[separator])
    cells = [[cell.strip() for cell in row] for row in rows]
    while cells and not any(cells[-1]):
        cells.pop()
    if len(cells) > MOST_ROWS or max(map(len, cells), default=0) > MOST_COLUMNS:
        raise InputError(
            f"{file} has {len(cells)} rows and up to {max(map(len, cells))} columns; a table of "
            f"analyses has at most {MOST_ROWS} and {MOST_COLUMNS}."
        )
    return Sheet("", cells, separator)


def require_size(file: Path, largest: int) -> None:
    """Refuse a file that is larger than a table can be.

    Raises
    ------
    InputError
        If it is, or cannot be looked at.
    """
    try:
        size = file.stat().st_size
    except OSError as error:
        raise InputError(f"{file} cannot be read as a table ({error}).") from error
    if size > largest:
        raise InputError(
            f"{file} has {size / 2**20:.0f} MB; a table of analyses has at most "
            f"{largest / 2**20:.0f} MB. Is it another kind of file?"
        )


def _start(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(8)
    except OSError as error:
        raise InputError(f"{file} cannot be read as a table ({error}).") from error


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:4000]:
        even, odd = data[0:4000:2].count(0), data[1:4000:2].count(0)
        return data.decode("utf-16-be" if even > odd else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _csv_rows(text: str, separator: str) -> list[list[str]]:
    # A quote that is never closed would swallow all the lines behind it.
    lines = text.splitlines()
    if text.count('"') % 2 == 0:
        try:
            return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        except csv.Error:
            pass
    return [[cell.strip().strip('"') for cell in line.split(separator)] for line in lines]


def _texts(rows: list[list[Any]]) -> list[list[str]]:
    return [[_text(cell) for cell in row] for row in rows]


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell).strip()


def _refuse_bombs(file: Path) -> None:
    """Look into the zip before the spreadsheet library does: sizes, checksums, extent."""
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
                _scan(file, archive, member, name if sheet else "")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{file} is a damaged or protected spreadsheet ({_short(error)}); save it again."
        ) from error
    except NotImplementedError as error:
        raise InputError(f"{file} is packed in a way that is not supported ({error}).") from error


def _scan(file: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, sheet: str) -> None:
    """Unpack a member to nowhere, so that its size is true; measure a sheet's extent."""
    parser = None
    if sheet.endswith(".xml"):
        parser = _extent_parser(file, ods=sheet == "content.xml")
    with archive.open(member) as stream:
        while chunk := stream.read(1 << 20):
            if parser is not None:
                try:
                    parser(chunk)
                except expat.ExpatError as error:
                    raise InputError(f"{file} is a damaged spreadsheet ({error}).") from error


def _extent_parser(file: Path, *, ods: bool) -> Callable[[bytes], object]:
    """Refuse a sheet whose cells, laid out as a rectangle, would not fit in memory."""
    parser = expat.ParserCreate()
    extent = {"row": 0, "rows": 0, "columns": 0, "width": 0, "repeat": 1}

    def check() -> None:
        if extent["rows"] * max(extent["columns"], 1) > MOST_CELLS:
            raise InputError(
                f"{file} has a sheet of {extent['rows']} rows and {extent['columns']} columns; "
                f"at most {MOST_CELLS} cells are read. Delete what lies far from the table, or "
                "save the table as .csv."
            )

    def start_xlsx(name: str, given: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "row":
            extent["row"] = _whole(given.get("r"), extent["row"] + 1)
            extent["width"] = 0
        elif tag == "c":
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
            if any(key.startswith("office:") for key in given):
                extent["columns"] = max(extent["columns"], extent["width"])
                extent["rows"] = max(extent["rows"], extent["row"])
                check()

    def entity(*_: object) -> None:
        raise InputError(f"{file} declares XML entities, which no spreadsheet program writes.")

    parser.StartElementHandler = start_ods if ods else start_xlsx
    parser.EntityDeclHandler = entity
    return parser.Parse


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


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
