"""An image file as a photograph or a microscope's program left it: its pixels and its scale."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import tifffile
from numpy.typing import NDArray

from napari_olivine.errors import InputError, first_line
from napari_olivine.readers.base import COPY_AGAIN, Unreadable
from napari_olivine.readers.formats.metadata import (
    EmbeddedMetadata,
    read_beside,
    read_of_page,
    resolution_of,
)
from napari_olivine.readers.formats.tiff import check_extent, check_tags

TIFFS = (".tif", ".tiff")
SUFFIXES = (*TIFFS, ".png", ".jpg", ".jpeg", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "WEBP")

MOST_PIXELS = 100_000_000
"""Pixels of one image, which is decoded as a whole (ours): 400 MB as numbers of one channel."""

BROKEN = (
    OSError, ValueError, RuntimeError, struct.error, IndexError, KeyError, TypeError, SyntaxError,
    AttributeError, ZeroDivisionError, OverflowError, MemoryError, EOFError, AssertionError,
    tifffile.TiffFileError,
)  # fmt: skip
"""Errors that Pillow, tifffile and their decoders raise for damaged files."""

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_UNITS_UM = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "mm": 1e3}
_UNIT = "(nm|um|µm|μm|mm)"
_SIZE_OF_PIXEL = re.compile(rf"{_NUMBER}[ _-]?{_UNIT}[ _-]?per[ _-]?(?:px|pixel)(?![a-z])", re.I)
_PIXELS_OF_UNIT = re.compile(rf"{_NUMBER}[ _-]?(?:px|pixels?)[ _-]?per[ _-]?{_UNIT}(?![a-z])", re.I)


@dataclass(frozen=True)
class ImageFile:
    """An image of which the header was read.

    Parameters
    ----------
    file
        The file.
    shown
        Rows and columns without an information bar.
    um_per_px
        Size of a pixel as the microscope's program wrote it, um; `None` if it did not.
    """

    file: Path
    shown: tuple[int, int]
    um_per_px: float | None

    def read(self) -> NDArray[np.float32]:
        """Read the pixels.

        Returns
        -------
        numpy.ndarray
            Shape (rows, columns, channels), 1 channel where red, green and blue are equal, else 3;
            0 to 1, where 1 is the largest value of the file's type.

        Raises
        ------
        InputError
            If the file is damaged, or holds no grey or colours.
        """
        pixels = _scaled(self.file, _decoded(self.file))[: self.shown[0], : self.shown[1]]
        if pixels.shape[2] == 3 and np.ptp(pixels, axis=2).max(initial=0) == 0:
            pixels = pixels[..., :1]
        return np.ascontiguousarray(pixels)


def open_image_file(file: Path) -> ImageFile:
    """Read the header of an image.

    Raises
    ------
    InputError
        If it is missing, damaged, or has more than `MOST_PIXELS`.
    """
    if not file.is_file():
        raise InputError(f"There is no image {file}.", file=file)
    try:
        if file.suffix.lower() in TIFFS:
            shape, metadata, um = _tiff_header(file)
        else:
            with PIL.Image.open(file, formats=FORMATS) as picture:
                shape = picture.height, picture.width
            metadata = read_beside(file, shape) or EmbeddedMetadata()
            um = None
    except PIL.Image.DecompressionBombError as error:
        raise _too_large(file) from error
    except Unreadable:
        raise
    except BROKEN as error:
        raise _damaged(file, error) from error
    if shape[0] * shape[1] > MOST_PIXELS:
        raise _too_large(file, shape)
    stated = [one.size_um for one in metadata.sizes if one.measured]
    return ImageFile(file, metadata.shown(shape), stated[0] if stated else um)


def scale_in_name(name: str) -> float | None:
    """Read the size of a pixel out of a file's name, as in ``augite_10um_per_px.png``.

    Parameters
    ----------
    name
        Name without its folder.

    Returns
    -------
    float or None
        um; `None` where the name says nothing, or two things.

    Examples
    --------
    >>> scale_in_name("augite_2.5um_per_px.png"), scale_in_name("augite-4px_per_um.tif")
    (2.5, 0.25)
    >>> scale_in_name("zone_10um.png"), scale_in_name("1um_per_px_of_2um_per_px.png")
    (None, None)
    """
    sizes = {_number(n) * _UNITS_UM[unit.lower()] for n, unit in _SIZE_OF_PIXEL.findall(name)}
    for number, unit in _PIXELS_OF_UNIT.findall(name):
        if value := _number(number):
            sizes.add(_UNITS_UM[unit.lower()] / value)
    found = sizes.pop() if len(sizes) == 1 else 0.0
    return found if found > 0 else None


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _tiff_header(file: Path) -> tuple[tuple[int, int], EmbeddedMetadata, float | None]:
    check_tags(file)
    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages.first
        check_extent(file, page)
        shape = page.imagelength, page.imagewidth
        resolution, _ = resolution_of(page)
        measured = [one.size_um for one in resolution if one.measured]
        return shape, read_of_page(page, file, shape), measured[0] if measured else None


def _decoded(file: Path) -> NDArray[Any]:
    try:
        if file.suffix.lower() in TIFFS:
            return _decoded_tiff(file)
        with PIL.Image.open(file, formats=FORMATS) as picture:
            if picture.format == "PNG" and picture.mode not in ("P", "1"):
                # Pillow fills up what is missing of a damaged PNG without a word.
                return np.asarray(imagecodecs.png_decode(file.read_bytes()))
            plain = picture.mode in ("L", "RGB", "LA", "RGBA") or picture.mode.startswith("I;16")
            return np.asarray(picture if plain else picture.convert("RGB"))
    except BROKEN as error:
        raise _damaged(file, error) from error


def _decoded_tiff(file: Path) -> NDArray[Any]:
    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages.first
        pixels = np.asarray(page.asarray())
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            colours = np.asarray(page.colormap)
            # Some writers put 8-bit values into the table, which is meant for 16 bits.
            colours = (colours >> 8 if colours.max(initial=0) > 255 else colours).astype(np.uint8)
            return np.moveaxis(colours[:, pixels], 0, -1)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind == "u":
            pixels = np.iinfo(pixels.dtype).max - pixels
        if pixels.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
            pixels = np.moveaxis(pixels, 0, -1)
        return pixels


def _scaled(file: Path, pixels: NDArray[Any]) -> NDArray[np.float32]:
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    # Of two or four samples the last is transparency.
    pixels = pixels[..., : {2: 1, 4: 3}.get(pixels.shape[-1], pixels.shape[-1])]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        shape = " x ".join(str(side) for side in pixels.shape)
        raise InputError(
            f"{file} holds {shape} values, which is no image in grey or in red, green and blue.",
            remedy="Save one image a file.",
            file=file,
        )
    if pixels.dtype.kind == "b":
        return pixels.astype(np.float32)
    if pixels.dtype.kind == "u":
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    if pixels.dtype.kind == "f":
        low, high = float(np.nanmin(pixels)), float(np.nanmax(pixels))
        if np.isfinite(pixels).all() and low >= 0 and high <= 1:
            return pixels.astype(np.float32)
    raise InputError(
        f"{file} holds {pixels.dtype} values that are neither counts of 8 or 16 bit nor from 0 to "
        "1.",
        remedy="Save it as an image of 8 or 16 bit.",
        file=file,
    )


def _too_large(file: Path, shape: tuple[int, int] | None = None) -> InputError:
    size = "more" if shape is None else f"{shape[0]} x {shape[1]}"
    return InputError(
        f"{file} has {size} pixels; an image of a crystal or a field has at most "
        f"{MOST_PIXELS / 1e6:.0f} million.",
        remedy="Cut it into images, or import it as a section with {step:import}.",
        file=file,
    )


def _damaged(file: Path, error: BaseException) -> Unreadable:
    return Unreadable(
        f"{file} is truncated, damaged or no image ({first_line(error)}).",
        remedy=COPY_AGAIN,
        file=file,
    )
