"""The tiles of a mosaic: where each lies in the section, and how overlapping ones are blended.

Blending is linear, so corrections of single tiles (a gain, an offset, a shading) are blended by
the same weights: a correction that is made later fits the blended image exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section.tables import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

TILES = "tiles.parquet"
"""File of the product ``images`` that lists the tiles."""

TILE_COLUMNS = ("tile", "row0", "row1", "col0", "col1", "grid_row", "grid_col")
"""Columns that every table of tiles has; others may follow (stage_x_um, stage_y_um, taken, ...)."""

FEATHER = 32
"""Pixels over which a tile's weight rises from its edge inwards, where tiles overlap."""


@dataclass(frozen=True)
class Tiles:
    """The tiles of a section, all of one size.

    Parameters
    ----------
    table
        One row a tile, its index 0, 1, ...: tile (number), row0, row1, col0, col1 (pixels of the
        section, half open, may reach beyond the section), grid_row, grid_col (place in the grid).
        A place of the grid without a tile has no row.
    """

    table: pd.DataFrame

    @classmethod
    def of_grid(cls, grid: tuple[int, int], tile_shape: tuple[int, int]) -> Tiles:
        """Tiles that lie side by side.

        Parameters
        ----------
        grid
            Rows and columns of tiles.
        tile_shape
            Rows and columns of a tile, px.
        """
        import pandas as pd

        rows, columns = (place.ravel() for place in np.indices(grid))
        row0, col0 = rows * tile_shape[0], columns * tile_shape[1]
        values = (np.arange(rows.size), row0, row0 + tile_shape[0], col0, col0 + tile_shape[1])
        table = pd.DataFrame(dict(zip(TILE_COLUMNS, (*values, rows, columns), strict=True)))
        return cls(table.astype("int64"))

    @classmethod
    def read(cls, images: Path) -> Tiles | None:
        """Read the tiles of a product ``images``, `None` if it was no mosaic."""
        file = images / TILES
        return cls(read_table(file)) if file.exists() else None

    def write(self, images: Path) -> None:
        """Write the tiles into a product ``images`` that is being made."""
        write_table(self.table, images / TILES)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Rows and columns of a tile."""
        first = self.table.iloc[0]
        return int(first.row1 - first.row0), int(first.col1 - first.col0)

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """row0, row1, col0, col1 of each tile, shape (tiles, 4)."""
        bounds = self.table[list(TILE_COLUMNS[1:5])].to_numpy(np.int64)
        bounds.flags.writeable = False
        return bounds

    def edges(self, axis: int) -> NDArray[np.int64]:
        """Where one row (axis 0) or column (axis 1) of the grid ends and the next begins.

        Returns
        -------
        ndarray, shape (rows or columns of the grid + 1,)
            Pixels; where tiles overlap the middle of the overlap, where they leave a gap the
            middle of the gap.
        """
        first, last, place = (
            TILE_COLUMNS[1 + 2 * axis],
            TILE_COLUMNS[2 + 2 * axis],
            TILE_COLUMNS[5 + axis],
        )
        count = int(self.table[place].max()) + 1
        groups = self.table.groupby(place)
        begin = groups[first].median().reindex(range(count)).interpolate().to_numpy()
        end = groups[last].median().reindex(range(count)).interpolate().to_numpy()
        inner = (end[:-1] + begin[1:]) / 2
        return np.rint([begin[0], *inner, end[-1]]).astype(np.int64)

    @cached_property
    def overlap(self) -> bool:
        """Whether any two tiles share pixels."""
        bounds = self.bounds
        order = np.lexsort((bounds[:, 2], bounds[:, 0]))
        reach = max(self.tile_shape)
        for place, one in enumerate(order):
            row0, row1, col0, col1 = bounds[one]
            for other in order[place + 1 :]:
                if bounds[other, 0] >= min(row1, row0 + reach):
                    break
                if bounds[other, 2] < col1 and bounds[other, 3] > col0:
                    return True
        return False

    def within(self, rows: slice, columns: slice) -> NDArray[np.int64]:
        """Return the tiles (row numbers of the table) that reach into a window."""
        row0, row1, col0, col1 = self.bounds.T
        inside = (row0 < rows.stop) & (row1 > rows.start)
        inside &= (col0 < columns.stop) & (col1 > columns.start)
        return np.flatnonzero(inside)

    def covers(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Tell which pixels of a window lie in a tile, shape of the window."""
        inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
        for row0, row1, col0, col1 in self.bounds[self.within(rows, columns)]:
            down = slice(max(row0 - rows.start, 0), row1 - rows.start)
            right = slice(max(col0 - columns.start, 0), col1 - columns.start)
            inside[down, right] = True
        return inside

    def weight(
        self, tile: int, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Give the weight of a tile's pixels before all tiles' weights are divided by their sum.

        Parameters
        ----------
        tile
            Row number of the table.
        rows, columns
            Rows and columns of the section, one dimension each.

        Returns
        -------
        ndarray, shape (rows, columns)
            0 outside the tile, 1 at its edge, rising by 1 a pixel to 32 inwards.
        """
        row0, row1, col0, col1 = self.bounds[tile]
        down = np.minimum(rows - row0, row1 - 1 - rows) + 1
        right = np.minimum(columns - col0, col1 - 1 - columns) + 1
        ramp = np.minimum(down[:, None], right[None, :])
        return np.asarray(np.clip(ramp, 0, FEATHER), np.float32)
