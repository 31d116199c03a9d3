"""One image of a source to look at before it is imported, for a scale bar that is drawn in it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.identify import identify
from napari_olivine.readers.base import Image

LONGEST_PX = 8192
"""Longest side that is shown; of larger images every other pixel, or fewer, is read."""

STRIP_BYTES = 64 << 20
"""What is read at once."""

DARKEST, BRIGHTEST = 0.2, 99.8
"""Per cent of the pixels at which black and white lie."""


@dataclass(frozen=True)
class FirstImage:
    """An image of a source, to look at.

    Parameters
    ----------
    file
        File that it is in.
    signal
        Signal that it shows.
    grey
        Every `step`-th of its pixels, stretched to uint8, shape (rows, columns).
    step
        Pixels of the file to one of `grey`.
    shape
        Rows and columns of the image in the file.
    """

    file: Path
    signal: str
    grey: NDArray[np.uint8]
    step: int
    shape: tuple[int, int]


def read_first_image(
    source: Path | str, settings: ImportSettings | None = None, job: Job | None = None
) -> FirstImage:
    """Read the first image of BSE, or of the finest map where there is no BSE.

    The size of a pixel belongs to these pixels: all other signals are laid over them.

    Parameters
    ----------
    source
        Folder or file of the instrument.
    settings
        Settings of the import; the size of a pixel need not be known.
    job
        Running job.

    Returns
    -------
    FirstImage
        The image.

    Raises
    ------
    InputError
        If nothing can be imported, or no image of the signal can be read.
    """
    settings, job = settings or ImportSettings(), job or Job()
    known = settings.model_copy(update={"pixel_size_um": settings.pixel_size_um or 1.0})
    found = identify(source, known, job)
    refs = found.images[found.reference]
    image = next((opened for ref in refs if (opened := ref.try_open())), None) or refs[0].open()
    step = max(1, ceil(max(image.shape) / LONGEST_PX))
    grey = _stretched(_every(image, step, job))
    return FirstImage(image.file, found.reference, grey, step, image.shape)


def _every(image: Image, step: int, job: Job) -> NDArray[np.float32]:
    """Read every `step`-th row and column."""
    rows, columns = image.shape
    height = step * max(1, STRIP_BYTES // max(1, columns * image.dtype.itemsize * step))
    strips = []
    for start in range(0, rows, height):
        job.check()
        strip = image.load(start, min(start + height, rows))
        strips.append(strip[::step, ::step].astype(np.float32))
    return np.concatenate(strips)


def _stretched(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = np.percentile(values, (DARKEST, BRIGHTEST))
    if high <= low:
        high = low + 1.0
    return np.asarray(np.clip((values - low) * (255 / (high - low)), 0, 255), np.uint8)
