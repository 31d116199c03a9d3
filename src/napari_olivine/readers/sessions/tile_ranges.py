"""Sessions as sets of tiles: ranges of tiles in the order of their making, or breaks in time.

A session is a rectangle of the section. A set of tiles that is no rectangle (the instrument
stopped within a row) becomes several, called ``2a``, ``2b``, ...
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.readers.base import raise_if_any
from napari_olivine.section import Tiles

BREAK_HOURS = 3.0
"""A pause between two tiles from which a new session begins: filaments and vacuum settle anew."""

RANGE_COLUMNS = ("first_tile", "last_tile")

MOST_SESSIONS = 20
"""More breaks than this are not sessions but the pace of the work."""

Rectangle = tuple[int, int, int, int]
"""First and last row, first and last column of tiles, ends included."""


def sessions_by_time(tiles: Tiles) -> list[NDArray[np.int64]] | None:
    """Part tiles where more than three hours went by between two of them.

    Parameters
    ----------
    tiles
        Tiles with the column ``taken`` (time, may be missing).

    Returns
    -------
    list of arrays, or None
        Numbers of the tiles of each session in the order of time; `None` if the tiles do not all
        say when they were taken, or without a break.
    """
    if "taken" not in tiles.table or tiles.table["taken"].isna().any():
        return None
    taken = pd.to_datetime(tiles.table["taken"])
    order = np.argsort(taken.to_numpy(), kind="stable")
    hours = np.diff(taken.to_numpy()[order]) / np.timedelta64(1, "h")
    breaks = np.flatnonzero(hours > BREAK_HOURS) + 1
    if not 0 < len(breaks) < MOST_SESSIONS:
        return None
    return [np.sort(part) for part in np.split(order, breaks)]


def tiles_of_ranges(
    file: Path, names: Sequence[str], ranges: Sequence[tuple[str, str]], tiles: Tiles
) -> list[NDArray[np.int64]]:
    """Find the tiles of ranges such as ``Field_000000`` to ``Field_000480``, or 0 to 480.

    Parameters
    ----------
    file
        Where the ranges stand, for errors.
    names
        Names of the sessions.
    ranges
        First and last tile of each session, ends included: a tile's name or its running number.
    tiles
        Tiles with the column ``name``.

    Returns
    -------
    list of ndarray
        Numbers of the tiles of each session.

    Raises
    ------
    InputError
        If a tile is not there, or a range runs backwards.
    """
    known = [str(name) for name in tiles.table["name"]]
    order = sorted(range(len(known)), key=lambda tile: _numbers(known[tile]))
    place = {tile: at for at, tile in enumerate(order)}
    by_name = {name: tile for tile, name in enumerate(known)}
    by_number = {_last_number(name): tile for tile, name in enumerate(known)}
    found: list[NDArray[np.int64]] = []
    wrong: list[str] = []
    for session, ends in zip(names, ranges, strict=True):
        at = []
        for end in ends:
            tile = by_name.get(end)
            if tile is None and end.isdigit():
                tile = by_number.get(int(end))
            if tile is None:
                wrong.append(f"session {session!r}: there is no tile {end!r} (e.g. {known[0]})")
            else:
                at.append(place[tile])
        if len(at) == 2 and at[0] > at[1]:
            wrong.append(f"session {session!r}: the tile {ends[0]!r} comes after {ends[1]!r}")
        if len(at) == 2:
            found.append(np.array(sorted(order[at[0] : at[1] + 1]), np.int64))
    raise_if_any(wrong, f"{file} cannot be used", file=file)
    return found


def rectangles(tiles: Tiles, members: NDArray[np.int64]) -> list[Rectangle]:
    """Cover some tiles by as few rectangles of whole rows as their places need.

    Parameters
    ----------
    tiles
        All tiles.
    members
        Numbers of the tiles to cover.
    """
    cells = tiles.table.loc[members, ["grid_row", "grid_col"]].to_numpy(np.int64)
    runs: list[Rectangle] = []
    for row in np.unique(cells[:, 0]):
        columns = np.sort(cells[cells[:, 0] == row, 1])
        for part in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            runs.append((int(row), int(row), int(part[0]), int(part[-1])))
    merged: list[Rectangle] = []
    for run in runs:
        for place, (first, last, left, right) in enumerate(merged):
            if last == run[0] - 1 and (left, right) == run[2:]:
                merged[place] = (first, run[0], left, right)
                break
        else:
            merged.append(run)
    return merged


def named_rectangles(
    tiles: Tiles, sessions: dict[str, NDArray[np.int64]]
) -> list[tuple[str, Rectangle]]:
    """Return the rectangles of sessions; those of one session are named a, b, ... behind it."""
    named = []
    for session, members in sessions.items():
        covered = rectangles(tiles, members)
        letters = [""] if len(covered) == 1 else [_letters(n) for n in range(len(covered))]
        named += [(session + letter, one) for letter, one in zip(letters, covered, strict=True)]
    return named


def _letters(number: int) -> str:
    text = chr(ord("a") + number % 26)
    return text if number < 26 else _letters(number // 26 - 1) + text


def _numbers(name: str) -> tuple[list[int], str]:
    return [int(digits) for digits in re.findall(r"\d+", name)], name


def _last_number(name: str) -> int:
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else -1
