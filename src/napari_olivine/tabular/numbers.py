"""Cells of text into numbers: decimal marks, thousands, errors behind a number, blanks.

``12.345`` is twelve and a bit, or twelve thousand: no cell can say which. The numbers of a table
are written in one manner, so all of them together say it (`find_marks`), and `read_number` is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}", re.ASCII)
"""The mark may part decimals or thousands."""
_DECIMAL = re.compile(r"[+-]?\d*([.,])\d+(?:[eE][+-]?\d{1,3})?", re.ASCII)
_THOUSANDS = {
    mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+(?:[{rest}]\d+)?", re.ASCII)
    for mark, rest in ((".", ","), (",", "."))
}
_SPACED = re.compile(
    r"[+-]?[1-9]\d{0,2}(?P<gap>[ '\xa0\u2009\u202f\u2019])\d{3}(?:(?P=gap)\d{3})*(?:[.,]\d+)?",
    re.ASCII,
)
_ERROR = re.compile(
    r"\s*(?:\u00b1|\+/?[-\u2212])\s*[\d.,]+\s*%?$|(?<=[.,]\d)(\d*)\(\d{1,4}\)$", re.ASCII
)
"""An error behind the number: ``47.2 ± 0.3``, ``47.2(3)``."""
_BLANK = ("", "nan", "-", "--", "---", "\u2013", "\u2014", "n/a", "#n/a", "na", "none", "null")


class StoredNumber(str):
    """A cell that a spreadsheet keeps as a number: written with a point, whatever text cells do."""

    __slots__ = ()


@dataclass(frozen=True)
class Marks:
    """What the numbers of a table show of their decimal mark: an example of each, or nothing.

    Parameters
    ----------
    point, comma
        A number in which this mark can only be the decimal mark (``40.2``, ``1.250,5``).
    either_point, either_comma
        A number in which it parts three decimals or the thousands (``12.345``).
    """

    point: str = ""
    comma: str = ""
    either_point: str = ""
    either_comma: str = ""


def find_marks(cells: Iterable[str]) -> Marks:
    """Collect what the numbers of a table show of their decimal mark."""
    found: dict[str, str] = {}
    for cell in cells:
        if isinstance(cell, StoredNumber) or not ("." in cell or "," in cell):
            continue
        text = _bare(cell.lstrip("<> "))
        if "." not in text and "," not in text:
            continue
        if each := _EITHER.fullmatch(text):
            found.setdefault("either_point" if each[1] == "." else "either_comma", cell)
        elif _DECIMAL.fullmatch(text) or _SPACED.fullmatch(text):
            found.setdefault("point" if "." in text else "comma", cell)
        elif _THOUSANDS[","].fullmatch(text):
            found.setdefault("point", cell)
        elif _THOUSANDS["."].fullmatch(text):
            found.setdefault("comma", cell)
    return Marks(**found)


def read_number(cell: str, *, decimal_comma: bool = False) -> float | None:
    """Read one cell; `None` if it holds no finite number.

    Parameters
    ----------
    cell
        Text of the cell.
    decimal_comma
        The numbers of the table have decimal commas: a point may part thousands.
    """
    text = cell if isinstance(cell, StoredNumber) else _bare(cell)
    if len(text) > 40:
        return None
    if _SPACED.fullmatch(text):
        text = re.sub(r"[^\d.,+-]", "", text)
    decimal, other = (",", ".") if decimal_comma else (".", ",")
    if isinstance(cell, StoredNumber):
        pass
    elif other in text and _THOUSANDS[other].fullmatch(text):
        text = text.replace(other, "").replace(decimal, ".")
    elif "," in text:
        # A mark that cannot part thousands is the decimal mark, whatever the others are.
        text = text.replace(",", ".") if _DECIMAL.fullmatch(text) else ""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if isfinite(value) else None


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number, written with a decimal point or a comma."""
    return read_number(cell, decimal_comma=True) is not None or read_number(cell) is not None


def parts_thousands(cell: str, *, decimal_comma: bool) -> bool:
    """Tell whether the only mark of a cell is read as one between thousands."""
    if isinstance(cell, StoredNumber):
        return False
    mark = _EITHER.fullmatch(_bare(cell))
    return mark is not None and mark[1] == ("." if decimal_comma else ",")


def has_error(cell: str) -> bool:
    """Tell whether an error stands behind the number of a cell; `read_number` leaves it out."""
    return _ERROR.search(cell.strip()) is not None


def is_blank(cell: str) -> bool:
    """Tell whether a cell says that there is nothing."""
    return cell.strip().lower() in _BLANK


def _bare(cell: str) -> str:
    """Cut off what stands around a number: blanks, a percent sign, an error."""
    text = cell.strip().replace("\u2212", "-")
    if len(text) > 40:
        return text
    if text.endswith("%"):
        text = text[:-1].rstrip()
    return _ERROR.sub(r"\1", text)
