"""The two images that are laid over each other: grey of the SEM, classes of the mineral map."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.labelled import MOST_CLASSES, LabelImage
from napari_olivine.readers.base import Image

Floats = NDArray[np.float32]

STRIP = 1024
"""Rows of the SEM image that are read together, about."""


def reduced_grey(image: Image, factor: int, job: Job) -> Floats:
    """Read an image with `factor` x `factor` pixels averaged to one.

    Parameters
    ----------
    image
        The image.
    factor
        Whole number; rows and columns that are left over are cut off.
    job
        Running job.

    Returns
    -------
    ndarray of float32
        Grey, shape (rows // factor, columns // factor).
    """
    high, wide = image.shape[0] // factor, image.shape[1] // factor
    found = np.empty((high, wide), np.float32)
    step = max(1, STRIP // factor)
    for first in range(0, high, step):
        job.progress(first, high, "Reading the SEM image")
        last = min(first + step, high)
        strip = image.load(first * factor, last * factor)[:, : wide * factor]
        size = (wide, last - first)
        found[first:last] = cv2.resize(strip.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return found


@dataclass(frozen=True)
class MineralMap:
    """A map of classes.

    Parameters
    ----------
    classes
        Number of the class of each pixel, uint8.
    keys
        Value or colour of each class, see `napari_olivine.labelled.label_keys`.
    """

    classes: NDArray[np.uint8]
    keys: NDArray[np.uint32]

    @classmethod
    def read(cls, labels: LabelImage) -> MineralMap:
        """Read a map as a whole.

        Raises
        ------
        InputError
            If it has so many colours that they are no classes, or only one.
        """
        pixels = labels.keys(0, labels.shape[0])
        keys, classes = np.unique(pixels, return_inverse=True)
        if not 2 <= len(keys) <= MOST_CLASSES:
            raise InputError(
                f"{labels.file} has {len(keys)} colours; a mineral map has 2 to {MOST_CLASSES}.",
                remedy="Export it anew, without smoothing, as PNG or TIFF.",
                file=labels.file,
            )
        return cls(classes.reshape(labels.shape).astype(np.uint8), keys.astype(np.uint32))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.classes.shape[0], self.classes.shape[1]

    def shares(self, factor: int, number: int) -> Floats:
        """Return the share of a class in blocks of `factor` x `factor` pixels."""
        is_class = (self.classes == number).astype(np.float32)
        return averaged(is_class, factor)


def averaged(image: Floats, factor: int) -> Floats:
    """Average blocks of `factor` x `factor` pixels; what is left over is cut off."""
    if factor == 1:
        return image
    high, wide = image.shape[0] // factor, image.shape[1] // factor
    cut = image[: high * factor, : wide * factor]
    return np.asarray(cv2.resize(cut, (wide, high), interpolation=cv2.INTER_AREA), np.float32)
