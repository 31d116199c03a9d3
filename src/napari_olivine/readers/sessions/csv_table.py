"""Tables that a person writes beside the images: CSV with commas, semicolons or tabs."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.tabular import read_text, split_cells

_DECIMAL_COMMA = re.compile(r"^([+-]?\d+),(\d+)$", re.ASCII)


def read_csv(file: Path) -> pd.DataFrame:
    """Read a table as texts, its headers in small letters; decimal commas become points.

    Raises
    ------
    InputError
        If it is empty, a row is longer than the header, or a column is there twice.
    """
    text = read_text(file)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    rows = [(n, row) for n, row in enumerate(split_cells(text, separator), 1) if any(row)]
    if not rows:
        raise InputError(f"{file} cannot be read as a table (it is empty).", file=file)
    (_, first_row), *cells = rows
    header = [name.lower() for name in first_row]
    while header and not header[-1]:
        header.pop()
    for number, row in cells:
        if any(row[len(header) :]):
            raise InputError(
                f"{file}: a row has {len(row)} cells ({', '.join(row)[:60]}), its header names "
                f"{len(header)}.",
                file=file,
                row=number,
            )
    doubled = sorted({name for name in header if name and header.count(name) > 1})
    if doubled:
        raise InputError(f"{file} has the column {doubled[0]!r} twice.", file=file)
    padded = [(row + [""] * len(header))[: len(header)] for _, row in cells]
    if separator != ",":
        padded = [[_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in row] for row in padded]
    return pd.DataFrame(padded, columns=header, dtype=str)


def words_of(table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column in small letters, empty texts where the table has none."""
    if column not in table:
        return pd.Series("", table.index)
    return table[column].str.strip().str.lower()


def require(file: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Refuse a table that lacks columns.

    Parameters
    ----------
    file
        Its file, for the error.
    table
        The table.
    columns
        Columns that it must have.

    Raises
    ------
    InputError
        Names those that it lacks.
    """
    absent = [name for name in columns if name not in table]
    if absent:
        raise InputError(
            f"{file} lacks the columns {', '.join(absent)}; it has {', '.join(table.columns)}.",
            file=file,
            expected=", ".join(columns),
        )
