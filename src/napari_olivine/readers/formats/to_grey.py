"""Pixels as a file keeps them, made grey: by a colour table, by equal colours, without a sign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError

ToGrey = Callable[[NDArray[Any]], NDArray[Any]]
"""Turns pixels, shape (rows, columns) or (rows, columns, samples), to grey (rows, columns)."""

EXPORT_GREY = (
    "Export the grey values instead (8 or 16 bit, no colour table, no scale bar), or convert it "
    "with Image > Type > 8-bit in Fiji."
)


def colour_error(file: Path, why: str = "") -> InputError:
    """Return the error for a picture in colours, which are no counts."""
    return InputError(f"{file} is a colour image{why}.", remedy=EXPORT_GREY, file=file)


def from_equal_colours(file: Path) -> ToGrey:
    """Take red, green and blue that are equal everywhere for grey."""

    def convert(pixels: NDArray[Any]) -> NDArray[Any]:
        red = pixels[..., 0]
        for other in (1, 2):
            _refuse_colours(file, red != pixels[..., other])
        return np.ascontiguousarray(red)

    return convert


def _refuse_colours(file: Path, coloured: NDArray[np.bool_]) -> None:
    if coloured.any():
        share = 100 * float(np.mean(coloured))
        raise colour_error(file, f" ({share:.3g} % of its pixels have a colour)")


def first_sample(pixels: NDArray[Any]) -> NDArray[Any]:
    """Leave out the transparency behind the grey."""
    return np.ascontiguousarray(pixels[..., 0])


def from_palette(file: Path, palette: NDArray[np.uint16]) -> ToGrey:
    """Look grey values up in a colour table, shape (3, colours), 16 bit a colour.

    Entries in colour (for marks drawn on a grey image) are refused where a pixel uses them.

    Raises
    ------
    InputError
        If the table holds no scale of grey.
    """
    grey = (palette == palette[0]).all(axis=0)
    values = palette[0].astype(np.uint16)
    if grey.sum() < max(2, palette.shape[1] // 4) or len(np.unique(values[grey])) < 2:
        raise colour_error(file, " (its colour table is no scale of grey)")
    if palette.shape[1] <= 256:
        # Some writers put 8-bit values into the table, which is meant for 16 bits.
        values = (values >> 8 if values[grey].max() > 255 else values).astype(np.uint8)

    def convert(pixels: NDArray[Any]) -> NDArray[Any]:
        if not grey.all():
            _refuse_colours(file, ~grey[pixels])
        return np.asarray(values[pixels])

    return convert


def turned_round(bits: int) -> ToGrey:
    """Make black 0 in an image that stores white as 0, with so many bits a pixel."""
    white = 2**bits - 1

    def convert(pixels: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(pixels.dtype.type(white) - pixels)

    return convert


def without_sign(file: Path) -> ToGrey:
    """Read signed counts as unsigned ones of the same width; none may be below zero."""

    def convert(pixels: NDArray[Any]) -> NDArray[Any]:
        lowest = int(pixels.min()) if pixels.size else 0
        if lowest < 0:
            raise InputError(
                f"{file} holds values below zero ({lowest}), which counts and grey values never "
                "are.",
                remedy="Save it again as unsigned 16 bit.",
                file=file,
            )
        return pixels.view(np.dtype(f"u{pixels.dtype.itemsize}"))

    return convert
