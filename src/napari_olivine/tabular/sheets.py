"""Tables as sheets of text cells, whatever file they lie in; recognised by content."""

from __future__ import annotations

import csv
import datetime
import io
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_olivine.errors import InputError, first_line
from napari_olivine.tabular.encoding import decode_text
from napari_olivine.tabular.numbers import StoredNumber
from napari_olivine.tabular.workbook_check import check_workbook

LARGEST_FILE = 32 * 2**20
"""Bytes of a table; the longest tables of an instrument are a hundredth of it."""

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
    uncalculated
        Formulas of the spreadsheet that come without their results: their cells are empty.
    """

    name: str
    rows: list[list[str]]
    separator: str = ""
    uncalculated: int = 0


def is_spreadsheet(file: Path) -> bool:
    """Tell by its first bytes whether a file is a zip, as .xlsx and .ods are."""
    return _read(file, 2) == b"PK"


def read_spreadsheet(file: Path) -> list[Sheet]:
    """Read the sheets of an .xlsx or .ods file.

    Raises
    ------
    InputError
        If it is damaged, protected, no spreadsheet, or too large when unpacked.
    """
    require_size(file, LARGEST_FILE)
    uncalculated = check_workbook(file)
    # Imported here: a text table needs no Rust library.
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_path(str(file)) as book:
            names = book.sheet_names[:MOST_SHEETS]
            return [
                Sheet(
                    name,
                    _texts(book.get_sheet_by_name(name).to_python(skip_empty_area=False)),
                    uncalculated=uncalculated,
                )
                for name in names
            ]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the library is no Exception
        raise InputError(
            f"{file} cannot be read as a spreadsheet ({first_line(error)}).",
            remedy="Open it in a spreadsheet program and save it as .xlsx or .csv.",
            file=file,
        ) from error


def read_text(file: Path) -> str:
    """Read a text file in the encoding that it is in; see `decode_text`.

    Raises
    ------
    InputError
        If it is no text, or too large.
    """
    data = _read(file)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(
            f"{file} is an old Excel file (.xls) or a protected one.",
            remedy="Save it as .xlsx or .csv.",
            file=file,
        )
    text = decode_text(data)
    sample = text[:20_000]
    if sum(not (mark.isprintable() or mark in "\t\r\n\f\v\ufeff") for mark in sample) > (
        0.02 * len(sample)
    ):
        raise InputError(
            f"{file} cannot be read as a table: it is neither text nor a spreadsheet.", file=file
        )
    return text


def split_text(file: Path, text: str, separator: str) -> Sheet:
    """Split a text into cells.

    Parameters
    ----------
    file
        For the messages.
    text
        Content of the file, see `read_text`.
    separator
        A key of `SEPARATORS`.

    Returns
    -------
    sheet
        One sheet without a name; blank rows at its end are left out.

    Raises
    ------
    InputError
        If it has more rows or columns than a table can have.
    """
    if separator in ("spaces", "space"):
        pattern = re.compile(SEPARATORS[separator])
        rows = [pattern.split(line.strip()) for line in text.splitlines()]
        cells = [[cell.strip() for cell in row] for row in rows]
    else:
        cells = split_cells(text, SEPARATORS[separator])
    while cells and not any(cells[-1]):
        cells.pop()
    if len(cells) > MOST_ROWS or max(map(len, cells), default=0) > MOST_COLUMNS:
        raise InputError(
            f"{file} has {len(cells)} rows and up to {max(map(len, cells))} columns; a table "
            f"has at most {MOST_ROWS} and {MOST_COLUMNS}.",
            file=file,
        )
    return Sheet("", cells, separator)


def require_size(file: Path, largest: int) -> None:
    """Refuse a file that is larger than a table can be, or no file but a pipe or device.

    Raises
    ------
    InputError
        If it is, or cannot be looked at.
    """
    try:
        status = file.stat()
    except OSError as error:
        raise InputError(f"{file} cannot be read as a table ({error}).", file=file) from error
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device would block, or never end
        raise InputError(f"{file} cannot be read as a table (it is no file).", file=file)
    size = status.st_size
    if size > largest:
        raise InputError(
            f"{file} has {size / 2**20:.0f} MB; a table has at most {largest / 2**20:.0f} MB.",
            remedy="Is it another kind of file?",
            file=file,
        )


def _read(file: Path, size: int = -1) -> bytes:
    require_size(file, LARGEST_FILE)
    try:
        with file.open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise InputError(f"{file} cannot be read as a table ({error}).", file=file) from error


def split_cells(text: str, mark: str) -> list[list[str]]:
    """Split a text into rows of cells at a mark, without white space around them.

    A cell may be quoted; a quote that is never closed would swallow all the lines behind it, and
    counts as nothing.
    """
    lines = text.splitlines()
    if text.count('"') % 2 == 0:
        try:
            read = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True)
            return [[cell.strip() for cell in row] for row in read]
        except csv.Error:
            pass
    return [[cell.strip().strip('"') for cell in line.split(mark)] for line in lines]


def _texts(rows: list[list[Any]]) -> list[list[str]]:
    return [[_text(cell) for cell in row] for row in rows]


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        whole = cell.is_integer() and abs(cell) < 1e15
        return StoredNumber(int(cell) if whole else repr(cell))
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell).strip()
