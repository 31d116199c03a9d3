"""One table, read as its mapping says: oxides in wt%, totals, places and names of its points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.checks import check_mg_number, check_totals
from napari_olivine.readers.epma.column_headers import (
    IRON_OXIDES,
    LENGTHS_UM,
    SHARES_PERCENT,
    kind_of,
    read_header,
)
from napari_olivine.readers.epma.column_values import read_numbers
from napari_olivine.readers.epma.elements import oxide_of
from napari_olivine.readers.epma.iron import all_iron_as_feo, sum_of_oxides
from napari_olivine.readers.epma.layout import is_transposed
from napari_olivine.readers.epma.mapping import (
    FILE,
    Column,
    ColumnMapping,
    check_mapping,
)
from napari_olivine.readers.epma.number_marks import number_marks, undecided
from napari_olivine.readers.epma.rows import (
    DATASET,
    cell_of,
    rows_of_analyses,
    second_table,
    too_wide,
)
from napari_olivine.readers.epma.verdicts import LeftOut, label_of, rows_used
from napari_olivine.tabular import Sheet, read_number

RECALCULATE = "open the table in a spreadsheet program and save it again"

LISTED = 40
"""Names of columns that a message lists."""

PLACES = ("distance", "x", "y", "stage_x", "stage_y")


@dataclass
class Points:
    """The analyses of one sheet, in the order of its rows.

    Parameters
    ----------
    table
        One row an analysis: oxides and Total in wt%, and as far as they are given distance_um,
        x_um, y_um, stage_x_um, stage_y_um, point, dataset (numbers) and comment, profile, group
        (text).
    rows
        Number of each row in the sheet, from 1, shape (n,).
    problems
        What was read as missing or left out, in plain sentences.
    labels
        Crystal, profile and DataSet of each row, as the cells name them.
    left_out
        Analyses that the laboratory rejected.
    """

    table: pd.DataFrame
    rows: NDArray[np.int64]
    problems: list[str] = field(default_factory=list)
    labels: list[tuple[str, ...]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def read_points(file: Path, sheet: Sheet, mapping: ColumnMapping) -> Points:
    """Read the analyses of a sheet.

    Parameters
    ----------
    file
        For the messages.
    sheet
        The sheet.
    mapping
        The quantities of its columns.

    Returns
    -------
    points
        Analyses in the order of their rows.

    Raises
    ------
    InputError
        If a column that the mapping names is not there, magnesium or iron is missing, or no
        analysis is left.
    """
    if not mapping.sheet:  # the only one
        return _read_points(file, sheet, mapping)
    named = f", sheet {mapping.sheet!r}"
    try:
        points = _read_points(file, sheet, mapping)
    except InputError as error:
        text = error.text.replace(str(file), f"{file}{named}", 1)
        raise InputError(text, remedy=error.remedy, **asdict(error.facts)) from None
    points.problems = [
        text.replace(file.name, f"{file.name}{named}", 1) for text in points.problems
    ]
    return points


def _read_points(file: Path, sheet: Sheet, mapping: ColumnMapping) -> Points:
    if not sheet.rows:
        raise InputError(f"{file} holds no analyses: it is empty.", remedy="Leave it out.")
    check_mapping(mapping, str(file))
    columns = _locate(file, sheet, mapping)
    _require_mg_and_fe(file, sheet, mapping, columns)
    rows, problems = rows_of_analyses(file, sheet, mapping, columns)
    rows, left_out, rejected = rows_used(file, sheet, columns, rows)
    problems += too_wide(file, sheet, mapping, rows) + rejected
    decimal, said = _decimal(file, sheet, mapping, columns, rows)
    problems += said
    comma = decimal == ","
    read: dict[str, Any] = {}
    given_mg: dict[str, NDArray[np.float64]] = {}
    for number, column in columns:
        cells = [cell_of(sheet, row, number) for row in rows]
        if column.quantity in ("comment", "profile", "group"):
            before = read.get(column.quantity, [""] * len(cells))
            read[column.quantity] = [f"{a} {b}".strip() for a, b in zip(before, cells, strict=True)]
        elif column.quantity == "dataset":
            _read_datasets(read, cells)
        elif column.quantity == "Fo":
            name = column.header if column.header not in given_mg else f"column {number + 1}"
            given_mg[name] = read_numbers(cells, decimal_comma=comma).values
        elif column.quantity and column.quantity not in ("O", "stage_z", "verdict"):
            problems += _read_column(file, read, cells, column, comma)
    problems += [f"{file.name}: {column.note}" for column in mapping.columns if column.note]
    problems += check_totals(file, read)
    problems += _as_oxides(file, read, mapping)
    problems += all_iron_as_feo(file, read, rows)
    both = ~np.isnan(read["MgO"]) & ~np.isnan(read["FeO"])
    if not both.any():
        raise InputError(
            f"{file} holds no numbers for both MgO and FeO in any of its {len(rows)} analyses"
            f"{''.join(f'; {problem}' for problem in problems[:3])}.",
            remedy="Write numbers, or say which columns hold them {place:columns.toml}.",
        )
    problems += check_mg_number(file, read, given_mg)
    problems += second_table(file, sheet, mapping)
    if sheet.uncalculated:
        problems.append(
            f"{file.name}: {sheet.uncalculated} formulas come without their results, and their "
            f"cells count as empty: {RECALCULATE}"
        )
    if "Total" not in read or np.isnan(read["Total"]).all():
        read["Total"] = np.where(both, sum_of_oxides(read) + np.nan_to_num(read["FeO"]), np.nan)
    table = pd.DataFrame(read, index=range(len(rows)))
    labels = [label_of(sheet, columns, row) for row in rows]
    return Points(table, np.asarray(rows, np.int64) + 1, problems, labels, left_out)


def _locate(file: Path, sheet: Sheet, mapping: ColumnMapping) -> list[tuple[int, Column]]:
    """Find each column of the mapping in the sheet: where it stood, else by its name."""
    row = mapping.header_row - 1
    if row >= len(sheet.rows):
        raise InputError(
            f"{file} has {len(sheet.rows)} rows; its header is to be row {mapping.header_row}."
        )
    header = sheet.rows[row]
    found = []
    for column in mapping.columns:
        number = column.column - 1
        if not column.quantity:
            continue
        there = header[number] if number < len(header) else ""
        if column.header and there != column.header:
            same = [k for k, text in enumerate(header) if text == column.header]
            if len(same) != 1:
                raise InputError(
                    f"{file} has no column {column.header!r} in row {mapping.header_row}, which is "
                    f"to be {column.quantity} ({FILE}); the columns found are {_listed(header)}."
                )
            number = same[0]
        found.append((number, column))
    return found


def _decimal(
    file: Path,
    sheet: Sheet,
    mapping: ColumnMapping,
    columns: Sequence[tuple[int, Column]],
    rows: Sequence[int],
) -> tuple[str, list[str]]:
    """Decimal mark of the table, and what is to be said of it."""
    known = [(number, column.quantity, column.unit) for number, column in columns]
    found = number_marks(sheet, [sheet.rows[row] for row in rows], known)
    if not (mapping.decimal or found.decimal):
        numbers = [number for number, _, _ in known]
        raise undecided(file, sheet, found.seen, rows, numbers)
    said = [f"{file.name}: {found.mixed}"] if found.mixed else []
    return mapping.decimal or found.decimal, said


def _require_mg_and_fe(
    file: Path, sheet: Sheet, mapping: ColumnMapping, columns: Sequence[tuple[int, Column]]
) -> None:
    quantities = {column.quantity for _, column in columns}
    absent = []
    if not quantities & {"MgO", "Mg"}:
        absent.append("MgO")
    if not quantities & {*IRON_OXIDES, "Fe"}:
        absent.append("FeO")
    if not absent:
        return
    header = sheet.rows[mapping.header_row - 1]
    hint = f" If they stand there under other names, say so {{place:{FILE}}}."
    if is_transposed(sheet.rows):
        hint = " Its oxides stand below each other: transpose it, so that each row is an analysis."
    elif any(read_header(text).quantity == "Fo" for text in header):
        hint = " Fo or mg# alone are not enough: totals and cations are checked with the oxides."
    elif {read_header(text).quantity for text in header} >= {"Mg", "Fe"}:
        hint = (
            " Its elements do not say that they are wt% (their oxides do not sum to 100 %): say so "
            f"in the header ('Mg wt%'), or in {FILE}."
        )
    raise InputError(
        f"{file} has no column {' and no column '.join(absent)}. mg# needs MgO and FeO (all "
        f"iron as FeO) in wt% of oxides; the columns found in row {mapping.header_row} are "
        f"{_listed(header)}.{hint}"
    )


def _read_column(
    file: Path, table: dict[str, Any], cells: list[str], column: Column, comma: bool
) -> list[str]:
    numbers = read_numbers(cells, decimal_comma=comma)
    kind = kind_of(column.quantity)
    name, factor = column.quantity, 1.0
    if kind in ("oxide", "element", "total"):
        factor = SHARES_PERCENT[column.unit or "wt%"]
    elif kind == "place":
        factor = LENGTHS_UM[column.unit or ("mm" if name.startswith("stage") else "um")]
        name = f"{name}_um"
    elif name == "point":
        numbers.below_count = 0
    table[name] = numbers.values * factor
    header = column.header or f"column {column.column}"
    problems = []
    if numbers.thousands:
        between, decimal = ("points", "commas") if comma else ("commas", "points")
        value = read_number(numbers.thousands, decimal_comma=comma)
        problems.append(
            f"{file.name}: {numbers.thousands_count} cells of {header!r} are read with {between} "
            f"between thousands ({numbers.thousands!r} is {value:g}), as the numbers of the table "
            f"have decimal {decimal}"
        )
    if numbers.word_count and kind != "point":
        problems.append(
            f"{file.name}: {numbers.word_count} cells of {header!r} hold no number "
            f"({', '.join(map(repr, numbers.words[:3]))}) and count as not measured"
        )
    if numbers.error_count and kind != "point":
        problems.append(
            f"{file.name}: the errors behind {numbers.error_count} numbers of {header!r} are left "
            "out"
        )
    if numbers.below_count:
        problems.append(
            f"{file.name}: {numbers.below_count} cells of {header!r} are below detection "
            f"({', '.join(map(repr, numbers.below[:3]))}) and count as 0"
        )
    if column.quantity == "distance" and column.confidence < 0.6:
        problems.append(f"{file.name}: {header!r} is taken for the distance ({column.why})")
    return problems


def _read_datasets(table: dict[str, Any], cells: Sequence[str]) -> None:
    """Read PeakSight's ``1 / 2 .``; a number alone is the point's."""
    found = [DATASET.fullmatch(cell) for cell in cells]
    if any(found):
        table["dataset"] = np.array([int(each[1]) if each else -1 for each in found])
        table["point"] = np.array([float(each[2]) if each else np.nan for each in found])
    elif "point" not in table:
        table["point"] = read_numbers(cells, decimal_comma=False).values


def _as_oxides(file: Path, table: dict[str, Any], mapping: ColumnMapping) -> list[str]:
    problems = []
    elements = [name for name in table if kind_of(name) == "element"]
    for element in elements:
        oxide, factor = oxide_of(element)
        values = table.pop(element) * factor
        if oxide not in table:
            table[oxide] = values
    if elements and "Mg" not in elements:  # traces in ppm beside oxides
        problems.append(
            f"{file.name} gives {', '.join(elements)} as elements; they are converted to oxides "
            f"({', '.join(f'{e} x {oxide_of(e)[1]:.4f}' for e in elements[:3])})"
        )
    elif elements:
        problems.append(
            f"{file.name} gives elements; they are converted to oxides, all iron as FeO "
            f"({', '.join(f'{e} x {oxide_of(e)[1]:.4f}' for e in elements[:3])}, ...)"
        )
        held = mapping.column_of("O")
        if held is None and "Total" in table:
            del table["Total"]
    return problems


def _listed(header: Sequence[str]) -> str:
    names = [text[:40] for text in header if text]
    more = f", ... ({len(names)} in all)" if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "none") + more
