"""The levelled raster: the BSE image on one scale, computed for each window when it is read.

    grey on the common scale = ((grey - offset_s) / gain_s - plane_t(x, y) - shading_s(x, y))
                               / (1 + shading_s(x, y))

with the gain and offset of the tile's session, the plane of the tile, and the session's shading,
which is either added or multiplied. x and y run from -0.5 to 0.5 over a tile. All of it is linear
in the grey, so that it also fits blended overlaps exactly: gains and backgrounds are blended as
the grey was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.levelling.io import read_levelling
from napari_olivine.levelling.result import Levelling
from napari_olivine.section import Raster, Section, session_index

Floats = NDArray[np.float64]
Greys = NDArray[np.float32]

EXACT = 8
"""Pixels of full resolution in one of a coarse level, up to which overlaps are blended exactly."""


class LevelledRaster:
    """A raster with its levelling, read like the raster itself.

    Parameters
    ----------
    raster
        Image as the instrument wrote it; stays as it is.
    levelling
        What to apply.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, raster: Raster, levelling: Levelling) -> None:
        self.raster, self.levelling = raster, levelling
        self._correction = _Correction(levelling)
        self.levels = [LevelledLevel(self, level) for level in range(len(raster.levels))]

    @property
    def folder(self) -> Path:
        """Folder of the image."""
        return self.raster.folder

    @property
    def name(self) -> str:
        """Name of the image."""
        return self.raster.name

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns at full resolution."""
        return self.raster.shape

    @property
    def pixel_size_um(self) -> float:
        """Side of a pixel at full resolution, um."""
        return self.raster.pixel_size_um

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[np.float32]:
        """Read a window as `Raster.read` does, on the common scale.

        Parameters
        ----------
        rows, columns
            Window in pixels of that level.
        level
            0 for full resolution.
        """
        shape = self.raster.levels[level].shape
        rows, columns = _contiguous(rows, shape[0]), _contiguous(columns, shape[1])
        grey = self.raster.read(rows, columns, level).astype(np.float32)
        return self._correction.apply(grey, rows, columns, 2**level)


@dataclass(frozen=True)
class LevelledLevel:
    """One level of a levelled raster, as viewers read arrays.

    Parameters
    ----------
    raster
        The levelled raster.
    level
        0 for full resolution.
    """

    raster: LevelledRaster
    level: int
    ndim: int = field(default=2, init=False)
    dtype: np.dtype[np.float32] = field(default=np.dtype(np.float32), init=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.raster.raster.levels[self.level].shape
        return rows, columns

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels."""
        return self.size * self.dtype.itemsize

    @property
    def chunks(self) -> tuple[int, ...]:
        """Rows and columns of a chunk on disk."""
        return tuple(self.raster.raster.levels[self.level].chunks)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys = keys[:at] + (slice(None),) * (3 - len(keys)) + keys[at + 1 :]
        keys = keys + (slice(None),) * (2 - len(keys))
        if len(keys) != 2:
            raise IndexError(f"{len(keys)} indices for an image of 2 dimensions")
        windows, rest = zip(
            *(_window(k, size) for k, size in zip(keys, self.shape, strict=True)), strict=True
        )
        block = self.raster.read(windows[0], windows[1], self.level)
        return np.asarray(block[rest], np.float32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:, :], dtype=dtype)


def open_levelled(section: Section) -> Raster | LevelledRaster:
    """Open the BSE image on the common scale, or as it is where it was not levelled.

    Raises
    ------
    SectionError
        If there is no BSE image or the levelling is damaged.
    """
    raster = section.raster("images", "BSE")
    if section.product("levelling") is None:
        return raster
    return LevelledRaster(raster, read_levelling(section))


class _Correction:
    """Evaluates gains and backgrounds at the pixels of a window."""

    def __init__(self, levelling: Levelling) -> None:
        self.levelling, self.mosaic = levelling, levelling.mosaic
        gain, offset = levelling.tile_gain, levelling.tile_offset
        add, multiply = np.moveaxis(levelling.shading_terms(), 1, 0)
        self.multiplies = bool(multiply.any())
        # Each tile: common grey = (grey x scale - base - c.(1, x, y, x^2, y^2, x y)) / (1 + f).
        plane = levelling.planes
        self.scale = 1 / gain
        constant = offset / gain + plane[:, 0] - (add[:, 0] + add[:, 1]) / 12
        self.background = np.stack(
            [constant, plane[:, 1], plane[:, 2], add[:, 0], add[:, 1], add[:, 2]], axis=1
        )
        zero = np.zeros(len(gain))
        self.field = np.stack(
            [
                1 - (multiply[:, 0] + multiply[:, 1]) / 12,
                *(zero, zero, multiply[:, 0], multiply[:, 1], multiply[:, 2]),
            ],
            axis=1,
        )
        self.bent = bool(add.any())
        self.by_pixel = not self.mosaic.real

    def apply(
        self, grey: NDArray[np.float32], rows: slice, columns: slice, factor: int
    ) -> NDArray[np.float32]:
        """Bring a window of a pyramid's level to the common scale, in place."""
        # The centre of a coarse pixel in pixels of full resolution.
        row = (np.arange(rows.start, rows.start + grey.shape[0]) + 0.5) * factor - 0.5
        column = (np.arange(columns.start, columns.start + grey.shape[1]) + 0.5) * factor - 0.5
        if not grey.size:
            return grey
        if self.by_pixel:
            return self._by_pixel(grey, row, column)
        if self.mosaic.overlap and factor <= EXACT:
            return self._blended(grey, row, column)
        return self._by_grid(grey, row, column)

    def _by_pixel(self, grey: NDArray[np.float32], row: Floats, column: Floats) -> Greys:
        """Sessions alone, in an image that was no mosaic."""
        index = session_index(
            self.mosaic.sessions,
            np.rint(row).astype(np.int64)[:, None],
            np.rint(column).astype(np.int64)[None, :],
        )
        gain = np.append(self.levelling.gain, 1.0).astype(np.float32)[index]
        offset = np.append(self.levelling.offset, 0.0).astype(np.float32)[index]
        grey -= offset
        grey /= gain
        return grey

    def _by_grid(self, grey: NDArray[np.float32], row: Floats, column: Floats) -> Greys:
        """Tiles side by side: every pixel belongs to one, by its row and column of the grid."""
        mosaic, place = self.mosaic, self.mosaic.place
        tile_row = mosaic.tile_row(np.floor(row + 0.5).astype(np.int64))
        tile_column = mosaic.tile_column(np.floor(column + 0.5).astype(np.int64))
        down, right = np.unique(tile_row), np.unique(tile_column)
        tiles = place[np.ix_(down, right)]
        tiles[down < 0] = -1
        tiles[:, right < 0] = -1
        row_at, column_at = np.searchsorted(down, tile_row), np.searchsorted(right, tile_column)
        bounds = mosaic.tiles.bounds
        height, width = mosaic.tiles.tile_shape
        # Places in the tile from the grid's common borders; single tiles may be off by a pixel
        # or two after registration, over which a background does not change.
        first_row = np.where(down >= 0, _first(bounds[:, 0], tiles, 1), 0)
        first_column = np.where(right >= 0, _first(bounds[:, 2], tiles, 0), 0)
        y = ((row + 0.5 - first_row[row_at]) / height - 0.5).astype(np.float32)
        x = ((column + 0.5 - first_column[column_at]) / width - 0.5).astype(np.float32)
        none = tiles < 0
        scale = np.where(none, 1, self.scale[tiles]).astype(np.float32)
        if (scale != 1).any():
            grey *= scale[row_at][:, column_at] if scale.size > 1 else scale[0, 0]
        terms = np.where(none[..., None], 0, self.background[tiles])
        grey -= _evaluated(terms, row_at, column_at, x, y, bent=self.bent)
        if self.multiplies:
            terms = np.where(none[..., None], [1, 0, 0, 0, 0, 0], self.field[tiles])
            grey /= _evaluated(terms, row_at, column_at, x, y, bent=True)
        return grey

    def _blended(self, grey: NDArray[np.float32], row: Floats, column: Floats) -> Greys:
        """Overlapping tiles: measured = sum w (field x common + background) / sum w."""
        mosaic = self.mosaic
        total, slope, base = np.zeros((3, *grey.shape), np.float32)
        nearest_row = np.floor(row + 0.5).astype(np.int64)
        nearest_column = np.floor(column + 0.5).astype(np.int64)
        window = (
            slice(int(nearest_row[0]), int(nearest_row[-1]) + 1),
            slice(int(nearest_column[0]), int(nearest_column[-1]) + 1),
        )
        height, width = mosaic.tiles.tile_shape
        for tile in mosaic.tiles.within(*window):
            row0, row1, column0, column1 = mosaic.tiles.bounds[tile]
            rows = slice(*np.searchsorted(nearest_row, [row0, row1]))
            columns = slice(*np.searchsorted(nearest_column, [column0, column1]))
            weight = mosaic.tiles.weight(int(tile), nearest_row[rows], nearest_column[columns])
            y = ((row[rows] + 0.5 - row0) / height - 0.5).astype(np.float32)[:, None]
            x = ((column[columns] + 0.5 - column0) / width - 0.5).astype(np.float32)[None, :]
            c = self.background[tile].astype(np.float32)
            background = (c[0] + c[2] * y + c[4] * y * y) + (c[1] + c[5] * y) * x + c[3] * x * x
            gain = np.float32(1 / self.scale[tile])
            total[rows, columns] += weight
            base[rows, columns] += weight * gain * background
            if self.multiplies:
                f = self.field[tile].astype(np.float32)
                field = (f[0] + f[4] * y * y) + f[5] * y * x + f[3] * x * x
                slope[rows, columns] += weight * gain * field
            else:
                slope[rows, columns] += weight * gain
        inside = total > 0
        grey *= total
        grey -= base
        np.divide(grey, slope, out=grey, where=inside)
        return grey


def _first(edge: NDArray[np.int64], tiles: NDArray[np.int64], axis: int) -> Floats:
    """First row (or column) of the tiles in each row (or column) of a part of the grid."""
    known = (tiles >= 0).any(axis=axis)
    return np.where(known, (edge[tiles] * (tiles >= 0)).max(axis=axis), 0.0)


def _evaluated(
    terms: Floats,
    row_at: NDArray[np.int64],
    column_at: NDArray[np.int64],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    *,
    bent: bool,
) -> NDArray[np.float32]:
    """Evaluate c.(1, x, y, x^2, y^2, x y) of each pixel's tile; terms: shape (down, right, 6)."""
    c = terms.astype(np.float32)[row_at]
    down = y[:, None]
    constant = c[..., 0] + c[..., 2] * down
    slope = c[..., 1]
    if bent:
        constant += c[..., 4] * down * down
        slope = slope + c[..., 5] * down
    result = slope[:, column_at]
    result *= x
    if bent:
        bow = c[0, :, 3] if (c[:, :, 3] == c[0, :, 3]).all() else None
        if bow is not None:
            result += bow[column_at] * x * x
        else:
            result += c[:, column_at, 3] * (x * x)
    result += constant[:, column_at]
    return result


def _contiguous(window: slice, size: int) -> slice:
    start, stop, step = window.indices(size)
    if step != 1:
        raise IndexError("a raster is read without gaps")
    return slice(start, max(start, stop))


def _window(key: Any, size: int) -> tuple[slice, Any]:
    """Give a window that holds what an index asks for, and what to take of it."""
    if isinstance(key, slice):
        start, stop, step = key.indices(size)
        if step > 0:
            return slice(start, max(start, stop)), slice(None, None, step)
        wanted = range(start, stop, step)
        if not len(wanted):
            return slice(0, 0), slice(None)
        return slice(wanted[-1], wanted[0] + 1), slice(None, None, step)
    place = int(key)
    if not -size <= place < size:
        raise IndexError(f"index {place} is out of bounds for an axis of {size}")
    place %= size
    return slice(place, place + 1), 0
