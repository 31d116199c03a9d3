"""A mosaic of equal tiles, described by ``section.json``, one folder per signal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.source import SignalReader, refuse_if
from napari_olivine.readers.tiff import TiffHeader, Unreadable, read_header, read_pixels

THREADS = 2
"""Tiles that are decoded at once; the disk and the compression of the section are slower."""


class MosaicDescription(BaseModel):
    """The ``section.json`` that stands beside the tiles."""

    model_config = ConfigDict(extra="ignore")

    name: str = ""
    pixel_size_um: float | None = Field(None, gt=0)
    tile_shape: tuple[int, int]
    tile_overlap_px: int = Field(0, ge=0)
    grid: tuple[int, int]
    tile_pattern: str
    signals: list[str] = Field(min_length=1)
    accelerating_voltage_kV: float | None = Field(None, gt=0)


def read_description(file: Path) -> MosaicDescription:
    """Read and judge a mosaic's ``section.json``.

    Raises
    ------
    InputError
        If a key is missing or wrong, or the tiles overlap.
    """
    try:
        description = MosaicDescription.model_validate_json(file.read_bytes())
    except ValidationError as error:
        refuse_if(
            [f"{'.'.join(map(str, p['loc'])) or 'the file'}: {p['msg']}" for p in error.errors()],
            f"{file} does not describe a mosaic of tiles",
        )
        raise
    if description.tile_overlap_px:
        raise InputError(
            f"{file} says that tiles overlap by {description.tile_overlap_px} px. Only tiles that "
            "touch (tile_overlap_px 0) can be put together: stitch them first, or crop the "
            "overlap off."
        )
    if min(*description.grid, *description.tile_shape) < 1:
        raise InputError(f"{file}: grid and tile_shape must be numbers from 1.")
    return description


def open_mosaic(
    folder: Path, description: MosaicDescription, *, skip_missing: bool
) -> dict[str, SignalReader]:
    """Open every signal of a mosaic.

    Parameters
    ----------
    folder
        Folder that `tile_pattern` starts from.
    description
        The mosaic's ``section.json``.
    skip_missing
        Leave missing and unreadable tiles black.
    """
    return {
        name: TileMosaic(
            name,
            _tile_files(folder, description, name),
            description.tile_shape,
            description.grid,
            skip_missing=skip_missing,
        )
        for name in description.signals
    }


class TileMosaic:
    """One signal of a mosaic.

    Parameters
    ----------
    name
        Name of the signal.
    files
        File of each tile, row by row.
    tile_shape
        Rows and columns of a tile.
    grid
        Rows and columns of tiles.
    skip_missing
        Leave missing and unreadable tiles black.
    """

    def __init__(
        self,
        name: str,
        files: list[Path],
        tile_shape: tuple[int, int],
        grid: tuple[int, int],
        *,
        skip_missing: bool,
    ) -> None:
        self.name = name
        self.files = files
        self.tile_shape = tile_shape
        self.grid = grid
        self.shape = (grid[0] * tile_shape[0], grid[1] * tile_shape[1])
        self.missing: list[str] = []
        self._skip_missing = skip_missing
        self._dtype: np.dtype[Any] | None = None
        self._band: tuple[int, NDArray[Any]] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel, that of the first readable tile."""
        if self._dtype is None:
            for file in self.files:
                try:
                    self._dtype = read_header(file).dtype
                    break
                except Unreadable:
                    continue
            else:
                raise InputError(f"No tile of {self.name} can be read, e.g. {self.files[0]}.")
        return self._dtype

    def check(self, job: Job) -> list[str]:
        """Read the header of every tile; return what is wrong."""
        headers: list[tuple[Path, TiffHeader]] = []
        lost: list[str] = []
        wrong: list[str] = []
        for file, result in zip(self.files, self._headers(job), strict=True):
            if isinstance(result, Unreadable):
                lost.append(str(result))
            elif isinstance(result, InputError):
                wrong.append(str(result))
            else:
                headers.append((file, result))
        if not headers:
            return wrong or [f"{self.name}: none of its tiles can be read, e.g. {lost[0]}"]
        self._dtype = headers[0][1].dtype
        wrong += self._wrong_sizes(headers)
        wrong += [
            f"{file} is of type {header.dtype}; the first tile of {self.name}, "
            f"{headers[0][0].name}, is of type {self._dtype}"
            for file, header in headers
            if header.dtype != self._dtype
        ]
        if self._skip_missing:
            self.missing += lost
            return wrong
        return lost + wrong

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        """Put the tiles of some rows together, shape (stop - start, columns)."""
        height = self.tile_shape[0]
        strip = np.zeros((stop - start, self.shape[1]), self.dtype)
        for tile_row in range(start // height, -(-stop // height)):
            job.check()
            top = tile_row * height
            first, last = max(start, top), min(stop, top + height)
            band = self._read_band(tile_row)
            strip[first - start : last - start] = band[first - top : last - top]
        return strip

    def _read_band(self, tile_row: int) -> NDArray[Any]:
        # A row of tiles that a strip's edge cuts is needed again by the next strip.
        if self._band is not None and self._band[0] == tile_row:
            return self._band[1]
        columns = self.grid[1]
        files = self.files[tile_row * columns : (tile_row + 1) * columns]
        with ThreadPoolExecutor(THREADS) as pool:
            band = np.hstack(list(pool.map(self._read_tile, files)))
        self._band = (tile_row, band)
        return band

    def _read_tile(self, file: Path) -> NDArray[Any]:
        try:
            if file.exists():
                return read_pixels(file)
            raise Unreadable(f"{file} is missing: copy it, or leave it black (skip_missing)")
        except Unreadable as error:
            if not self._skip_missing:
                raise
            if not any(told.startswith(str(file)) for told in self.missing):
                self.missing.append(str(error))
            return np.zeros(self.tile_shape, self.dtype)

    def _headers(self, job: Job) -> Iterator[TiffHeader | InputError]:
        with ThreadPoolExecutor(THREADS) as pool:
            for begin in range(0, len(self.files), 256):
                job.check()
                yield from pool.map(_header_or_error, self.files[begin : begin + 256])

    def _wrong_sizes(self, headers: list[tuple[Path, TiffHeader]]) -> list[str]:
        usual = Counter(header.shape for _, header in headers).most_common(1)[0][0]
        if usual != self.tile_shape:
            rows, columns = self.grid[0] * usual[0], self.grid[1] * usual[1]
            return [
                f"{self.name} is not aligned with the section: its tiles are {_by(usual)} px, "
                f"the mosaic {_by((rows, columns))}; section.json says {_by(self.tile_shape)}, "
                f"{_by(self.shape)}. Export every signal with the same size and binning"
            ]
        return [
            f"{file} is {_by(header.shape)} px, expected {_by(self.tile_shape)}"
            for file, header in headers
            if header.shape != self.tile_shape
        ]


def _tile_files(folder: Path, description: MosaicDescription, signal: str) -> list[Path]:
    try:
        return [
            folder / description.tile_pattern.format(signal=signal, row=row, col=column)
            for row in range(description.grid[0])
            for column in range(description.grid[1])
        ]
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{folder / 'section.json'}: the tile_pattern {description.tile_pattern!r} cannot be "
            "used; it may hold {signal}, {row} and {col}, as in "
            f"tiles/{{signal}}/r{{row:02d}}_c{{col:02d}}.tif ({error})."
        ) from error


def _header_or_error(file: Path) -> TiffHeader | InputError:
    try:
        return read_header(file)
    except InputError as error:
        return error


def _by(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
