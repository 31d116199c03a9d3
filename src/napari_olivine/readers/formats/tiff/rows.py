"""Some rows of one page of a TIFF, without decoding the rest."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import COPY_AGAIN, Unreadable
from napari_olivine.readers.formats import ToGrey

BROKEN = (
    OSError, ValueError, RuntimeError, struct.error, IndexError, KeyError, TypeError,
    AttributeError, ZeroDivisionError, OverflowError, MemoryError, AssertionError, EOFError,
    tifffile.TiffFileError,
)  # fmt: skip
"""Errors that tifffile and its decoders raise for damaged files."""

JPEG, JPEG_2000 = (7,), (33003, 33004, 33005, 34712)
COMPRESSIONS = {1, 5, 8, 32946, 32773, 34925, 50000, *JPEG, *JPEG_2000}
"""None, LZW, Deflate (two codes), PackBits, LZMA, Zstandard, JPEG and JPEG 2000."""

LONGEST_SIDE = 500_000
MOST_PIXELS = 100_000_000_000
"""A section of 1.5 gigapixels has 40,000 pixels a side; headers beyond these are damaged."""

LARGEST_PIECE = 2 << 30
"""Bytes of a strip or tile, which is decoded as a whole."""

SUSPICIOUS_PIECE, MOST_COMPRESSED = 64 << 20, 500
"""A strip or tile of so many bytes that is compressed more than so many times is no image: noise
alone keeps an 8-bit image above a fiftieth of its size."""


def check_extent(file: Path, page: Any) -> None:
    """Compare what a page's header promises with the size of the file; nothing is decoded.

    Raises
    ------
    Unreadable
        If the file is truncated or its header is absurd.
    InputError
        If it is compressed in a way, or in a piece, that cannot be read.
    """
    rows, columns = page.imagelength, page.imagewidth
    if rows < 1 or columns < 1 or page.imagedepth != 1:
        raise Unreadable(f"{file} is damaged: its header says {rows} x {columns} px")
    if max(rows, columns) > LONGEST_SIDE or rows * columns > MOST_PIXELS:
        raise Unreadable(
            f"{file} is damaged: its header says {rows} x {columns} px, which no image has"
        )
    size = page.parent.filehandle.size
    ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if not ends or max(ends) > size or min(page.databytecounts) < 0:
        raise Unreadable(
            f"{file} is truncated ({size} bytes of {max(ends, default=0)}).", remedy=COPY_AGAIN
        )
    if page.compression not in COMPRESSIONS:
        raise InputError(
            f"{file} is compressed by {page.compression!r}, which is not read.",
            remedy="Save it again uncompressed, with LZW, Deflate or Zstandard.",
        )
    grid = _Grid.of(page)
    if min(len(page.dataoffsets), len(page.databytecounts)) < grid.count:
        raise Unreadable(
            f"{file} is damaged: it holds {len(page.dataoffsets)} of {grid.count} strips or tiles"
        )
    piece = grid.height * grid.width * grid.samples * max(1, page.bitspersample) // 8
    if page.compression == 1:
        row_bytes = -(-columns * grid.samples * page.bitspersample // 8)
        held = sum(page.databytecounts[: grid.count])
        if held < rows * row_bytes * grid.planes:
            raise Unreadable(
                f"{file} is truncated ({held} bytes of pixels of {rows * row_bytes}).",
                remedy=COPY_AGAIN,
            )
    elif piece > SUSPICIOUS_PIECE and piece > MOST_COMPRESSED * max(page.databytecounts):
        raise Unreadable(
            f"{file} is damaged: {max(page.databytecounts)} bytes are said to hold {piece} bytes "
            "of pixels"
        )
    if piece > LARGEST_PIECE and not page.is_contiguous:
        raise InputError(
            f"{file} is compressed as one piece of {piece / 2**30:.1f} GiB.",
            remedy="Save it again in tiles (tiled or pyramid TIFF).",
        )


class PageRows:
    """Loads rows of a page; holds no pixels but those of a strip that the last rows cut.

    Parameters
    ----------
    file
        The TIFF.
    number
        Number of the page.
    page
        The page, for what its header says; it is not kept.
    shape
        Rows and columns that count: without an information bar below.
    to_grey
        Makes the pixels grey, `None` if they are.
    """

    __slots__ = (
        "_band", "_contiguous", "_expected", "_file", "_number", "_shape", "_to_grey",
    )  # fmt: skip

    def __init__(
        self, file: Path, number: int, page: Any, shape: tuple[int, int], to_grey: ToGrey | None
    ) -> None:
        self._file = file
        self._number = number
        self._shape = shape
        self._to_grey = to_grey
        self._expected = _expectation(page)
        self._contiguous: tuple[int, np.dtype[Any]] | None = None
        if page.is_contiguous and page.planarconfig == 1 and page.fillorder == 1:
            order = page.parent.byteorder
            self._contiguous = (int(page.dataoffsets[0]), np.dtype(page.dtype).newbyteorder(order))
        # Microscopes compress an image as one strip: what is decoded of it is kept until the rows
        # below it have been asked for.
        self._band: tuple[int, NDArray[Any]] | None = None

    def __call__(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows `start` up to, not including, `stop`."""
        if not 0 <= start <= stop <= self._shape[0]:
            raise ValueError(f"rows {start} to {stop} of {self._shape[0]}")
        try:
            if self._contiguous is not None:
                pixels = self._read(start, stop, *self._contiguous)
            else:
                pixels = self._decode(start, stop)
        except BROKEN as error:
            raise Unreadable(
                f"{self._file} is truncated or damaged ({error}).",
                remedy=COPY_AGAIN,
                file=self._file,
            ) from error
        pixels = pixels[:, : self._shape[1]]
        return self._to_grey(pixels) if self._to_grey else pixels

    def _read(self, start: int, stop: int, offset: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        _, columns, samples, _ = self._expected
        count = columns * samples
        with open(self._file, "rb") as stream:
            stream.seek(offset + start * count * dtype.itemsize)
            pixels = np.fromfile(stream, dtype, (stop - start) * count)
        if pixels.size != (stop - start) * count:
            raise ValueError("its pixels end early")
        pixels = pixels.reshape((stop - start, columns, samples) if samples > 1 else (-1, columns))
        return pixels.astype(dtype.newbyteorder("="), copy=False)

    def _decode(self, start: int, stop: int) -> NDArray[Any]:
        with tifffile.TiffFile(self._file) as tiff:
            page: Any = tiff.pages[self._number] if self._number else tiff.pages.first
            if _expectation(page) != self._expected:
                raise ValueError("it has changed since it was opened")
            grid = _Grid.of(page)
            first, last = start // grid.height, -(-stop // grid.height)
            if grid.count == 1 and (start, stop) == (0, grid.height) and not page.is_tiled:
                return _squeeze(_piece(page, 0)[0])  # a tile of a mosaic, the usual case
            samples = grid.samples * grid.planes
            out = np.empty((stop - start, page.imagewidth, samples), page.dtype)
            for down in range(first, last):
                top = down * grid.height
                band = self._band_of(page, grid, down)
                low, high = max(start, top), min(stop, top + len(band))
                out[low - start : high - start] = band[low - top : high - top]
                cut = stop < min(top + grid.height, self._shape[0])
                self._band = (down, band) if cut else None
            return _squeeze(out)

    def _band_of(self, page: Any, grid: _Grid, down: int) -> NDArray[Any]:
        """Decode the strips or tiles side by side, shape (rows, columns, samples)."""
        kept = self._band
        if kept is not None and kept[0] == down:
            return kept[1]
        height = min(grid.height, page.imagelength - down * grid.height)
        band = np.zeros((height, page.imagewidth, grid.samples * grid.planes), page.dtype)
        for plane in range(grid.planes):
            for across in range(grid.across):
                piece = _piece(page, (plane * grid.down + down) * grid.across + across)
                left = across * grid.width
                width = min(grid.width, page.imagewidth - left)
                place = slice(plane, plane + 1) if grid.planes > 1 else slice(None)
                band[:, left : left + width, place] = piece[0, :height, :width]
        return band


@dataclass(frozen=True)
class _Grid:
    """How a page is cut into strips or tiles of `height` x `width` px."""

    height: int
    width: int
    down: int
    across: int
    samples: int
    planes: int

    @property
    def count(self) -> int:
        return self.down * self.across * self.planes

    @classmethod
    def of(cls, page: Any) -> _Grid:
        if page.is_tiled:
            height, width = page.tilelength, page.tilewidth
            if page.tiledepth != 1:
                raise ValueError("its tiles are three-dimensional")
        else:
            height, width = min(page.rowsperstrip, page.imagelength), page.imagewidth
        if height < 1 or width < 1:
            raise ValueError("its strips or tiles are empty")
        apart = page.planarconfig == 2 and page.samplesperpixel > 1
        return cls(
            height,
            width,
            -(-page.imagelength // height),
            -(-page.imagewidth // width),
            1 if apart else page.samplesperpixel,
            page.samplesperpixel if apart else 1,
        )


def _piece(page: Any, number: int) -> NDArray[Any]:
    """Decode one strip or tile, shape (1, rows, columns, samples)."""
    offset, count = page.dataoffsets[number], page.databytecounts[number]
    if count == 0:
        raise ValueError("a strip or tile of it is empty")
    handle = page.parent.filehandle
    handle.seek(offset)
    data = handle.read(count)
    if len(data) != count:
        raise ValueError("its pixels end early")
    more: dict[str, Any] = {}
    if page.compression in JPEG:
        more = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    _check_codestream(page, data)
    pixels, _, _ = page.decode(data, number, **more)
    return np.asarray(pixels)


def _check_codestream(page: Any, data: bytes) -> None:
    """Refuse a JPEG inside the TIFF that is larger than its strip or tile."""
    size = None
    if page.compression in JPEG:
        size = _jpeg_size(data)
    elif page.compression in JPEG_2000:
        at = data.find(b"\xff\x4f\xff\x51", 0, 4096)
        if at < 0 or len(data) < at + 16:
            raise ValueError("its JPEG 2000 data have no header")
        size = struct.unpack(">II", data[at + 8 : at + 16])[::-1]
    if size is None:
        return
    grid = _Grid.of(page)
    if size[0] > grid.height + 15 or size[1] > grid.width + 15:
        raise ValueError(f"a strip or tile says it is {size[0]} x {size[1]} px")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Rows and columns in the frame header of a JPEG."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return (
                int.from_bytes(data[at + 5 : at + 7], "big"),
                int.from_bytes(data[at + 7 : at + 9], "big"),
            )
        at += 2 + max(2, length)
    raise ValueError("its JPEG data have no header")


def _expectation(page: Any) -> tuple[int, int, int, str]:
    return page.imagelength, page.imagewidth, page.samplesperpixel, str(page.dtype)


def _squeeze(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
