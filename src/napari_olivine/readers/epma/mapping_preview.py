"""The first rows of a table, as they stand and as a mapping reads them: for its editor."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.folder import in_order, read_profile
from napari_olivine.readers.epma.infer_columns import choose_sheet
from napari_olivine.readers.epma.layout import open_sheets
from napari_olivine.readers.epma.mapping import ColumnMapping


@dataclass(frozen=True)
class Preview:
    """First rows of a table, as they stand and as they are read.

    Parameters
    ----------
    sheets
        Names of the spreadsheet's sheets; one empty name for a text file.
    rows
        First rows of the sheet as text, from its first row on.
    analyses
        First analyses by the mapping, empty if it cannot be used.
    count
        Number of all analyses, by profile.
    problems
        What is read as missing, converted or left out.
    error
        Why the mapping cannot be used, empty if it can.
    """

    sheets: tuple[str, ...]
    rows: list[list[str]]
    analyses: pd.DataFrame
    count: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    error: str = ""


def preview(file: Path, mapping: ColumnMapping, rows: int = 10) -> Preview:
    """Read a table by a mapping and show its first rows.

    Parameters
    ----------
    file
        The table.
    mapping
        As `suggest` gave it, or edited.
    rows
        How many analyses; of the sheet, that many rows behind the header.

    Returns
    -------
    preview
        Rows, analyses and problems.

    Raises
    ------
    InputError
        If the file cannot be read as a table at all; what is wrong with the mapping is in `error`.
    """
    sheets = open_sheets(file, mapping)
    names = tuple(sheet.name for sheet in sheets)
    try:
        sheet = choose_sheet(file, sheets, mapping.sheet)
    except InputError as error:
        return Preview(names, [], in_order(pd.DataFrame()), error=str(error))
    first = sheet.rows[: max(mapping.header_row, mapping.units_row) + rows]
    try:
        analyses, problems = read_profile(file, mapping)
    except InputError as error:
        return Preview(names, first, in_order(pd.DataFrame()), error=str(error))
    ordered = in_order(analyses)
    count = {str(name): int(n) for name, n in ordered["profile"].value_counts(sort=False).items()}
    return Preview(names, first, ordered.head(rows), count, problems)
