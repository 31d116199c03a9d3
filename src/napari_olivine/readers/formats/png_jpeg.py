"""PNG, BMP and JPEG: one picture a file, decoded as a whole."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import COPY_AGAIN, Acquisition, Image, Unreadable
from napari_olivine.readers.formats.detector_names import signal_of_detector
from napari_olivine.readers.formats.metadata import (
    INCH_UM,
    EmbeddedMetadata,
    by_resolution,
    contradictions,
    preferred,
    read_beside,
)
from napari_olivine.readers.formats.to_grey import (
    ToGrey,
    colour_error,
    first_sample,
    from_equal_colours,
    from_palette,
    without_sign,
)

PNG, JPEG, BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"
SUFFIXES = {".png": PNG, ".jpg": JPEG, ".jpeg": JPEG, ".bmp": BMP}
KINDS = ("PNG", "JPEG", "BMP")

BROKEN = (
    OSError, ValueError, RuntimeError, struct.error, IndexError, KeyError, TypeError, SyntaxError,
    AttributeError, ZeroDivisionError, OverflowError, MemoryError, EOFError, AssertionError,
)  # fmt: skip
"""Errors that Pillow raises for damaged files."""

BALLAST = 64 << 20
"""Bytes that a file may have besides its pixels; it is read as a whole."""

TAIL = 64 << 10
"""Bytes at the end of a file among which the mark of its end must be."""


def recognises(file: Path, head: bytes) -> bool:
    """Recognise a picture by its first bytes; a damaged one by its name."""
    if head.startswith(BMP):  # two letters that a text may begin with as well
        return len(head) >= 26 and head[14:18] in (b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0")
    return head.startswith((PNG, JPEG)) or file.suffix.lower() in SUFFIXES


def open_images(file: Path) -> list[Image]:
    """Return the picture of a PNG, BMP or JPEG file, as long as it is grey.

    Raises
    ------
    Unreadable
        If the file is missing, truncated or damaged.
    InputError
        If it holds colours, or too many pixels for a file that is decoded as a whole.
    """
    if not file.is_file():
        raise Unreadable(f"{file} is missing")
    try:
        with PIL.Image.open(file, formats=KINDS) as picture:
            if os.path.getsize(file) > BALLAST + 8 * picture.width * picture.height:
                raise ValueError("it is longer than its pixels can be")
            return [_image(file, picture)]
    except PIL.Image.DecompressionBombError as error:
        raise InputError(
            f"{file} has too many pixels for a file that is decoded as a whole ({error}).",
            remedy="Save it as a TIFF in tiles.",
        ) from error
    except BROKEN as error:
        raise Unreadable(f"{file} is truncated, damaged or no picture ({error})") from error


def _image(file: Path, picture: PIL.Image.Image) -> Image:
    _check_end(file, picture.format or "")
    to_grey, dtype, remark = _grey_rule(file, picture)
    shape = (picture.height, picture.width)
    metadata = read_beside(file, shape) or EmbeddedMetadata()
    if metadata.refused:
        raise InputError(f"{file} {metadata.refused}")
    shown = metadata.shown(shape)
    remarks = [remark] if remark else []
    if picture.format == "JPEG":
        remarks.append("JPEG has changed its grey values a little; export TIFF or PNG instead")
    remarks += metadata.remarks(shape)
    load = PictureRows(file, shape, shown, to_grey)
    acquisition, doubts = _acquisition(metadata, picture, shape)
    remarks += doubts
    if to_grey is not None and to_grey is not first_sample:
        load(0, shown[0])  # colours and signs show only in the pixels
    return Image(
        file=file,
        shape=shown,
        dtype=dtype,
        load=load,
        signal=signal_of_detector(acquisition.detector),
        acquisition=acquisition,
        files=metadata.files,
        remarks=tuple(remarks),
    )


def _grey_rule(file: Path, picture: PIL.Image.Image) -> tuple[ToGrey | None, np.dtype[Any], str]:
    """Return how the pixels are made grey, the type that they have then, and what to tell."""
    byte = np.dtype(np.uint8)
    if picture.format == "PNG":
        depth, kind = _png_type(file)
        if depth == 16 and kind != 0:
            raise InputError(
                f"{file} is a picture of 16 bit with colours or transparency.",
                remedy="Save it as grey TIFF or PNG of 16 bit.",
            )
    mode = picture.mode
    if mode == "L":
        return None, byte, ""
    if mode == "LA":
        return first_sample, byte, "its transparency is left out"
    if mode in ("RGB", "RGBA"):
        return from_equal_colours(file), byte, "red, green and blue are equal and taken for grey"
    if mode == "P":
        colours = np.zeros((3, 256), np.uint16)
        colours[0] = 1  # entries that the table lacks count as colours
        table = np.array(picture.getpalette("RGB") or [], np.uint16).reshape(-1, 3).T * 257
        colours[:, : table.shape[1]] = table
        return (
            from_palette(file, colours),
            byte,
            "its grey values were looked up in its colour table",
        )
    if mode.startswith("I;16"):
        return None, np.dtype(np.uint16), ""
    if mode == "I":
        return without_sign(file), np.dtype(np.uint32), ""
    if mode == "1":
        raise InputError(f"{file} has pixels of type bool; expected 8 or 16 bit counts")
    raise colour_error(file)


@dataclass(slots=True)
class PictureRows:
    """Loads rows of a picture; what is decoded is kept until its last rows have been asked for.

    Parameters
    ----------
    file
        The picture.
    shape
        Rows and columns of the file.
    shown
        Rows and columns without an information bar.
    to_grey
        Makes the pixels grey, `None` if they are.
    """

    file: Path
    shape: tuple[int, int]
    shown: tuple[int, int]
    to_grey: ToGrey | None
    _whole: NDArray[Any] | None = field(default=None, repr=False)

    def __call__(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows `start` up to, not including, `stop`."""
        if not 0 <= start <= stop <= self.shown[0]:
            raise ValueError(f"rows {start} to {stop} of {self.shown[0]}")
        whole = self._whole
        if whole is None:
            whole = self._decode()
        self._whole = whole if stop < self.shown[0] else None
        pixels = whole[start:stop, : self.shown[1]]
        return self.to_grey(pixels) if self.to_grey else pixels

    def _decode(self) -> NDArray[Any]:
        try:
            with PIL.Image.open(self.file, formats=KINDS) as picture:
                if (picture.height, picture.width) != self.shape:
                    raise ValueError("it has changed since it was opened")
                if picture.format == "PNG" and picture.mode != "P":
                    # Pillow fills up what is missing of a damaged PNG without a word.
                    pixels = imagecodecs.png_decode(self.file.read_bytes())
                    return np.asarray(pixels)
                return np.asarray(picture)
        except BROKEN as error:
            raise Unreadable(
                f"{self.file} is truncated or damaged ({error}).",
                remedy=COPY_AGAIN,
                file=self.file,
            ) from error


def _acquisition(
    metadata: EmbeddedMetadata, picture: PIL.Image.Image, shape: tuple[int, int]
) -> tuple[Acquisition, list[str]]:
    """Return what is said of the acquisition, and where the sizes of a pixel contradict."""
    sizes, refused = metadata.sizes, ""
    dpi = picture.info.get("dpi")
    if dpi and float(dpi[0]) > 0 and not metadata.is_resized(shape):
        by_dots, refused = by_resolution(INCH_UM / float(dpi[0]))
        sizes += by_dots
    acquisition = replace(metadata.acquisition, **preferred(sizes))
    if not sizes:
        acquisition = replace(acquisition, pixel_source=refused)
    return acquisition, contradictions(sizes)


def _check_end(file: Path, kind: str) -> None:
    """Look for the mark that ends the file.

    Raises
    ------
    Unreadable
        If it is missing.
    """
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - TAIL))
        tail = stream.read()
        stream.seek(0)
        head = stream.read(6)
    whole = {
        "PNG": b"IEND" in tail,
        "JPEG": b"\xff\xd9" in tail,
        "BMP": size >= int.from_bytes(head[2:6], "little"),
    }
    if not whole.get(kind, True):
        raise Unreadable(f"{file} is truncated.", remedy=COPY_AGAIN)


def _png_type(file: Path) -> tuple[int, int]:
    """Bits of a sample and the type of colour in the header of a PNG."""
    with file.open("rb") as stream:
        head = stream.read(26)
    return (head[24], head[25]) if len(head) == 26 else (0, 0)
