"""Sessions and placements as a source's CSV files say them, in pixels and micrometres."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import raise_if_any
from napari_olivine.readers.sessions.tile_ranges import (
    RANGE_COLUMNS,
    named_rectangles,
    sessions_by_time,
    tiles_of_ranges,
)
from napari_olivine.section import Tiles
from napari_olivine.tabular import read_text, split_cells

SESSION_COLUMNS = ("session", "row0", "row1", "col0", "col1", "role")
PLACEMENT_COLUMNS = ("profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use")

_TILE_COLUMNS = ("first_row", "last_row", "first_col", "last_col")
_DECIMAL_COMMA = re.compile(r"^([+-]?\d+),(\d+)$", re.ASCII)

_ROLES = {
    "train": "train", "training": "train", "val": "val", "validation": "val", "test": "test",
    "none": "none", "": "none",
}  # fmt: skip
_USES = {
    "calibrate": "calibrate", "calibration": "calibrate", "test": "test", "ignore": "ignore",
    "": "calibrate",
}  # fmt: skip


def read_sessions(file: Path, shape: tuple[int, int], tiles: Tiles | None) -> pd.DataFrame:
    """Read the analytical sessions of a source.

    Parameters
    ----------
    file
        CSV with the columns session, role and either row0, row1, col0, col1 in pixels (ends not
        included); first_row, last_row, first_col, last_col in tiles (ends included); or first_tile,
        last_tile, names or running numbers of tiles (ends included). Without the file the tiles'
        times part the sessions where they have a break, the first of them for training; otherwise
        there is one session over the whole section, for training.
    shape
        Rows and columns of the section.
    tiles
        Tiles of the section, `None` without tiles.

    Returns
    -------
    sessions
        Columns session, row0, row1, col0, col1 (pixels), role.

    Raises
    ------
    InputError
        If a column is missing, a role unknown, or a session reaches beyond the section.
    """
    if not file.exists():
        return _sessions_by_time(file, shape, tiles)
    table = _read(file)
    if set(RANGE_COLUMNS) <= set(table):
        table = _ranges_to_tiles(file, table, tiles)
    in_tiles = set(_TILE_COLUMNS) <= set(table)
    if in_tiles and tiles is None:
        raise InputError(f"{file} counts in tiles, and there are none; give row0, row1, col0, col1")
    columns = _TILE_COLUMNS if in_tiles else SESSION_COLUMNS[1:5]
    _need(file, table, ("session", *columns))
    numbers = _integers(file, table, columns)
    names = table["session"].str.strip()
    if in_tiles:
        assert tiles is not None
        numbers = _tiles_to_pixels(file, names, numbers, tiles, shape)
    roles = _words(table, "role")
    wrong = [f"session {name!r} stands there twice" for name in names[names.duplicated()]]
    for name, role, (row0, row1, col0, col1) in zip(names, roles, numbers, strict=True):
        if role not in _ROLES:
            wrong.append(f"session {name!r} has the role {role!r}; known: train, val, test, none")
        if not (0 <= row0 < row1 <= shape[0] and 0 <= col0 < col1 <= shape[1]):
            wrong.append(
                f"session {name!r} covers rows {row0}-{row1} and columns {col0}-{col1}, but the "
                f"section has {shape[0]} x {shape[1]} px"
            )
    raise_if_any(wrong, f"{file} cannot be used")
    sessions = pd.DataFrame(numbers, columns=list(SESSION_COLUMNS[1:5]))
    sessions.insert(0, "session", names)
    sessions["role"] = roles.map(_ROLES)
    return sessions


def read_placements(
    file: Path,
    analyses: pd.DataFrame,
    shape: tuple[int, int],
    pixel_size_um: float,
    by_stage: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Read where the EPMA profiles lie, and compare with the tables.

    Parameters
    ----------
    file
        CSV with the columns profile, x0_px, y0_px, x1_px, y1_px (or the same in ``_um``) and
        use (calibrate, test or ignore). May be missing.
    analyses
        EPMA analyses; profiles whose points have x_um and y_um are placed as spots.
    shape
        Rows and columns of the section.
    pixel_size_um
        Side of a pixel, um.
    by_stage
        Ends of traverses that are known by the stage; those of the file go before them.

    Returns
    -------
    placements
        Columns profile, kind ("line" or "spots"), x0_um, y0_um, x1_um, y1_um, use.
    problems
        Profiles without a placement, placements without a table, and what lies off the section.
    """
    profiles = list(dict.fromkeys(analyses["profile"]))
    located = analyses.dropna(subset=["x_um", "y_um"])
    spots = list(dict.fromkeys(located["profile"]))
    lines, used = _read_lines(file, pixel_size_um)
    if by_stage is not None and len(by_stage):
        more = by_stage[~by_stage["profile"].isin(lines["profile"])]
        more = more.assign(kind="line", use="calibrate")[list(PLACEMENT_COLUMNS)]
        lines = pd.concat([lines, more], ignore_index=True) if len(lines) else more
    lines = lines[~lines["profile"].isin(spots)]
    known = lines["profile"].isin(profiles)
    problems = [
        f"{file.name} places {profile!r}, but there is no EPMA table of that name; it is left out"
        for profile in lines["profile"][~known]
    ]
    lines = lines[known]
    problems += [
        f"EPMA profile {profile!r} has no placement yet: draw it before calibrating"
        for profile in profiles
        if profile not in set(lines["profile"]) and profile not in spots
    ]
    right, bottom = ((side - 1) * pixel_size_um for side in (shape[1], shape[0]))
    ends = lines[list(PLACEMENT_COLUMNS[2:6])].to_numpy(np.float64)
    for profile, (x0, y0, x1, y1) in zip(lines["profile"], ends, strict=True):
        if min(x0, x1) < 0 or max(x0, x1) > right or min(y0, y1) < 0 or max(y0, y1) > bottom:
            problems.append(
                f"EPMA profile {profile!r} lies off the section (x {x0:.0f} to {x1:.0f} um, "
                f"y {y0:.0f} to {y1:.0f} um; the section is {right:.0f} x {bottom:.0f} um): "
                "place it again before calibrating"
            )
    for profile, points in located.groupby("profile", sort=False):
        off = ~(points["x_um"].between(0, right) & points["y_um"].between(0, bottom))
        if off.any():
            problems.append(
                f"{int(off.sum())} of {len(points)} spots of {profile!r} lie off the section "
                f"({right:.0f} x {bottom:.0f} um)"
            )
    placed = [
        (profile, "spots", np.nan, np.nan, np.nan, np.nan, used.get(profile, "calibrate"))
        for profile in spots
    ]
    frames = [lines, pd.DataFrame(placed, columns=list(PLACEMENT_COLUMNS))]
    filled = [frame for frame in frames if len(frame)] or [lines]
    return pd.concat(filled, ignore_index=True), problems


def _read_lines(file: Path, pixel_size_um: float) -> tuple[pd.DataFrame, dict[str, str]]:
    if not file.exists():
        empty = pd.DataFrame({name: [] for name in PLACEMENT_COLUMNS})
        return empty.astype(dict.fromkeys(PLACEMENT_COLUMNS[2:6], "float64")), {}
    table = _read(file)
    unit = "um" if "x0_um" in table else "px"
    ends = tuple(f"{end}_{unit}" for end in ("x0", "y0", "x1", "y1"))
    _need(file, table, ("profile", *ends))
    lines = pd.DataFrame({"profile": table["profile"].str.strip(), "kind": "line"})
    for name, end in zip(PLACEMENT_COLUMNS[2:6], ends, strict=True):
        numbers = pd.to_numeric(table[end], errors="coerce")
        if numbers.isna().any():
            row = int(np.flatnonzero(numbers.isna())[0])
            raise InputError(f"{file}: {end} of profile {lines['profile'][row]!r} is no number.")
        lines[name] = numbers * (1.0 if unit == "um" else pixel_size_um)
    uses = _words(table, "use")
    doubled = lines["profile"][lines["profile"].duplicated()]
    wrong = [f"profile {name!r} is placed twice" for name in doubled]
    wrong += [
        f"profile {name!r} has the use {use!r}; known: calibrate, test, ignore"
        for name, use in zip(lines["profile"], uses, strict=True)
        if use not in _USES
    ]
    raise_if_any(wrong, f"{file} cannot be used")
    lines["use"] = uses.map(_USES)
    return lines, dict(zip(lines["profile"], lines["use"], strict=True))


def _read(file: Path) -> pd.DataFrame:
    """Read a table with commas, semicolons or tabs; decimal commas where no comma separates."""
    text = read_text(file)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    rows = [row for row in split_cells(text, separator) if any(row)]
    if not rows:
        raise InputError(f"{file} cannot be read as a table (it is empty).")
    header, *cells = rows
    header = [name.lower() for name in header]
    while header and not header[-1]:
        header.pop()
    for row in cells:
        if any(row[len(header) :]):
            raise InputError(
                f"{file}: a row has {len(row)} cells ({', '.join(row)[:60]}), its header names "
                f"{len(header)}."
            )
    doubled = sorted({name for name in header if name and header.count(name) > 1})
    if doubled:
        raise InputError(f"{file} has the column {doubled[0]!r} twice.")
    padded = [(row + [""] * len(header))[: len(header)] for row in cells]
    if separator != ",":
        padded = [[_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in row] for row in padded]
    return pd.DataFrame(padded, columns=header, dtype=str)


def _words(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        return pd.Series("", table.index)
    return table[column].str.strip().str.lower()


def _need(file: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    absent = [name for name in columns if name not in table]
    if absent:
        raise InputError(
            f"{file} lacks the columns {', '.join(absent)}; it has {', '.join(table.columns)}."
        )


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
        raise InputError(f"{file} counts in tiles, and there are none; give row0, row1, col0, col1")
    _need(file, table, ("session", *RANGE_COLUMNS))
    names = table["session"].str.strip().tolist()
    ends = [(a.strip(), b.strip()) for a, b in table[list(RANGE_COLUMNS)].to_numpy()]
    found = tiles_of_ranges(file, names, ends, tiles)
    roles = dict(zip(names, _words(table, "role"), strict=True))
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
    )
    rows, columns = numbers[:, :2] + [0, 1], numbers[:, 2:] + [0, 1]
    return np.hstack([edges[0][rows], edges[1][columns]])


def _integers(file: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> NDArray[np.int64]:
    cells = [pd.to_numeric(table[name], errors="coerce") for name in columns]
    numbers = np.stack([np.asarray(cell, np.float64) for cell in cells], axis=1)
    whole = (np.isfinite(numbers) & (numbers == np.round(numbers))).all(axis=1)
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        raise InputError(f"{file}: the range of session {table['session'][row]!r} is no number.")
    return numbers.astype(np.int64)
