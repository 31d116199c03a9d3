"""Change an image at random in ways that leave its class true, as papers on few images do.

Rotation, mirror, brightness, local blur, edges and warping are those of Larmuseau et al. 2021
(doi 10.1016/j.scriptamat.2020.10.026), who give no strengths; the erased patch is that of Cai et
al. 2024 (doi 10.2138/am-2023-9092). The strengths are ours.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Change = Callable[[np.random.Generator, Floats], Floats]

LARGEST_BLUR_PX = 3.0
LARGEST_PATCH = 0.3
"""Side of a blurred or erased patch, as a part of the side of the image, at most."""


def augment(
    random: np.random.Generator, image: Floats, strength: float = 1.0, share: float = 0.25
) -> Floats:
    """Change an image by each of the augmentations at random.

    Parameters
    ----------
    random
        Random numbers.
    image
        Shape (height, width, channels), 0 to 1.
    strength
        1 for the strengths that are written in this module, 0 for turns and mirrors alone.
    share
        Share of the images that each of local blur, edges, warping and erasing changes.

    Returns
    -------
    numpy.ndarray
        float32, of the same shape; of a square image turns by 90 degrees are drawn, too.
    """
    image = turn_and_mirror(random, image)
    if strength <= 0:
        return np.ascontiguousarray(image)
    if random.random() < share:
        image = warp(random, image, 0.04 * strength)
    image = change_brightness(random, image, 0.15 * strength, 0.4 * strength)
    if random.random() < share:
        image = blur_patch(random, image, LARGEST_BLUR_PX * strength)
    if random.random() < share:
        image = strengthen_edges(random, image, 1.0 * strength)
    if random.random() < share:
        image = erase_patch(random, image)
    return np.ascontiguousarray(image, dtype=np.float32)


def turn_and_mirror(random: np.random.Generator, image: Floats) -> Floats:
    """Turn by a multiple of 90 degrees (180 if not square) and mirror; no pixel is interpolated."""
    height, width = image.shape[:2]
    turns = int(random.integers(4)) if height == width else 2 * int(random.integers(2))
    image = np.rot90(image, turns)
    return image[:, ::-1] if random.random() < 0.5 else image


def change_brightness(
    random: np.random.Generator, image: Floats, offset: float, contrast: float
) -> Floats:
    """Add an offset, and stretch the contrast about the mean.

    Parameters
    ----------
    random
        Random numbers.
    image
        Shape (height, width, channels).
    offset
        Largest grey that is added or taken away.
    contrast
        The contrast is multiplied by up to 1 + this, or divided.

    Returns
    -------
    numpy.ndarray
        Same shape.
    """
    factor = np.float32((1 + contrast) ** random.uniform(-1, 1))
    mean = image.mean(dtype=np.float32)
    changed = (image - mean) * factor + mean + np.float32(random.uniform(-offset, offset))
    return np.asarray(changed, np.float32)


def blur_patch(random: np.random.Generator, image: Floats, largest_px: float) -> Floats:
    """Blur a round patch, as a dust particle or a place out of focus does.

    Parameters
    ----------
    random
        Random numbers.
    image
        Shape (height, width, channels).
    largest_px
        Largest standard deviation of the Gaussian.

    Returns
    -------
    numpy.ndarray
        Same shape.
    """
    height, width = image.shape[:2]
    blurred = _with_channels(cv2.GaussianBlur(image, (0, 0), random.uniform(1.0, 1 + largest_px)))
    radius = random.uniform(0.1, LARGEST_PATCH) * min(height, width)
    y, x = np.ogrid[:height, :width]
    away = (y - random.uniform(0, height)) ** 2 + (x - random.uniform(0, width)) ** 2
    return np.where((away < radius**2)[..., None], blurred, image)


def strengthen_edges(random: np.random.Generator, image: Floats, largest: float) -> Floats:
    """Add the difference to a blurred image (unsharp mask), which stresses phase boundaries.

    Parameters
    ----------
    random
        Random numbers.
    image
        Shape (height, width, channels).
    largest
        Largest part of the difference that is added.

    Returns
    -------
    numpy.ndarray
        Same shape.
    """
    smooth = _with_channels(cv2.GaussianBlur(image, (0, 0), random.uniform(1.0, 3.0)))
    return image + np.float32(random.uniform(0, largest)) * (image - smooth)


def warp(random: np.random.Generator, image: Floats, largest: float) -> Floats:
    """Shift the pixels by a smooth random field.

    Parameters
    ----------
    random
        Random numbers.
    image
        Shape (height, width, channels).
    largest
        Standard deviation of the shift, as a part of the side.

    Returns
    -------
    numpy.ndarray
        Same shape; beyond the border the image is reflected.
    """
    height, width = image.shape[:2]
    coarse = random.normal(0, largest * min(height, width), (2, 4, 4)).astype(np.float32)
    shift = [cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in coarse]
    y, x = np.indices((height, width), dtype=np.float32)
    moved = cv2.remap(
        image, x + shift[0], y + shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return _with_channels(moved)


def erase_patch(random: np.random.Generator, image: Floats) -> Floats:
    """Replace a rectangle by its image's mean grey."""
    height, width = image.shape[:2]
    rows, columns = (random.uniform(0.05, LARGEST_PATCH, 2) * (height, width)).astype(int) + 1
    top, left = int(random.integers(height - rows + 1)), int(random.integers(width - columns + 1))
    image = image.copy()
    image[top : top + rows, left : left + columns] = image.mean(axis=(0, 1))
    return image


def _with_channels(image: NDArray[np.generic]) -> Floats:
    """Give back the axis of the channels that OpenCV drops where there is one."""
    found = np.asarray(image, np.float32)
    return found[..., None] if found.ndim == 2 else found
