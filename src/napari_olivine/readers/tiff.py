"""Single TIFF files: what the header promises, and the pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_olivine.errors import InputError

BROKEN = (
    OSError, ValueError, RuntimeError, struct.error, IndexError, KeyError, TypeError,
    AttributeError, ZeroDivisionError, tifffile.TiffFileError,
)  # fmt: skip
"""What damaged files make the TIFF reader and its decoders raise."""

LARGEST_PIXEL_UM = 40.0
"""Resolutions coarser than this (below 635 dpi) are a printing default, not a microscope's."""


class Unreadable(InputError):
    """A file that is missing, truncated or damaged (as opposed to of the wrong kind)."""


@dataclass(frozen=True)
class TiffHeader:
    """What a grey, two-dimensional TIFF says about itself.

    Parameters
    ----------
    shape
        Rows and columns.
    dtype
        Type of a pixel.
    pixel_size_um
        Side of a pixel, um; `None` if the file does not say or says a printing resolution.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    pixel_size_um: float | None


def read_header(file: Path) -> TiffHeader:
    """Read and judge a TIFF's header; the pixels are not read.

    Raises
    ------
    Unreadable
        If the file is missing, truncated or no TIFF.
    InputError
        If it is no single grey image.
    """
    if not file.exists():
        raise Unreadable(f"{file} is missing")
    try:
        with tifffile.TiffFile(file) as tiff:
            return _judge(file, tiff)
    except BROKEN as error:
        raise Unreadable(f"{file} is truncated, damaged or no TIFF ({error})") from error


def read_pixels(file: Path) -> NDArray[Any]:
    """Read the first image of a TIFF, shape (rows, columns).

    Raises
    ------
    Unreadable
        If the pixels cannot be decoded.
    """
    try:
        with tifffile.TiffFile(file) as tiff:
            return np.asarray(tiff.pages.first.asarray())
    except BROKEN as error:
        raise Unreadable(
            f"{file} is truncated or damaged ({error}); copy it again from the microscope"
        ) from error


def read_rows(file: Path, start: int, stop: int) -> NDArray[Any]:
    """Read some rows of a large TIFF without decoding the rest, shape (stop - start, columns).

    Raises
    ------
    Unreadable
        If the pixels cannot be decoded.
    """
    import zarr

    try:
        with tifffile.TiffFile(file) as tiff, tiff.aszarr(key=0) as store:
            image = zarr.open_array(store, mode="r")
            return np.asarray(image[start:stop])
    except BROKEN as error:
        raise Unreadable(
            f"{file} is truncated or damaged ({error}); copy it again from the microscope"
        ) from error


def _judge(file: Path, tiff: tifffile.TiffFile) -> TiffHeader:
    page = tiff.pages.first
    if page.dtype is None:
        raise Unreadable(f"{file} has pixels of a type that cannot be read")
    if page.samplesperpixel != 1 or page.photometric in (2, 3):
        raise InputError(
            f"{file} is a colour image; export the grey values instead (8 or 16 bit, no colour "
            "table, no scale bar), or convert it with Image > Type > 8-bit in Fiji"
        )
    if page.photometric == 0:
        raise InputError(
            f"{file} stores white as 0, which turns the grey scale round; save it again with "
            "black as 0 (opening and saving it in Fiji does it)"
        )
    if page.ndim != 2 or (len(tiff.pages) > 1 and tiff.pages[1].shape == page.shape):
        raise InputError(
            f"{file} is a stack of images, not one; save one file per signal and place"
        )
    if page.dtype.kind not in "uif":
        raise InputError(f"{file} has pixels of type {page.dtype}; expected 8 or 16 bit counts")
    ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if not ends or max(ends) > tiff.filehandle.size:
        raise Unreadable(
            f"{file} is truncated ({tiff.filehandle.size} bytes of {max(ends, default=0)}); copy "
            "it again from the microscope"
        )
    rows, columns = page.shape
    return TiffHeader((rows, columns), np.dtype(page.dtype), _pixel_size_um(tiff))


def _pixel_size_um(tiff: tifffile.TiffFile) -> float | None:
    tag = tiff.pages.first.tags.get("XResolution")
    if tag is None or tag.value[0] <= 0 or tag.value[1] <= 0:
        return None
    per_unit = tag.value[0] / tag.value[1]
    imagej = str((tiff.imagej_metadata or {}).get("unit", ""))
    unit = tiff.pages.first.tags.get("ResolutionUnit")
    unit_um = _IMAGEJ_UNITS_UM.get(imagej) or _TIFF_UNITS_UM.get(int(unit.value) if unit else 2)
    if unit_um is None:
        return None
    size_um = float(unit_um / per_unit)
    return size_um if size_um <= LARGEST_PIXEL_UM else None


_TIFF_UNITS_UM = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
_IMAGEJ_UNITS_UM = {
    "micron": 1.0, "microns": 1.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "\\u00B5m": 1.0,
    "nm": 1e-3, "mm": 1e3, "cm": 1e4, "inch": 25_400.0,
}  # fmt: skip
