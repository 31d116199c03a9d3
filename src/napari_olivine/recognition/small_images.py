"""Small images of one size in memory, as networks that learn from nothing take them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.recognition.images import ImageSet
from napari_olivine.recognition.measures import grey_of


def small_images(images: ImageSet, side: int, channels: int, job: Job) -> NDArray[np.uint8]:
    """Read images and bring them to one size.

    Parameters
    ----------
    images
        Images of any sizes.
    side
        Rows and columns of each.
    channels
        1 makes them grey, 3 repeats grey.
    job
        Running job.

    Returns
    -------
    numpy.ndarray
        Shape (images, channels, side, side), 0 to 255.
    """
    found = np.empty((len(images), channels, side, side), np.uint8)
    for place, one in enumerate(images.images):
        job.progress(place, len(images), "Reading images")
        pixels = one.read()
        if channels == 1:
            pixels = grey_of(pixels)[..., None]
        how = cv2.INTER_AREA if min(pixels.shape[:2]) > side else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(pixels, (side, side), interpolation=how)).reshape(
            side, side, -1
        )
        found[place] = np.round(np.moveaxis(small, -1, 0) * 255)
    return found


def has_colours(images: ImageSet, job: Job) -> bool:
    """Tell whether an image of a set has colours."""
    for one in images.images:
        job.check()
        if one.read().shape[2] == 3:
            return True
    return False
