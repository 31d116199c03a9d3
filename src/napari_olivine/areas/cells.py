"""The parts of a section among which areas are chosen: whole tiles, or squares without tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.section import Section, Session, measured, with_role

MOST_CELLS = 400
"""With more tiles, blocks of tiles are chosen: a person looks at each area."""

SQUARES = 144
"""About so many squares are laid over a section without tiles."""

LEAST_PX = 256
"""Least side of a square: a training crop of the light network."""

Edges = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Cell:
    """A tile, a block of tiles or a square.

    Parameters
    ----------
    row0, row1, col0, col1
        Pixels of the section, half open.
    words
        What it is, e.g. ``"tile 2, 5"``: row and column of tiles from 0.
    within
        Session that it lies in, empty for none.
    open
        Whether it may be chosen: a test session has no part of it, no border of sessions cuts it,
        and it was to be looked at.
    """

    row0: int
    row1: int
    col0: int
    col1: int
    words: str
    within: str
    open: bool


@dataclass(frozen=True)
class Grid:
    """All cells of a section, row by row.

    Parameters
    ----------
    edges
        Where rows of cells begin and end, and the same for columns, px.
    cells
        The cells, columns fastest.
    unit
        What a cell is called: tile, block or square.
    """

    edges: Edges
    cells: Sequence[Cell]
    unit: str

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return len(self.edges[0]) - 1, len(self.edges[1]) - 1

    def at_level(self, level: int) -> Edges:
        """Return the edges in pixels of a level of the pyramid."""
        rows, columns = (-(-edge >> level) for edge in self.edges)
        return rows, columns


def grid_of(section: Section, names: Sequence[str] = ()) -> Grid:
    """Lay the cells over a section, and tell which may be chosen.

    Parameters
    ----------
    section
        Section with images.
    names
        Sessions to look at; all but those for test, and what lies in none, if empty.

    Returns
    -------
    Grid
        The cells.

    Raises
    ------
    InputError
        If a session does not exist or is for test.
    """
    sessions = section.sessions() if section.fingerprint("annotations/sessions") else []
    looked_at = _looked_at(section, sessions, names)
    edges = section.tile_edges()
    unit = "square" if edges is None else "tile"
    if edges is None:
        edges = _squares(section.shape)
    rows, columns = (len(edge) - 1 for edge in edges)
    together = int(np.ceil(np.sqrt(rows * columns / MOST_CELLS)))
    if together > 1:
        unit = "block"
        edges = _thinned(edges[0], together), _thinned(edges[1], together)
    cells = []
    for row, (row0, row1) in enumerate(zip(edges[0][:-1], edges[0][1:], strict=True)):
        for column, (col0, col1) in enumerate(zip(edges[1][:-1], edges[1][1:], strict=True)):
            window = int(row0), int(row1), int(col0), int(col1)
            within, free = _place(window, sessions)
            free &= within in looked_at
            cells.append(Cell(*window, f"{unit} {row}, {column}", within, free))
    return Grid(edges, cells, unit)


def looked_at_names(grid: Grid) -> set[str]:
    """Return the names of the sessions that have a cell that may be chosen."""
    return {cell.within for cell in grid.cells if cell.open and cell.within}


def _looked_at(section: Section, sessions: Sequence[Session], names: Sequence[str]) -> set[str]:
    whole = measured(sessions)
    known = [session.session for session in whole]
    kept = {session.session for session in with_role(whole, "test")}
    if unknown := [name for name in names if name not in known]:
        raise InputError(
            f"There is no session {', '.join(unknown)}; {section.path} has "
            f"{', '.join(known) or 'none'}.",
            setting="sessions",
        )
    if wrong := [name for name in names if name in kept]:
        raise InputError(
            f"Session {', '.join(wrong)} is for test: nothing of it may be learned from.",
            remedy="Name other {setting:sessions}, or give it another role first.",
            setting="sessions",
        )
    return set(names) if names else {*known, ""} - kept


def _place(window: tuple[int, int, int, int], sessions: Sequence[Session]) -> tuple[str, bool]:
    """Return the session that a window lies in, and whether nothing keeps it from being chosen."""
    row0, row1, col0, col1 = window
    within, free = "", True
    for one in sessions:
        apart = one.row1 <= row0 or row1 <= one.row0 or one.col1 <= col0 or col1 <= one.col0
        if apart or (one.within and one.role != "test"):
            continue  # areas of an earlier time are replaced
        whole = one.row0 <= row0 and row1 <= one.row1 and one.col0 <= col0 and col1 <= one.col1
        free &= whole and one.role != "test"
        if whole and not one.within:
            within = one.session
    return within, free


def _squares(shape: tuple[int, int]) -> Edges:
    side = max(LEAST_PX, int(np.sqrt(shape[0] * shape[1] / SQUARES)))
    rows, columns = (
        np.rint(np.linspace(0, size, max(1, round(size / side)) + 1)).astype(np.int64)
        for size in shape
    )
    return rows, columns


def _thinned(edge: NDArray[np.int64], together: int) -> NDArray[np.int64]:
    inner = edge[:-1:together]
    return np.concatenate([inner, edge[-1:]])
