"""Files of stage positions that belong to a table without any: .POS, and JEOL's stage.txt.

A .POS file of Probe for EPMA begins with three lines of four numbers (the fiducial marks); each
line behind them is a point: type (1 standard, 2 unknown, 3 wavescan), number, "name", x, y, z, and
more fields as the format (type 1, 2 or 3) has them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.infer_columns import LONGEST_STAGE_MM, suggest_for
from napari_olivine.readers.epma.layout import find_header, open_sheets
from napari_olivine.readers.epma.table import Points
from napari_olivine.readers.epma.traverses import prefix_of
from napari_olivine.tabular import read_number, read_text

UNKNOWN = 2
"""Type of a line of a .POS file that is an analysis."""


@dataclass(frozen=True)
class Positions:
    """Stage positions in the order of measurement.

    Parameters
    ----------
    file
        Where they were read from.
    names
        Name of the point or of its traverse, empty if it has none.
    xy_um
        Stage x and y, um, shape (n, 2).
    """

    file: Path
    names: list[str]
    xy_um: NDArray[np.float64]


def read_positions(file: Path) -> Positions | None:
    """Read a file of stage positions; `None` if it is something else.

    Raises
    ------
    InputError
        If it is a .POS file and damaged.
    """
    if file.suffix.lower() in (".xlsx", ".ods"):
        return None
    found = _read_pos(file)
    if found is None and file.suffix.lower() == ".pos":
        raise InputError(
            f"{file} is no position file of Probe for EPMA: three lines of four numbers, then "
            'lines of type, number, "name", x, y, z.'
        )
    return found or _read_stage(file)


def place(points: Points, positions: Positions) -> bool:
    """Give the analyses of a table the positions of a file.

    They belong together if there are as many of the one as of the other, or as many of the name
    that all comments of the table begin with.

    Returns
    -------
    placed
        False if they do not fit; the table is then as it was.
    """
    xy = positions.xy_um
    measured = np.sort(np.r_[points.rows, [left.row for left in points.left_out]])
    if len(xy) != len(measured):
        wanted = _names_of(points.table)
        chosen = [k for k, name in enumerate(positions.names) if prefix_of(name) in wanted]
        if not wanted or len(chosen) != len(measured):
            return False
        xy = xy[chosen]
    xy = xy[np.isin(measured, points.rows)]
    points.table["stage_x_um"], points.table["stage_y_um"] = xy.T
    points.problems.append(
        f"the stage positions of {len(xy)} points are taken from {positions.file.name}"
    )
    return True


def belongs_to(table: Path, positions: Path) -> bool:
    """Tell by the names whether a file of positions goes with a table."""
    stem, other = table.stem.lower(), positions.stem.lower()
    return stem == other or ("stage" in other and stem == other.replace("stage", "summary"))


def _names_of(table: pd.DataFrame) -> set[str]:
    for column in ("profile", "group", "comment"):
        if column in table:
            return {prefix_of(text) for text in table[column]} - {""}
    return set()


def _read_pos(file: Path) -> Positions | None:
    lines = [line for line in read_text(file).splitlines() if line.strip()]
    if len(lines) < 4:
        return None
    try:
        fields = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    except csv.Error:
        return None
    if any(len(_numbers(row)) != 4 or len(row) != 4 for row in fields[:3]):
        return None
    names, places = [], []
    for number, row in enumerate(fields[3:], 4):
        kind = read_number(row[0])
        x, y = (read_number(cell) for cell in row[3:5]) if len(row) >= 6 else (None, None)
        if kind not in (1, 2, 3) or x is None or y is None:
            raise InputError(
                f"{file}: position {number - 3} is no line of type, number, name, x, y, z."
            )
        if kind == UNKNOWN:
            names.append(row[2])
            places.append((x, y))
    return _as_um(file, names, places)


def _read_stage(file: Path) -> Positions | None:
    try:
        sheets = open_sheets(file)
    except InputError:
        return None
    header = find_header(sheets[0].rows)
    if header is None or header.composition:
        return None
    mapping = suggest_for(file, sheets[0])
    x, y = mapping.column_of("stage_x"), mapping.column_of("stage_y")
    if x is None or y is None:
        return None
    comment = mapping.column_of("comment")
    names, places = [], []
    for row in sheets[0].rows[header.row + 1 :]:
        read = [
            read_number(row[c.column - 1], decimal_comma=mapping.decimal == ",")
            if c.column <= len(row)
            else None
            for c in (x, y)
        ]
        if read[0] is not None and read[1] is not None:
            names.append(row[comment.column - 1] if comment and comment.column <= len(row) else "")
            places.append((read[0], read[1]))
    if not places:
        return None
    factor = 1.0 if x.unit == "um" else 1000.0
    return Positions(file, names, np.asarray(places, float) * factor)


def _as_um(file: Path, names: list[str], places: list[tuple[float, float]]) -> Positions:
    xy = np.asarray(places, float).reshape(-1, 2)
    # JEOL's stage counts in mm, Cameca's in um; the file does not say which.
    in_mm = bool(xy.size) and bool(np.abs(xy).max() <= LONGEST_STAGE_MM)
    return Positions(file, names, xy * (1000.0 if in_mm else 1.0))


def _numbers(row: list[str]) -> list[float]:
    return [value for cell in row if (value := read_number(cell)) is not None]
