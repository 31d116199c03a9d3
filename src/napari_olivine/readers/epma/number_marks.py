"""Decimal points or commas: one convention a table, decided by all its numbers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.column_headers import kind_of
from napari_olivine.readers.epma.mapping import FILE
from napari_olivine.tabular import Marks, Sheet, find_marks

Quantity = tuple[int, str, str]
"""Column (from 0), its quantity and unit."""


@dataclass(frozen=True)
class NumberMarks:
    """The decimal mark of a table.

    Parameters
    ----------
    decimal
        ``.`` or ``,``; empty where the table does not decide.
    seen
        What its numbers show.
    """

    decimal: str
    seen: Marks

    @property
    def mixed(self) -> str:
        """A sentence, where the table has decimal points and decimal commas."""
        if not (self.seen.point and self.seen.comma):
            return ""
        return (
            f"numbers with a decimal point ({self.seen.point!r}) and with a decimal comma "
            f"({self.seen.comma!r}) stand in one table; each is read by its own mark"
        )


def number_marks(
    sheet: Sheet, rows: Sequence[Sequence[str]], columns: Sequence[Quantity]
) -> NumberMarks:
    """Decide which mark parts the decimals in a table.

    ``12.345`` may be twelve or twelve thousand. Any number that can be read in one way only
    (``40,2``, ``1.250,5``) decides for all. Where there is none, a share by weight decides: none
    is twelve thousand per cent. Commas part the cells of a file, or no commas stand in it: a file
    with commas between its cells has decimal points.

    Parameters
    ----------
    sheet
        For its separator.
    rows
        Rows of analyses.
    columns
        Columns of numbers that are understood; without any, all cells are looked at.

    Returns
    -------
    marks
        Without a decimal mark if the table does not decide, or contradicts itself.
    """
    measured = [column for column in columns if kind_of(column[1]) not in ("", "name", "point")]
    if not measured:
        return _decide(sheet, find_marks(cell for row in rows for cell in row), Marks())
    shares = [
        number
        for number, quantity, unit in measured
        if (kind_of(quantity) in ("oxide", "total") and unit in ("", "wt%"))
        or (kind_of(quantity) == "element" and unit == "wt%")
    ]  # fmt: skip
    return _decide(
        sheet,
        find_marks(_cells(rows, [number for number, _, _ in measured])),
        find_marks(_cells(rows, shares)),
    )


def _decide(sheet: Sheet, seen: Marks, shares: Marks) -> NumberMarks:
    either = bool(seen.either_point or seen.either_comma)
    if seen.point and seen.comma:
        return NumberMarks("" if either else ",", seen)
    if seen.point or seen.comma:
        return NumberMarks("." if seen.point else ",", seen)
    if bool(shares.either_point) != bool(shares.either_comma):
        return NumberMarks("." if shares.either_point else ",", seen)
    if not either or (sheet.separator == "comma" and not seen.either_comma):
        return NumberMarks(".", seen)
    return NumberMarks("", seen)


def undecided(
    file: Path, sheet: Sheet, seen: Marks, rows: Sequence[int], columns: Sequence[int]
) -> InputError:
    """Return the error for a table that does not say what ``12.345`` is.

    Parameters
    ----------
    file, sheet
        For the message.
    seen
        What its numbers show.
    rows, columns
        From 0: where they stand.

    Returns
    -------
    error
        With both readings of a number, where it stands, and the line that decides.
    """
    example = seen.either_point or seen.either_comma
    row, column = next(
        (row, column)
        for row in rows
        for column in columns
        if column < len(sheet.rows[row]) and sheet.rows[row][column] == example
    )
    mark = "." if seen.either_point else ","
    large, small = example.replace(mark, ""), example.replace(mark, ".")
    why = (
        f"decimal points ({seen.point!r}) and decimal commas ({seen.comma!r}) stand beside it"
        if seen.point and seen.comma
        else "no other number says which mark is the decimal one"
    )
    decimal, thousands = (".", ",") if mark == "." else (",", ".")
    return InputError(
        f"{file}, row {row + 1}, column {column + 1}: {example!r} is {large} or {small}, and "
        f"{why}.",
        remedy=f"Say it {{place:{FILE}}}: decimal = {decimal!r} makes it {small}, "
        f"decimal = {thousands!r} makes it {large}.",
        file=file,
        sheet=sheet.name,
        row=row + 1,
    )


def _cells(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> list[str]:
    return [row[column] for row in rows for column in columns if column < len(row)]
