"""The tiles of a section: which session each belongs to, and which meet at a seam."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section import Section, Session, Tiles, session_index

VIRTUAL = 256
"""Side of the squares into which an image without tiles is cut, px."""


@dataclass(frozen=True)
class Mosaic:
    """The image cut into the tiles it was taken as.

    Parameters
    ----------
    tiles
        The tiles; squares of 256 px for an image that was no mosaic.
    shape
        Rows and columns of the image.
    sessions
        Sessions of the section.
    real
        Whether the tiles are those of the instrument.
    """

    tiles: Tiles
    shape: tuple[int, int]
    sessions: list[Session]
    real: bool = True

    @classmethod
    def of_section(cls, section: Section) -> Mosaic:
        """Tiles as the import noted them, or side by side by the tile shape of the section."""
        images, sessions = section.require("images", stale_ok=True), section.measured_sessions()
        tiles = Tiles.read(images.path)
        if tiles is not None and len(tiles) > 1:
            return cls(tiles, section.shape, sessions)
        return cls.of_grid(section.shape, section.record.tile_shape, sessions)

    @classmethod
    def of_grid(
        cls, shape: tuple[int, int], tile_shape: tuple[int, int] | None, sessions: list[Session]
    ) -> Mosaic:
        """Tiles of one shape side by side; an image that is not a whole number of them has none.

        Parameters
        ----------
        shape
            Rows and columns of the image, px.
        tile_shape
            Rows and columns of a tile, px; `None` for an image that was no mosaic.
        sessions
            Sessions of the section.
        """
        if tile_shape is not None:
            grid = shape[0] // tile_shape[0], shape[1] // tile_shape[1]
            whole = shape == (grid[0] * tile_shape[0], grid[1] * tile_shape[1])
            if whole and grid[0] * grid[1] > 1:
                return cls(Tiles.of_grid(grid, tile_shape), shape, sessions)
        grid = -(-shape[0] // VIRTUAL), -(-shape[1] // VIRTUAL)
        return cls(Tiles.of_grid(grid, (VIRTUAL, VIRTUAL)), shape, sessions, real=False)

    def __len__(self) -> int:
        return len(self.tiles)

    @cached_property
    def overlap(self) -> bool:
        """Whether tiles share pixels."""
        return self.tiles.overlap

    @cached_property
    def row_edges(self) -> NDArray[np.int64]:
        """Where the rows of the grid begin and end, px."""
        return self.tiles.edges(0)

    @cached_property
    def column_edges(self) -> NDArray[np.int64]:
        """Where the columns of the grid begin and end, px."""
        return self.tiles.edges(1)

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Number of the tile at each place of the grid, -1 where there is none."""
        table = self.tiles.table
        place = np.full((self.row_edges.size - 1, self.column_edges.size - 1), -1, np.int64)
        place[table["grid_row"], table["grid_col"]] = np.arange(len(table))
        return place

    @cached_property
    def session_of_tile(self) -> NDArray[np.int64]:
        """Place of the session that a tile's centre lies in, -1 for none.

        In an image without tiles, a square that lies in two sessions counts for none.
        """
        row0, row1, column0, column1 = self.tiles.bounds.T
        row1, column1 = np.minimum(row1, self.shape[0]), np.minimum(column1, self.shape[1])
        found = session_index(self.sessions, (row0 + row1) // 2, (column0 + column1) // 2)
        if not self.real:
            for row in (row0, row1 - 1):
                for column in (column0, column1 - 1):
                    found[session_index(self.sessions, row, column) != found] = -1
        return found.astype(np.int64)

    def own_parts(self, axis: int) -> NDArray[np.int64]:
        """Rows (axis 0) or columns (axis 1) that a place of the grid shares with no other.

        What lies in an overlap is blended and belongs to two tiles, perhaps of two sessions.

        Returns
        -------
        ndarray, shape (places, 2)
            First pixel and the one behind the last.
        """
        edges = self.row_edges if axis == 0 else self.column_edges
        parts = np.stack([edges[:-1], edges[1:]], axis=1)
        if self.overlap:
            place = self.tiles.table["grid_row" if axis == 0 else "grid_col"].to_numpy()
            begin, end = self.tiles.bounds[:, 2 * axis], self.tiles.bounds[:, 2 * axis + 1]
            for one in range(len(parts)):
                before, after = end[place == one - 1], begin[place == one + 1]
                parts[one, 0] = max(parts[one, 0], before.max(initial=parts[one, 0]))
                parts[one, 1] = min(parts[one, 1], after.min(initial=parts[one, 1]))
        return parts

    def tile_row(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of the grid that each pixel row belongs to, -1 beyond."""
        found = np.searchsorted(self.row_edges, rows, side="right") - 1
        return np.where(found < self.row_edges.size - 1, found, -1)

    def tile_column(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Column of the grid that each pixel column belongs to, -1 beyond."""
        found = np.searchsorted(self.column_edges, columns, side="right") - 1
        return np.where(found < self.column_edges.size - 1, found, -1)

    def vertical_seams(self) -> NDArray[np.int64]:
        """Pairs of tiles that abut left and right, shape (n, 3): left, right, border's number."""
        return self._seams(self.place[:, :-1], self.place[:, 1:], self.column_edges[1:-1], 2)

    def horizontal_seams(self) -> NDArray[np.int64]:
        """Pairs of tiles that abut above and below, shape (n, 3): above, below, border's number."""
        return self._seams(self.place[:-1].T, self.place[1:].T, self.row_edges[1:-1], 0)

    def _seams(
        self,
        before: NDArray[np.int64],
        after: NDArray[np.int64],
        edges: NDArray[np.int64],
        side: int,
    ) -> NDArray[np.int64]:
        if self.overlap or not self.real or edges.size == 0:
            return np.zeros((0, 3), np.int64)
        border = np.broadcast_to(np.arange(edges.size), before.shape)
        bounds = self.tiles.bounds
        both = (before >= 0) & (after >= 0)
        both &= (bounds[before, side + 1] == edges) & (bounds[after, side] == edges)
        across = 2 - side
        both &= bounds[before, across] == bounds[after, across]
        return np.stack([before[both], after[both], border[both]], axis=1)
