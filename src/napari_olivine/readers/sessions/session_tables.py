"""Sessions as a source's ``sessions.csv`` or the times of its tiles say them, in pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import raise_if_any
from napari_olivine.readers.sessions.csv_table import read_csv, require, words_of
from napari_olivine.readers.sessions.tile_ranges import (
    RANGE_COLUMNS,
    named_rectangles,
    sessions_by_time,
    tiles_of_ranges,
)
from napari_olivine.section import Tiles

SESSION_COLUMNS = ("session", "row0", "row1", "col0", "col1", "role")

_TILE_COLUMNS = ("first_row", "last_row", "first_col", "last_col")

_ROLES = {
    "train": "train", "training": "train", "val": "val", "validation": "val", "test": "test",
    "none": "none", "": "none",
}  # fmt: skip


@dataclass(frozen=True)
class SessionTable:
    """The sessions of a source as they were written down, not yet in pixels.

    Parameters
    ----------
    file
        The ``sessions.csv``; may be missing.
    table
        Its cells as texts, `None` without the file.
    """

    file: Path
    table: pd.DataFrame | None = None

    def on_section(self, shape: tuple[int, int], tiles: Tiles | None) -> pd.DataFrame:
        """Turn tiles into pixels, and compare with the section.

        Parameters
        ----------
        shape
            Rows and columns of the section.
        tiles
            Tiles of the section, `None` without tiles.

        Returns
        -------
        DataFrame
            Columns session, row0, row1, col0, col1 (pixels), role.

        Raises
        ------
        InputError
            If a column is missing, a role unknown, or a session reaches beyond the section.
        """
        file, table = self.file, self.table
        if table is None:
            return _sessions_by_time(file, shape, tiles)
        if set(RANGE_COLUMNS) <= set(table):
            table = _ranges_to_tiles(file, table, tiles)
        in_tiles = set(_TILE_COLUMNS) <= set(table)
        if in_tiles and tiles is None:
            raise _no_tiles(file)
        columns = _TILE_COLUMNS if in_tiles else SESSION_COLUMNS[1:5]
        require(file, table, ("session", *columns))
        numbers = _integers(file, table, columns)
        names = table["session"].str.strip()
        if in_tiles:
            assert tiles is not None
            numbers = _tiles_to_pixels(file, names, numbers, tiles, shape)
        roles = words_of(table, "role")
        _refuse_wrong(file, names, roles, numbers, shape)
        sessions = pd.DataFrame(numbers, columns=list(SESSION_COLUMNS[1:5]))
        sessions.insert(0, "session", names)
        sessions["role"] = roles.map(_ROLES)
        return sessions


def read_sessions(file: Path) -> SessionTable:
    """Read the analytical sessions of a source.

    Parameters
    ----------
    file
        CSV with the columns session, role and either row0, row1, col0, col1 in pixels (ends not
        included); first_row, last_row, first_col, last_col in tiles (ends included); or first_tile,
        last_tile, names or running numbers of tiles (ends included). Without the file the tiles'
        times part the sessions where they have a break, the first of them for training; otherwise
        there is one session over the whole section, for training.

    Raises
    ------
    InputError
        If the file is no table.
    """
    return SessionTable(file, read_csv(file) if file.exists() else None)


def _no_tiles(file: Path) -> InputError:
    return InputError(
        f"{file} counts in tiles, and there are none; give row0, row1, col0, col1",
        file=file,
        expected="row0, row1, col0, col1",
    )


def _refuse_wrong(
    file: Path,
    names: pd.Series,
    roles: pd.Series,
    numbers: NDArray[np.int64],
    shape: tuple[int, int],
) -> None:
    wrong = [f"session {name!r} stands there twice" for name in names[names.duplicated()]]
    for name, role, (row0, row1, col0, col1) in zip(names, roles, numbers, strict=True):
        if role not in _ROLES:
            wrong.append(f"session {name!r} has the role {role!r}; known: train, val, test, none")
        if not (0 <= row0 < row1 <= shape[0] and 0 <= col0 < col1 <= shape[1]):
            wrong.append(
                f"session {name!r} covers rows {row0}-{row1} and columns {col0}-{col1}, but the "
                f"section has {shape[0]} x {shape[1]} px"
            )
    raise_if_any(wrong, f"{file} cannot be used", file=file)


def _sessions_by_time(file: Path, shape: tuple[int, int], tiles: Tiles | None) -> pd.DataFrame:
    whole = ("1", 0, shape[0], 0, shape[1], "train")
    found = sessions_by_time(tiles) if tiles is not None else None
    if tiles is None or found is None:
        return pd.DataFrame([whole], columns=list(SESSION_COLUMNS))
    named = named_rectangles(tiles, {str(n): part for n, part in enumerate(found, 1)})
    names = pd.Series([name for name, _ in named])
    cells = np.array([cells for _, cells in named], np.int64)
    pixels = _tiles_to_pixels(file, names, cells, tiles, shape)
    sessions = pd.DataFrame(pixels, columns=list(SESSION_COLUMNS[1:5]))
    sessions.insert(0, "session", names)
    sessions["role"] = ["train" if re.fullmatch("1[a-z]*", name) else "none" for name in names]
    return sessions


def _ranges_to_tiles(file: Path, table: pd.DataFrame, tiles: Tiles | None) -> pd.DataFrame:
    """Turn first and last tiles into first and last rows and columns of tiles."""
    if tiles is None or "name" not in tiles.table:
        raise _no_tiles(file)
    require(file, table, ("session", *RANGE_COLUMNS))
    names = table["session"].str.strip().tolist()
    ends = [(a.strip(), b.strip()) for a, b in table[list(RANGE_COLUMNS)].to_numpy()]
    found = tiles_of_ranges(file, names, ends, tiles)
    roles = dict(zip(names, words_of(table, "role"), strict=True))
    rows = [
        (name, *cells, roles[session])
        for session, members in zip(names, found, strict=True)
        for name, cells in named_rectangles(tiles, {session: members})
    ]
    return pd.DataFrame(rows, columns=["session", *_TILE_COLUMNS, "role"]).astype(str)


def _tiles_to_pixels(
    file: Path,
    names: pd.Series,
    numbers: NDArray[np.int64],
    tiles: Tiles,
    shape: tuple[int, int],
) -> NDArray[np.int64]:
    """Turn first and last rows and columns of tiles into pixels, ends not included."""
    edges = [tiles.edges(axis) for axis in (0, 1)]
    for axis, edge in enumerate(edges):  # tiles that jitter leave strips at the outer edges
        edge[0], edge[-1] = 0, shape[axis]
    counts = [len(edge) - 1 for edge in edges]
    raise_if_any(
        [
            f"session {name!r} covers rows {row[0]}-{row[1]} and columns {row[2]}-{row[3]} of "
            f"tiles, but there are {counts[0]} x {counts[1]}, counted from 0"
            for name, row in zip(names, numbers, strict=True)
            if not (0 <= row[0] <= row[1] < counts[0] and 0 <= row[2] <= row[3] < counts[1])
        ],
        f"{file} cannot be used",
        file=file,
    )
    rows, columns = numbers[:, :2] + [0, 1], numbers[:, 2:] + [0, 1]
    return np.hstack([edges[0][rows], edges[1][columns]])


def _integers(file: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> NDArray[np.int64]:
    cells = [pd.to_numeric(table[name], errors="coerce") for name in columns]
    numbers = np.stack([np.asarray(cell, np.float64) for cell in cells], axis=1)
    whole = (np.isfinite(numbers) & (numbers == np.round(numbers))).all(axis=1)
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        session = table["session"][row]
        raise InputError(f"{file}: the range of session {session!r} is no number.", file=file)
    return numbers.astype(np.int64)
