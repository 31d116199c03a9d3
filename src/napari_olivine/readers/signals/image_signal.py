"""A signal that is one image, read in strips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import BSE, Image, SignalReader
from napari_olivine.readers.formats import open_images

SAME_PIXEL = 0.01
"""Pixel sizes that differ by less than this fraction agree."""

SAME_FIELD = 0.02
"""Sides of a coarser image of the same field may differ by this fraction: whole pixels."""


def upsampling_factor(fine: tuple[int, int], coarse: tuple[int, int]) -> tuple[float, float] | None:
    """Compare images of one field.

    Parameters
    ----------
    fine, coarse
        Rows and columns.

    Returns
    -------
    tuple of float or None
        How many rows and columns of the fine image make one of the coarse one; `None` if they
        cannot show the same field, or the "coarse" one is the finer.
    """
    rows, columns = fine[0] / coarse[0], fine[1] / coarse[1]
    if min(rows, columns) < 1 or max(rows, columns) > (1 + SAME_FIELD) * min(rows, columns):
        return None
    return rows, columns


def has_other_size(
    name: str, size_um: float | None, bse_size_um: float | None, times: float
) -> str:
    """Say that a coarser image has not the pixel size that one of the same field would have.

    Parameters
    ----------
    name
        Its signal.
    size_um, bse_size_um
        Sides of the pixels as the files say, um.
    times
        How many pixels of BSE would lie along one of its pixels.

    Returns
    -------
    str
        Empty if they agree, or if the files do not tell.
    """
    if not (size_um and bse_size_um):
        return ""
    if abs(size_um - bse_size_um * times) <= 2 * SAME_PIXEL * size_um:
        return ""
    return (
        f"a pixel of {name} is {size_um:.4g} um wide, of one field it would be "
        f"{bse_size_um * times:.4g} um"
    )


def upsample(
    name: str, coarse: tuple[int, int], fine: tuple[int, int], reference: str = BSE
) -> list[str]:
    """Say that the pixels of a coarser signal are repeated.

    Parameters
    ----------
    name
        Its name.
    coarse, fine
        Rows and columns of its image and of the reference.
    reference
        The signal that it is laid over.

    Returns
    -------
    list of str
        Empty if both are the same.
    """
    if coarse == fine:
        return []
    return [
        f"{name} has {coarse[0]} x {coarse[1]} px for the same field as {reference} ({fine[0]} x "
        f"{fine[1]} px): its pixels are repeated"
    ]


def over_section(signal: SignalReader, shape: tuple[int, int]) -> SignalReader:
    """Return a signal of the whole section on a grid of that many rows and columns."""
    return signal if signal.shape == shape else UpsampledSignal(signal, shape)


class WholeImage:
    """One signal kept as one image.

    Parameters
    ----------
    name
        Name of the signal.
    image
        The image.
    """

    def __init__(self, name: str, image: Image) -> None:
        self.name = name
        self.image = image
        self.shape = image.shape
        self.files = [image.file, *image.files]
        self.missing: list[str] = []

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        return self.image.dtype

    def check(self, job: Job) -> list[str]:
        """Open the file again: it may have changed since it was recognised."""
        job.check()
        try:
            open_images(self.image.file)
        except InputError as error:
            return [str(error)]
        return []

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        """Return rows of the image, shape (stop - start, columns).

        Parameters
        ----------
        start, stop
            First row of the section, and the one behind the last.
        job
            Running job.
        """
        job.check()
        return np.asarray(self.image.load(start, stop), self.dtype)


class UpsampledSignal:
    """A signal of the same field with fewer pixels, each repeated on the grid of the BSE image.

    Element maps are often measured with every second or fourth pixel of the BSE image. Counts are
    repeated, not interpolated: they stay what was counted.

    Parameters
    ----------
    coarse
        The signal as it was measured.
    shape
        Rows and columns of the section.
    """

    def __init__(self, coarse: SignalReader, shape: tuple[int, int]) -> None:
        self.coarse = coarse
        self.name = coarse.name
        self.shape = shape
        self.files: list[Path] = coarse.files
        self.missing = coarse.missing  # the very list, which grows as tiles are read

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        return self.coarse.dtype

    def check(self, job: Job) -> list[str]:
        """Return what is wrong with the files."""
        return self.coarse.check(job)

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        """Return rows of the section, shape (stop - start, columns).

        Parameters
        ----------
        start, stop
            First row of the section, and the one behind the last.
        job
            Running job.
        """
        rows = _source_index(np.arange(start, stop), self.shape[0], self.coarse.shape[0])
        columns = _source_index(np.arange(self.shape[1]), self.shape[1], self.coarse.shape[1])
        strip = self.coarse.read(int(rows[0]), int(rows[-1]) + 1, job)
        return np.asarray(strip[rows - rows[0]][:, columns])


def _source_index(index: NDArray[np.int64], length: int, coarse: int) -> NDArray[np.int64]:
    """Pixel of the coarse image that holds the centre of each pixel of the fine one."""
    return np.minimum(((index + 0.5) * coarse / length).astype(np.int64), coarse - 1)
