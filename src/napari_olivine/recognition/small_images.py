"""Images brought to squares of one size, as networks and features take them."""

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
        found[place] = np.round(np.moveaxis(squared(pixels, side), -1, 0) * 255)
    return found


def squared(image: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Bring a whole image (height, width, channels) to a square, whatever its shape."""
    how = cv2.INTER_AREA if min(image.shape[:2]) > side_px else cv2.INTER_LINEAR
    sized = np.asarray(cv2.resize(image, (side_px, side_px), interpolation=how), np.float32)
    return sized[..., None] if sized.ndim == 2 else sized


def has_colours(images: ImageSet, job: Job, most: int | None = None) -> bool:
    """Tell whether an image of a set has colours.

    Parameters
    ----------
    images
        The images, which are read one by one until one has.
    job
        Running job.
    most
        Look at so many of the first ones; `None` for all.

    Returns
    -------
    bool
        False where all are grey.
    """
    for one in images.images[:most]:
        job.check()
        if one.read().shape[2] == 3:
            return True
    return False
