"""Where the maps of a rule were measured: a section may have X-rays in a part of it only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section import TILE_COLUMNS, Raster, Section, Submaps, Tiles


@dataclass(frozen=True)
class Coverage:
    """The measured part of a section, by its tiles and by its maps of a part.

    Parameters
    ----------
    tiles
        Tiles with X-rays; `None` where the section has no tiles.
    empty_tiles
        Number of the other tiles.
    submaps
        Maps of a part of the section; `None` where there are none.
    signals
        Signals of the rule.
    rim_px
        Width of the rim of a submap that counts as not measured.
    """

    tiles: Tiles | None
    empty_tiles: int
    submaps: Submaps | None
    signals: list[str]
    rim_px: float

    @classmethod
    def of(cls, section: Section, maps: Mapping[str, Raster], rim_px: int) -> Coverage:
        """Find it.

        Parameters
        ----------
        section
            Open section.
        maps
            Maps of the rule by their signals.
        rim_px
            Width of the rim of a submap that counts as not measured.
        """
        tiles, empty = section.tiles(), 0
        if tiles is not None:
            there = _hold_counts(tiles, maps)
            empty = len(tiles) - sum(there)
            tiles = Tiles(tiles.table[there].reset_index(drop=True))
        return cls(tiles, empty, section.fields(), [*maps], rim_px)

    def at_level(self, level: int) -> Coverage:
        """Return the same for a level of the pyramid: a pixel counts by its centre."""
        if level == 0:
            return self
        coarse = 2**level
        tiles, submaps = self.tiles, self.submaps
        if tiles is not None:
            table = tiles.table.copy()
            bounds = np.ceil(tiles.bounds / coarse - 0.5).astype(np.int64)
            table[list(TILE_COLUMNS[1:5])] = bounds
            tiles = Tiles(table)
        if submaps is not None:
            submaps = submaps.at_level(level)
        return replace(self, tiles=tiles, submaps=submaps, rim_px=self.rim_px / coarse)

    def measured(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Tell which pixels of a block were measured, bool of the block's shape."""
        there = np.ones((rows.stop - rows.start, columns.stop - columns.start), bool)
        if self.tiles is not None:
            there &= self.tiles.covers(rows, columns)
        if self.submaps is not None:
            there &= self.submaps.covers(rows, columns, self.signals, self.rim_px)
        return there


def _hold_counts(tiles: Tiles, maps: Mapping[str, Raster]) -> list[bool]:
    """Tell for each tile whether any map holds something in it."""
    level = min(2, *(len(one.levels) - 1 for one in maps.values()))
    coarse = 2**level
    bounds = np.maximum(tiles.bounds, 0)
    found = np.zeros(len(bounds), bool)
    for one in maps.values():
        # Tiles side by side are read in one piece.
        for row0, row1 in np.unique(bounds[~found, :2], axis=0):
            beside = np.flatnonzero(~found & (bounds[:, :2] == (row0, row1)).all(axis=1))
            start = int(bounds[beside, 2].min()) // coarse
            columns = slice(start, -(-int(bounds[beside, 3].max()) // coarse))
            strip = one.read(slice(row0 // coarse, -(-row1 // coarse)), columns, level=level)
            for tile in beside:
                col0, col1 = bounds[tile, 2:]
                window = strip[:, col0 // coarse - start : -(-col1 // coarse) - start]
                # The outermost pixels of the window may belong to a neighbour.
                found[tile] = window[1:-1, 1:-1].any()
    return [bool(one) for one in found]
