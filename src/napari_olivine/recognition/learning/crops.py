"""Crops of an image at random places and scales, with the resolution that each has then.

Larmuseau et al. 2021 (doi 10.1016/j.scriptamat.2020.10.026): "a smaller crop of the image is
randomly selected and either down- or up-sampled, so that the final crop [...] has a resolution of
200 x 200 pixels"; of each crop "the number of dots per micrometer is computed".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.recognition import grey_of

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class CropPlace:
    """Where a square crop lies in its image, pixels."""

    top: int
    left: int
    side: int


def draw_place(
    random: np.random.Generator, shape: tuple[int, int], least: float, most: float = 1.0
) -> CropPlace:
    """Draw the place of a square crop whose side is even in its logarithm.

    Parameters
    ----------
    random
        Random numbers.
    shape
        Height and width of the image.
    least, most
        Side of the crop, as a part of the shorter side of the image.

    Returns
    -------
    CropPlace
        Inside the image.
    """
    short = min(shape)
    side = short * float(np.exp(random.uniform(np.log(least), np.log(most))))
    side = int(np.clip(round(side), 1, short))
    top = int(random.integers(shape[0] - side + 1))
    left = int(random.integers(shape[1] - side + 1))
    return CropPlace(top, left, side)


def cut(image: Floats, place: CropPlace, side_px: int) -> Floats:
    """Cut a crop and bring it to a side.

    Parameters
    ----------
    image
        Shape (height, width, channels).
    place
        Where the crop lies.
    side_px
        Side of the result.

    Returns
    -------
    numpy.ndarray
        float32, shape (side_px, side_px, channels); areas are averaged where it becomes smaller.
    """
    part = image[place.top : place.top + place.side, place.left : place.left + place.side]
    return resized(part, side_px / place.side)


def resized(image: Floats, factor: float) -> Floats:
    """Bring an image (height, width, channels) to a factor times its height and width."""
    shape = [max(1, round(side * factor)) for side in image.shape[:2]]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    sized = np.asarray(cv2.resize(image, shape[::-1], interpolation=how), np.float32)
    return sized[..., None] if sized.ndim == 2 else sized


def log_resolution(um_per_px: float, place: CropPlace, side_px: int) -> float:
    """Return the common logarithm of a crop's pixels per micrometre.

    Parameters
    ----------
    um_per_px
        Size of a pixel of the image, um.
    place
        Where the crop lies.
    side_px
        Side that it is brought to.

    Returns
    -------
    float
        Logarithm to the base 10 of pixels per micrometre.
    """
    return float(np.log10(side_px / (place.side * um_per_px)))


def with_channels(image: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Copy grey into three channels, or make grey of colours, where a network wants that."""
    if image.shape[2] == channels:
        return image
    if channels == 1:
        return grey_of(image)[..., None]
    return np.repeat(image[..., :1], channels, axis=2)
