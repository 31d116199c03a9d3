"""Rows of a sheet that hold analyses; averages, repeated headers and second tables are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.column_headers import kind_of, read_header
from napari_olivine.readers.epma.layout import second_table_begins
from napari_olivine.readers.epma.mapping import Column, ColumnMapping
from napari_olivine.tabular import Sheet, is_blank, is_number

DATASET = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})\s*\.?", re.ASCII)
"""How PeakSight numbers a point: DataSet / Point."""

_STATISTIC = re.compile(
    r"(?:average|avg|ave|mean|median|moyenne|mittel(?:wert)?|min(?:imum)?|max(?:imum)?|range|"
    r"st\.?\s*dev(?:iation)?\.?|std\.?(?:\s*(?:dev\.?(?:iation)?|err\.?(?:or)?))?|stdev[ps]?|"
    r"standard\s*dev(?:iation)?|s\.?\s?d\.?|sigma|[12]?\s*\u03c3|[12]\s?(?:s|sd|sigma|std)|"
    r"(?:%\s*)?rsd|variance|n|count|no\.? of data|[e\u00e9]cart[- ]type|"
    r"standardabweichung|stabw\.?|m[e\u00e9]diane|moy\.?|promedio|media|anzahl|nombre|desv\w*\.?\s*est\w*\.?|"
    r"(?:average\s*)?d(?:etection)?\.?\s*l(?:imit)?s?\.?|l\.?o\.?d\.?|m\.?d\.?l\.?)"
    r"\s*(?:[:.=]\s*)?(?:\(.*\)|of\s.*|\d+|wt\.?\s?%|%)?"
)


def rows_of_analyses(
    file: Path, sheet: Sheet, mapping: ColumnMapping, columns: Sequence[tuple[int, Column]]
) -> tuple[list[int], list[str]]:
    """Find the rows that hold analyses.

    Parameters
    ----------
    file
        For the messages.
    sheet, mapping
        The sheet, and the quantities of its columns.
    columns
        Number (from 0) of each column of the mapping in the sheet.

    Returns
    -------
    rows
        From 0.
    problems
        What was left out, in plain sentences.

    Raises
    ------
    InputError
        If there is none.
    """
    header = sheet.rows[mapping.header_row - 1]
    names = [(number, header[number]) for number, _ in columns if number < len(header)]
    measured = [
        number
        for number, column in columns
        if kind_of(column.quantity) in ("oxide", "element", "place")
    ]
    labels = [n for n, column in columns if kind_of(column.quantity) in ("name", "point")]
    skipped = {row - 1 for row in mapping.skip_rows}
    rows, statistics = [], []
    for row in range(max(mapping.header_row, mapping.units_row), len(sheet.rows)):
        cells = sheet.rows[row]
        if row in skipped or not any(cells):
            continue
        if all(number < len(cells) and cells[number] == text for number, text in names):
            continue  # the header again, above the next block of rows
        first = next((cell for cell in cells if cell), "")
        names_of_row = [first, *(cell_of(sheet, row, number) for number in labels)]
        if any(_is_statistic(text) for text in names_of_row):
            statistics.append(row)
            continue
        if any(is_number(cell_of(sheet, row, number)) for number in measured):
            rows.append(row)
    if not rows:
        raise InputError(
            f"{file} holds no analyses: no number stands beneath row {mapping.header_row}.",
            remedy="If that is not the header, say which row is {place:columns.toml}.",
            row=mapping.header_row,
        )
    problems = []
    if statistics:
        listed = ", ".join(str(row + 1) for row in statistics[:5])
        more = ", ..." if len(statistics) > 5 else ""
        problems.append(
            f"{file.name}: {len(statistics)} rows of averages, deviations or limits are left out "
            f"(row {listed}{more})"
        )
    return rows, problems


def _is_statistic(text: str) -> bool:
    return len(text) < 60 and _STATISTIC.fullmatch(text.strip().lower()) is not None


def too_wide(file: Path, sheet: Sheet, mapping: ColumnMapping, rows: Sequence[int]) -> list[str]:
    """Refuse comma separated numbers with decimal commas: their cells cannot be told apart.

    Parameters
    ----------
    file
        For the messages.
    sheet, mapping
        The sheet, and the quantities of its columns.
    rows
        Rows of analyses, from 0.

    Returns
    -------
    problems
        Single rows with more cells than the header, in sentences.

    Raises
    ------
    InputError
        If most rows have more cells than the header.
    """
    if sheet.separator != "comma":
        return []
    width = len(sheet.rows[mapping.header_row - 1])
    wide = [row for row in rows if any(not is_blank(c) for c in sheet.rows[row][width:])]
    if 2 * len(wide) > len(rows):
        raise InputError(
            f"{file}: row {wide[0] + 1} has {len(sheet.rows[wide[0]])} cells, but its header names "
            f"{width}.",
            remedy="If the numbers have decimal commas, save the table with semicolons or tabs.",
            row=wide[0] + 1,
        )
    return [
        f"{file.name}: row {row + 1} has more cells than the header; those beyond are left out"
        for row in wide[:3]
    ]


def second_table(file: Path, sheet: Sheet, mapping: ColumnMapping) -> list[str]:
    """Report another table beside the one that is read: distances and MgO alternate in the header.

    Parameters
    ----------
    file
        For the message.
    sheet, mapping
        The sheet, and the quantities of its columns.

    Returns
    -------
    problems
        One sentence, or nothing.
    """
    header = sheet.rows[mapping.header_row - 1]
    first = second_table_begins([read_header(text).quantity for text in header])
    if first is None:
        return []
    return [
        f"{file.name}: a second table stands beside the first (from about column {first + 1} on) "
        "and is left out; put it beneath the first, or into a sheet of its own"
    ]


def cell_of(sheet: Sheet, row: int, column: int) -> str:
    """Return a cell.

    Parameters
    ----------
    sheet
        The sheet.
    row, column
        From 0.

    Returns
    -------
    cell
        Empty behind the end of its row.
    """
    cells = sheet.rows[row]
    return cells[column] if column < len(cells) else ""
