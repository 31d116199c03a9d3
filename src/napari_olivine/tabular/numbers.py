"""Cells of text into numbers: decimal commas, thousands, errors behind a number, blanks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isfinite

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d{1,3})?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_POINT_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+,\d+", re.ASCII)
_ERROR = re.compile(
    r"\s*(?:\u00b1|\+/?[-\u2212])\s*[\d.,]+\s*%?$|(?<=[.,]\d)(\d*)\(\d{1,4}\)$", re.ASCII
)
"""An error behind the number: ``47.2 ± 0.3``, ``47.2(3)``."""
_BLANK = ("", "nan", "-", "--", "---", "\u2013", "\u2014", "n/a", "#n/a", "na", "none", "null")


def read_number(cell: str, *, decimal_comma: bool = False) -> float | None:
    """Read one cell; `None` if it holds no finite number."""
    text = cell.strip().replace("\u2212", "-").replace("\xa0", "").replace("\u202f", "")
    if len(text) > 40:
        return None
    if text.endswith("%"):
        text = text[:-1].rstrip()
    text = _ERROR.sub(r"\1", text)
    if "," in text:
        if decimal_comma and _POINT_THOUSANDS.fullmatch(text):
            text = text.replace(".", "").replace(",", ".")
        elif decimal_comma and _COMMA_NUMBER.fullmatch(text):
            text = text.replace(",", ".")
        elif not decimal_comma and _THOUSANDS.fullmatch(text):
            text = text.replace(",", "")
        else:
            return None
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if isfinite(value) else None


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number, written with a decimal point or a comma."""
    return read_number(cell, decimal_comma=True) is not None or read_number(cell) is not None


def has_error(cell: str) -> bool:
    """Tell whether an error stands behind the number of a cell; `read_number` leaves it out."""
    return _ERROR.search(cell.strip()) is not None


def is_blank(cell: str) -> bool:
    """Tell whether a cell says that there is nothing."""
    return cell.strip().lower() in _BLANK


def has_decimal_commas(cells: Iterable[str], *, typed: bool) -> bool:
    """Tell whether commas among the numbers stand for the decimal point.

    Parameters
    ----------
    cells
        Cells of the columns of numbers.
    typed
        The numbers come from a spreadsheet that keeps them as numbers: only text holds commas, and
        the points of the others say nothing.

    Returns
    -------
    commas
        False where both marks occur and nothing decides.
    """
    points = commas = other = False
    for cell in cells:
        text = cell.strip()
        if "," not in text:
            points |= not typed and "." in text and _NUMBER.fullmatch(text) is not None
        elif "." in text and _THOUSANDS.fullmatch(text):
            return False
        elif _COMMA_NUMBER.fullmatch(text):
            commas = True
            other |= _THOUSANDS.fullmatch(text) is None
    return commas and (other or not points)
