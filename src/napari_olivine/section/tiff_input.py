"""Images of the whole section that other programs wrote as TIFF."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tifffile
import zarr

from napari_olivine.errors import InputError


def open_tiff(file: Path, shape: tuple[int, int], mismatch: str, *, setting: str = "") -> Any:
    """Open a TIFF image of one channel, to be read window by window.

    Parameters
    ----------
    file
        Tiled or not, with or without a pyramid.
    shape
        Rows and columns that it must have.
    mismatch
        What another shape means, the end of the error's text.
    setting
        Setting that names the file, if any.

    Returns
    -------
    zarr.Array
        Full resolution.

    Raises
    ------
    InputError
        If it cannot be read or has another shape.
    """
    opened = ExitStack()
    try:
        image = opened.enter_context(tifffile.TiffFile(file))
        pixels: Any = zarr.open(image.aszarr(level=0), mode="r")
        found = tuple(pixels.shape)
    except (OSError, ValueError, KeyError, AttributeError, IndexError, RuntimeError) as error:
        opened.close()
        raise InputError(
            f"{file} cannot be read as a TIFF image ({error}).", file=file, setting=setting
        ) from error
    weakref.finalize(pixels, opened.close)
    if found != shape:
        raise InputError(
            f"{file} has {' x '.join(map(str, found))} pixels, the section {shape[0]} x "
            f"{shape[1]}: {mismatch}.",
            file=file,
            setting=setting,
            expected=f"{shape[0]} x {shape[1]} pixels",
        )
    return pixels
