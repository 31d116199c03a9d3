"""The sessions of a section while a person edits them: what is wrong with them, undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from napari_olivine.areas import Area, sessions_with_areas
from napari_olivine.errors import InputError
from napari_olivine.history import EditedTable, History
from napari_olivine.section import WITHIN, Role

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["session", "row0", "row1", "col0", "col1", "role"]
BOUNDS = COLUMNS[1:5]
ROLES: tuple[str, ...] = get_args(Role)


class Extent(NamedTuple):
    """A rectangle of the section in pixels, half open."""

    row0: int
    row1: int
    col0: int
    col1: int


class SessionEdits(EditedTable):
    """Sessions that a person edits; wrong ones may stand here, and are described.

    Parameters
    ----------
    table
        The annotation ``sessions``.
    shape
        Rows and columns of the section.
    edges
        Where a row of tiles ends and the next begins, and the same for columns, in pixels;
        `None` without tiles.
    history
        History of the window.
    """

    target_kind = "session"

    def __init__(
        self,
        table: pd.DataFrame,
        shape: tuple[int, int],
        edges: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
        history: History | None = None,
    ) -> None:
        super().__init__(table, history)
        self.shape = shape
        self.edges = edges

    @override
    @staticmethod
    def ordered(table: pd.DataFrame) -> pd.DataFrame:
        table = table.reindex(columns=[*COLUMNS, WITHIN]).reset_index(drop=True)
        table[WITHIN] = table[WITHIN].astype(object).where(table[WITHIN].notna(), "")
        types: dict[str, Any] = {"session": object, "role": object, WITHIN: object}
        return table.astype(types | dict.fromkeys(BOUNDS, "int64"))

    # ------------------------------------------------------------------ looking

    def __len__(self) -> int:
        return len(self.table)

    @property
    def names(self) -> list[str]:
        """Names of the sessions."""
        return [str(name) for name in self.table["session"]]

    def extent(self, row: int) -> Extent:
        """Rectangle of one session."""
        return Extent(*(int(value) for value in self.table.loc[row, BOUNDS]))

    def role(self, row: int) -> str:
        """Role of one session."""
        return str(self.table.loc[row, "role"])

    def within(self, row: int) -> str:
        """Session of which this one is an area, empty where it drifts by itself."""
        return str(self.table.loc[row, WITHIN])

    @property
    def to_store(self) -> pd.DataFrame:
        """The table as the annotation keeps it: with `WITHIN` only where there are areas."""
        return self.table if self.table[WITHIN].any() else self.table[COLUMNS]

    def same_as(self, table: pd.DataFrame) -> bool:
        """Tell whether another table says the same."""
        return self.table.equals(self.ordered(table))

    def problems(self) -> dict[int, str]:
        """Return what is wrong, by the row of the session; empty if they can be stored."""
        found: dict[int, str] = {}
        rows, columns = self.shape
        for row, name in enumerate(self.names):
            one = self.extent(row)
            if not name.strip():
                found[row] = "A session has no name."
            elif name in self.names[:row]:
                found[row] = f"Two sessions are called {name}."
            elif one.row1 <= one.row0 or one.col1 <= one.col0:
                found[row] = f"Session {name} is empty."
            elif one.row0 < 0 or one.col0 < 0 or one.row1 > rows or one.col1 > columns:
                found[row] = f"Session {name} reaches beyond the section."
            else:
                others = [k for k in range(row) if self._collide(row, k)]
                if others:
                    found[row] = f"Session {name} overlaps session {self.names[others[0]]}."
                elif problem := self._wrong_area(row):
                    found[row] = problem
        return found

    def _collide(self, one: int, other: int) -> bool:
        """Tell whether two sessions overlap that must not: an area lies in its session."""
        related = self.names[other] == self.within(one) or self.names[one] == self.within(other)
        return not related and _overlap(self.extent(one), self.extent(other))

    def _wrong_area(self, row: int) -> str:
        """Say what is wrong between an area and its session, empty for nothing."""
        name, whole = self.names[row], self.within(row)
        if not whole:
            return ""
        if whole not in self.names:
            return f"Area {name} lies within session {whole}, which is not there."
        place = self.names.index(whole)
        one, around = self.extent(row), self.extent(place)
        if one.row0 < around.row0 or one.col0 < around.col0:
            return f"Area {name} reaches beyond session {whole}."
        if one.row1 > around.row1 or one.col1 > around.col1:
            return f"Area {name} reaches beyond session {whole}."
        if self.role(place) != "none" and self.role(row) != "none":
            return f"Area {name} lies within session {whole}, whose role must be none."
        return ""

    def around(self, extent: Extent) -> str:
        """Return the session in which a rectangle lies whole, empty for none."""
        for row, name in enumerate(self.names):
            one = self.extent(row)
            if (
                not self.within(row)
                and one.row0 <= extent.row0 <= extent.row1 <= one.row1
                and one.col0 <= extent.col0 <= extent.col1 <= one.col1
            ):
                return name
        return ""

    def snapped(self, extent: Sequence[float], *, to_tiles: bool) -> Extent:
        """Return a drawn rectangle in whole pixels of the section, or in whole tiles.

        Parameters
        ----------
        extent
            row0, row1, col0, col1 as drawn; may reach beyond the section.
        to_tiles
            Whether its sides go to the nearest borders of tiles, where there are tiles.
        """
        sides: list[int] = []
        for axis, (first, last) in enumerate((extent[:2], extent[2:])):
            ends = np.clip(np.rint([first, last]), 0, self.shape[axis]).astype(int)
            if self.edges is not None and to_tiles and ends[1] > ends[0]:
                edges = self.edges[axis]
                near = [int(np.abs(edges - end).argmin()) for end in ends]
                if near[0] == near[1]:  # within one tile
                    near[0] = int(np.searchsorted(edges, ends.mean(), side="right")) - 1
                    near[0] = min(max(near[0], 0), len(edges) - 2)
                    near[1] = near[0] + 1
                ends = edges[near]
            sides += [int(end) for end in ends]
        return Extent(*sides)

    # ------------------------------------------------------------------ editing

    def add(self, extent: Extent) -> str:
        """Add a session without a role; returns its name, the next number."""
        import pandas as pd

        numbers = [int(name) for name in self.names if name.isdigit()]
        name = str(max(numbers, default=len(self)) + 1)
        while name in self.names:
            name += "a"
        row = pd.DataFrame([[name, *extent, "none"]], columns=COLUMNS)
        table = pd.concat([self.table, row]) if len(self) else row
        self.edit(table, f"session {name} added", "", name)
        return name

    def take_areas(self, areas: Sequence[Area], looked_at: Sequence[str]) -> None:
        """Make areas sessions, in one edit.

        Parameters
        ----------
        areas
            The areas.
        looked_at
            See `napari_olivine.areas.sessions_with_areas`.
        """
        table = sessions_with_areas(self.table, areas, looked_at)
        last = str(table["session"].iloc[-1]) if len(areas) else ""
        self.edit(table, f"{len(areas)} suggested areas made sessions", "", last)

    def move(self, extents: dict[int, Extent]) -> None:
        """Give sessions other rectangles, by their rows."""
        table = self.table.copy()
        for row, extent in extents.items():
            table.loc[row, BOUNDS] = list(extent)
        names = [self.names[row] for row in extents]
        self.edit(table, f"{_sessions(names)} moved", names[0], names[0])

    def rename(self, row: int, name: str) -> None:
        """Give a session another name."""
        before, name = self.names[row], name.strip()
        table = self.table.copy()
        table.loc[row, "session"] = name
        table.loc[table[WITHIN] == before, WITHIN] = name
        self.edit(table, f"session {before} renamed to {name}", before, name)

    def set_role(self, row: int, role: str) -> None:
        """Set what a session is used for."""
        table = self.table.copy()
        table.loc[row, "role"] = role
        name = self.names[row]
        self.edit(table, f"role of session {name} set to {role}", name, name)

    def remove(self, rows: Sequence[int]) -> None:
        """Take sessions away."""
        names = [self.names[row] for row in rows]
        table = self.table.drop(index=list(rows))
        table.loc[table[WITHIN].isin(names), WITHIN] = ""  # its areas stay, on their own
        self.edit(table, f"{_sessions(names)} deleted", names[0], "")


# ---------------------------------------------------------------------- extents in words

UNITS = ("mm", "tiles", "px")


def range_in_words(
    first: int, last: int, unit: str, pixel_size_um: float, edges: NDArray[np.int64] | None
) -> str:
    """Write a range of rows or columns: ``0.35-1.04`` mm, ``0-2`` tiles (ends included), px.

    Parameters
    ----------
    first, last
        First pixel, and the one after the last.
    unit
        One of :data:`UNITS`.
    pixel_size_um
        Side of a pixel, um.
    edges
        Borders of the tiles along this axis, px; `None` without tiles.

    Returns
    -------
    str
        The range; with ``~`` before it if it does not end at borders of tiles.
    """
    if unit == "mm":
        mm = pixel_size_um / 1000
        digits = 2 if last * mm >= 10 else 3
        return f"{first * mm:.{digits}f}-{last * mm:.{digits}f}"
    if unit == "tiles" and edges is not None:
        begin, end = (int(np.abs(edges - side).argmin()) for side in (first, last))
        exact = edges[begin] == first and edges[end] == last
        return f"{begin}-{end - 1}" if exact else f"~{begin}-{max(begin, end - 1)}"
    return f"{first}-{last}"


def range_from_words(
    text: str, unit: str, pixel_size_um: float, edges: NDArray[np.int64] | None
) -> tuple[int, int]:
    """Read a range as :func:`range_in_words` writes it.

    Parameters
    ----------
    text
        The range.
    unit, pixel_size_um, edges
        As in :func:`range_in_words`.

    Returns
    -------
    first, last
        First pixel, and the one after the last.

    Raises
    ------
    InputError
        If the text is no range.
    """
    parts = text.strip().strip("~").replace("\N{EN DASH}", "-").replace(",", ".").split("-")
    try:
        if len(parts) != 2:
            raise ValueError
        if unit == "mm":
            first, last = (round(float(part) * 1000 / pixel_size_um) for part in parts)
            return first, last
        begin, end = (int(part) for part in parts)
    except (ValueError, OverflowError) as error:
        example = {"mm": "0.5-2.25", "tiles": "0-3"}.get(unit, "0-1024")
        raise InputError(f"{text!r} is no range in {unit}: write e.g. {example}.") from error
    if unit == "tiles" and edges is not None:
        if not 0 <= begin <= end < len(edges) - 1:
            raise InputError(f"{text}: tiles are counted from 0 to {len(edges) - 2}.")
        return int(edges[begin]), int(edges[end + 1])
    return begin, end


def _overlap(one: Extent, other: Extent) -> bool:
    return (
        one.row0 < other.row1
        and other.row0 < one.row1
        and one.col0 < other.col1
        and other.col0 < one.col1
    )


def _sessions(names: Sequence[str]) -> str:
    return f"session{'s' * (len(names) > 1)} {', '.join(names)}"
