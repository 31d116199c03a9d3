"""Where each tile of a mosaic lies in the section, and how that was found out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.readers.base import raise_if_any
from napari_olivine.section import Tiles

How = Literal["described", "stage", "names", "registered"]

EMPTIEST = 40
"""A section whose frame is more than this many times the area of its tiles is refused: a stage
position is wrong then. Tiles along the diagonal of a section of 40 x 40 places still pass."""

LARGEST_PX = 2_000_000
"""Rows or columns that no section has: 2 m at 1 um."""


@dataclass(frozen=True)
class StageFrame:
    """The stage of the microscope against the section's pixels.

    Parameters
    ----------
    matrix
        Pixels (row, column) per um of stage (x, y), shape (2, 2).
    origin_px
        Row and column of the stage's zero.
    """

    matrix: NDArray[np.float64]
    origin_px: NDArray[np.float64]

    def stage_to_pixel(self, stage_um: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn stage positions x, y (um), shape (n, 2), into rows and columns (px), (n, 2)."""
        return np.asarray(stage_um, np.float64) @ self.matrix.T + self.origin_px

    def moved(self, shift_px: NDArray[np.float64]) -> StageFrame:
        """Return the frame of a section whose pixels are counted from elsewhere."""
        return StageFrame(self.matrix, self.origin_px + shift_px)


@dataclass(frozen=True)
class Layout:
    """The tiles of a mosaic in their places.

    Parameters
    ----------
    how
        What the places were found by: the description (``section.json``), the stage positions,
        the names of the files, or the overlaps of neighbours (``"registered"``).
    words
        The same in a sentence for the person: pattern, order, overlap, mirrored axes.
    tiles
        Its table has, beside the columns of `Tiles`: name, y_px, x_px (exact place of the tile's
        first pixel; row0 and col0 are the nearest whole pixels), stage_x_um, stage_y_um (position
        of the tile's centre as the instrument says, NaN where unknown), and taken (time) where
        the files say it. Sorted by grid_row, grid_col.
    shape
        Rows and columns of the section.
    mirrored
        Whether the stage's y runs against the rows and its x against the columns; `None` where
        the stage was not used.
    gaps
        Places of the grid (row, column) without a tile.
    doubled
        Tiles that claim the place of another one, which is taken instead of them.
    remarks
        What the person should know before importing, in sentences.
    stage
        The stage against the pixels, `None` where the stage is not known.
    sure
        Whether the places follow from the files; `False` where something was guessed.
    """

    how: How
    words: str
    tiles: Tiles
    shape: tuple[int, int]
    mirrored: tuple[bool, bool] | None = None
    gaps: list[tuple[int, int]] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    stage: StageFrame | None = None
    sure: bool = True

    @cached_property
    def names(self) -> list[str]:
        """Name of each tile, in the order of the table."""
        return [str(name) for name in self.tiles.table["name"]]

    @property
    def positions(self) -> NDArray[np.float64]:
        """Exact row and column of each tile's first pixel, shape (tiles, 2)."""
        return self.tiles.table[["y_px", "x_px"]].to_numpy(np.float64)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of places."""
        table = self.tiles.table
        return int(table["grid_row"].max()) + 1, int(table["grid_col"].max()) + 1

    @property
    def regular(self) -> bool:
        """Whether rows and columns of the grid are those of tiles.

        Where tiles stand here and there, the places are finer than tiles: most of them are empty,
        and that means nothing.
        """
        steps = np.ptp(self.positions, axis=0) / np.maximum(np.array(self.grid) - 1, 1)
        one = np.array(self.grid) == 1
        return bool((one | (steps > np.array(self.tiles.tile_shape) / 2)).all())

    def with_times(self, taken: Mapping[str, datetime | None]) -> Layout:
        """Return the layout with the column taken: when each tile was measured, by its name."""
        if not any(taken.values()):
            return self
        # Clocks of instruments tell local time; a zone would only shift all of them.
        times = [t.replace(tzinfo=None) if (t := taken.get(name)) else None for name in self.names]
        column = pd.Series(times, dtype="datetime64[ns]")
        return replace(self, tiles=Tiles(self.tiles.table.assign(taken=column)))

    def only(self, names: Collection[str]) -> Layout:
        """Return the layout with some of its tiles; the section stays as large."""
        table = self.tiles.table
        table = table[table["name"].isin(names)].reset_index(drop=True)
        return replace(self, tiles=Tiles(table), doubled=[], gaps=[])

    def coarser(self, tile_shape: tuple[int, int]) -> Layout:
        """Return the layout for tiles of the same field with fewer pixels, rows and columns."""
        ratios = np.divide(self.tiles.tile_shape, tile_shape)
        exact = self.positions / ratios
        first = np.rint(exact).astype(np.int64)
        table = self.tiles.table.copy()
        table["row0"], table["col0"] = first.T
        table["row1"], table["col1"] = (first + tile_shape).T
        table["y_px"], table["x_px"] = exact.T
        rows, columns = np.rint(np.divide(self.shape, ratios)).astype(int).tolist()
        return replace(self, tiles=Tiles(table), shape=(rows, columns))


def lay_out(
    how: How,
    words: str,
    names: Sequence[str],
    positions: NDArray[np.float64],
    cells: NDArray[np.int64],
    tile_shape: tuple[int, int],
    *,
    stage_um: NDArray[np.float64] | None = None,
    mirrored: tuple[bool, bool] | None = None,
    remarks: Sequence[str] = (),
    stage: StageFrame | None = None,
    sure: bool = True,
) -> Layout:
    """Put tiles into their places.

    Parameters
    ----------
    how, words, mirrored, remarks, stage, sure
        See `Layout`; `stage` in the frame of `positions`.
    names
        Name of each tile, unique.
    positions
        Row and column (px) of each tile's first pixel, in any frame, shape (tiles, 2). The
        section's frame begins at their smallest row and column.
    cells
        Row and column of each tile in the grid, shape (tiles, 2). Of tiles in one place, the one
        whose name comes first is taken.
    tile_shape
        Rows and columns of a tile.
    stage_um
        Stage positions x, y of the centres, um, shape (tiles, 2).

    Returns
    -------
    Layout
        The tiles, sorted by their rows and columns in the grid.

    Raises
    ------
    InputError
        If the tiles lie so far apart that a position must be wrong.
    """
    stage_um = np.full((len(names), 2), np.nan) if stage_um is None else stage_um
    refuse_scattered(names, positions, tile_shape)
    cells = cells - cells.min(axis=0)
    order = sorted(range(len(names)), key=lambda tile: (*cells[tile], _natural(names[tile])))
    at: dict[tuple[int, int], list[int]] = defaultdict(list)
    for tile in order:
        at[int(cells[tile, 0]), int(cells[tile, 1])].append(tile)
    taken = np.array([here[0] for here in at.values()])
    said = [
        f"{', '.join(names[tile] for tile in here[1:])} claims the place of {names[here[0]]} "
        f"(row {cell[0] + 1}, column {cell[1] + 1} of tiles), which is taken"
        for cell, here in at.items()
        if len(here) > 1
    ]
    corner = positions[taken].min(axis=0)
    exact = positions[taken] - corner
    first = np.rint(exact).astype(np.int64)
    height, width = tile_shape
    table = pd.DataFrame(
        {
            "tile": np.arange(len(taken)),
            "row0": first[:, 0],
            "row1": first[:, 0] + height,
            "col0": first[:, 1],
            "col1": first[:, 1] + width,
            "grid_row": cells[taken, 0],
            "grid_col": cells[taken, 1],
            "name": [names[tile] for tile in taken],
            "y_px": exact[:, 0],
            "x_px": exact[:, 1],
            "stage_x_um": stage_um[taken, 0],
            "stage_y_um": stage_um[taken, 1],
        }
    )
    rows, columns = (int(end) for end in cells.max(axis=0) + 1)
    return Layout(
        how=how,
        words=words,
        tiles=Tiles(table),
        shape=(int(table["row1"].max()), int(table["col1"].max())),
        mirrored=mirrored,
        gaps=_gaps(set(at), rows, columns),
        doubled=[names[tile] for here in at.values() for tile in here[1:]],
        remarks=[*remarks, *said],
        stage=None if stage is None else stage.moved(-corner),
        sure=sure,
    )


def in_a_grid(
    cells: NDArray[np.int64], tile_shape: tuple[int, int], overlap_px: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the positions of tiles in a grid of equal steps.

    Parameters
    ----------
    cells
        Row and column of each tile in the grid, shape (tiles, 2).
    tile_shape
        Rows and columns of a tile.
    overlap_px
        Rows and columns that neighbours share.

    Returns
    -------
    ndarray
        Row and column of each tile's first pixel, px, shape (tiles, 2).
    """
    step = np.array(tile_shape) - np.array(overlap_px)
    return np.asarray(cells * step, np.float64)


def _gaps(taken: set[tuple[int, int]], rows: int, columns: int) -> list[tuple[int, int]]:
    if rows * columns > EMPTIEST * max(len(taken), 25):  # no grid: tiles stand here and there
        return []
    return [
        (row, column)
        for row in range(rows)
        for column in range(columns)
        if (row, column) not in taken
    ]


def refuse_scattered(
    names: Sequence[str], positions: NDArray[np.float64], tile_shape: tuple[int, int]
) -> None:
    """Refuse positions that would make a section of which nearly all is empty.

    Parameters
    ----------
    names
        Name of each tile.
    positions
        Row and column of each tile's first pixel, px, shape (tiles, 2).
    tile_shape
        Rows and columns of a tile.

    Raises
    ------
    InputError
        Names the tiles that lie farthest off.
    """
    size = np.array(tile_shape, np.float64)
    raise_if_any(
        [
            f"{name} has no position"
            for name, place in zip(names, positions, strict=True)
            if not np.isfinite(place).all()
        ],
        "The tiles cannot be placed",
    )
    sides = np.ptp(positions, axis=0) + size
    if sides.max() < LARGEST_PX and sides.prod() <= EMPTIEST * len(names) * size.prod():
        return
    away = np.abs(positions - np.median(positions, axis=0))
    spread = np.maximum(np.median(away, axis=0), size)
    far = (away / spread).max(axis=1)
    worst = np.argsort(-far, kind="stable")[: max(1, int((far > 0.5 * far.max()).sum()))]
    raise_if_any(
        [
            f"{names[tile]} would lie {away[tile, 0]:.3g} rows and {away[tile, 1]:.3g} columns "
            "from the middle of the others"
            for tile in worst.tolist()
        ],
        f"The positions of these tiles cannot be right: the section would be {sides[0]:.3g} x "
        f"{sides[1]:.3g} px for {len(names)} tiles of {tile_shape[0]} x {tile_shape[1]} px. Check "
        "their stage positions, leave the files out, or let the names say the places",
    )


def _natural(name: str) -> tuple[int, str]:
    """Sort shorter names first: tile.tif before tile (1).tif, t2 before t10."""
    return len(name), name
