"""Masks on disk: grey values, colours or a colour table, without loss; read as keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import tifffile
import zarr
from numpy.typing import NDArray

from napari_olivine.errors import InputError, first_line
from napari_olivine.labelled.label_keys import MOST_GREY, Keys, keys_of_colours, keys_of_grey

LOSSLESS = "Save it as PNG or TIFF, without smoothing and without compression that loses detail."

TIFF = (".tif", ".tiff")

ToKeys = Callable[[NDArray[Any]], Keys]


@dataclass(slots=True)
class LabelImage:
    """A mask, read row by row.

    Parameters
    ----------
    file
        The file.
    shape
        Rows and columns.
    """

    file: Path
    shape: tuple[int, int]
    _to_keys: ToKeys = field(repr=False)
    _whole: NDArray[Any] | None = field(default=None, repr=False)

    def keys(self, start: int, stop: int) -> Keys:
        """Return the keys of some rows, shape (stop - start, columns).

        Raises
        ------
        InputError
            If the file is damaged, or holds values that are no labels.
        """
        try:
            if self.file.suffix.lower() in TIFF:
                with tifffile.TiffFile(self.file) as tiff:
                    pixels: Any = zarr.open(tiff.pages.first.aszarr(), mode="r")
                    return self._to_keys(np.asarray(pixels[start:stop]))
            if self._whole is None:
                with PIL.Image.open(self.file) as picture:
                    self._whole = np.asarray(picture)
            found = self._to_keys(self._whole[start:stop])
            if stop >= self.shape[0]:
                self._whole = None  # its last rows: it is not needed any more
            return found
        except (InputError, MemoryError):
            raise
        except Exception as error:  # decoders raise what they like for damaged files
            raise _unreadable(self.file, error) from error


def open_labels(file: Path) -> LabelImage:
    """Open a mask.

    Parameters
    ----------
    file
        PNG, TIFF or BMP of grey values, colours or a colour table.

    Raises
    ------
    InputError
        If it is a JPEG, damaged, or its pixels are no labels.
    """
    try:
        if file.suffix.lower() in TIFF:
            with tifffile.TiffFile(file) as tiff:
                return _of_page(file, tiff.pages.first)
        with PIL.Image.open(file) as picture:
            return _of_picture(file, picture)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # decoders raise what they like for damaged files
        raise _unreadable(file, error) from error


def _of_page(file: Path, page: Any) -> LabelImage:
    if page.compression.name in ("JPEG", "OJPEG", "WEBP", "JPEGXR_NDPI", "JPEG_2000_LOSSY"):
        raise _lossy(file, page.compression.name)
    shape = page.shape
    if page.photometric.name == "PALETTE":
        colours = (page.colormap >> 8).astype(np.uint8).T
        return LabelImage(file, shape, lambda pixels: keys_of_colours(colours[pixels]))
    if len(shape) == 3 and page.planarconfig.name != "CONTIG":
        raise InputError(f"{file} keeps red, green and blue apart.", remedy=LOSSLESS, file=file)
    return LabelImage(file, shape[:2], _by_type(file, page.dtype, len(shape), shape[-1]))


def _of_picture(file: Path, picture: PIL.Image.Image) -> LabelImage:
    if picture.format not in ("PNG", "BMP", "TIFF"):
        raise _lossy(file, picture.format or "of an unknown kind")
    shape = (picture.height, picture.width)
    if picture.mode == "P":
        table = np.zeros((256, 3), np.uint8)
        colours = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        table[: len(colours)] = colours
        return LabelImage(file, shape, lambda pixels: keys_of_colours(table[pixels]))
    samples = len(picture.getbands())
    dtype = np.dtype("u1" if picture.mode in ("1", "L", "LA", "RGB", "RGBA") else "i4")
    if dtype != np.uint8 and picture.mode not in ("I", "I;16", "I;16B", "I;16L"):
        raise InputError(f"{file} has pixels of the kind {picture.mode}.", remedy=LOSSLESS)
    return LabelImage(file, shape, _by_type(file, dtype, 2 if samples == 1 else 3, samples))


def _by_type(file: Path, dtype: np.dtype[Any], dimensions: int, samples: int) -> ToKeys:
    """Return what turns pixels of a type into keys."""
    if dimensions == 3 and samples in (1, 2):  # the second is transparency
        grey = _by_type(file, dtype, 2, 1)
        return lambda pixels: grey(pixels[..., 0])
    if dimensions == 3 and samples in (3, 4) and dtype == np.uint8:
        return keys_of_colours
    if dimensions != 2 or dtype.kind not in ("b", "u", "i"):
        raise InputError(
            f"{file} has pixels of the type {dtype} with {samples} values each; expected labels: "
            "grey values of 8 or 16 bit, or colours of 8 bit.",
            remedy=LOSSLESS,
            file=file,
        )

    def convert(pixels: NDArray[Any]) -> Keys:
        if dtype.itemsize > 1 and pixels.size:
            low, high = int(pixels.min()), int(pixels.max())
            if low < 0 or high > MOST_GREY:
                raise InputError(
                    f"{file} has labels from {low} to {high}; expected 0 to {MOST_GREY}.", file=file
                )
        return keys_of_grey(pixels)

    return convert


def _lossy(file: Path, kind: str) -> InputError:
    return InputError(
        f"{file} is {kind}: a mask must be stored without loss, else its classes run into each "
        "other.",
        remedy="Export it as PNG or TIFF from where it was drawn.",
        file=file,
    )


def _unreadable(file: Path, error: BaseException) -> InputError:
    return InputError(
        f"{file} is damaged or no image ({first_line(error)}).", remedy="Copy it again.", file=file
    )
