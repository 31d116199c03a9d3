"""Training and voting images in memory, and random crops of them as a network takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_olivine.recognition import RecognitionImage
from napari_olivine.recognition.learning import (
    CropPlace,
    augment,
    cut,
    draw_place,
    log_resolution,
    with_channels,
)
from napari_olivine.recognition.triplet.settings import CropSettings


@dataclass(frozen=True)
class Pixels:
    """An image that has been read.

    Parameters
    ----------
    values
        float16, to hold many; shape (height, width, channels), 0 to 1.
    um_per_px
        Size of a pixel; `None` where unknown.
    """

    values: NDArray[np.float16]
    um_per_px: float | None

    @classmethod
    def of(cls, image: RecognitionImage, channels: int) -> Pixels:
        """Read an image with 1 channel (grey) or 3."""
        return cls(with_channels(image.read(), channels).astype(np.float16), image.um_per_px)


@dataclass(frozen=True)
class Crops:
    """Crops as a network takes them.

    Parameters
    ----------
    images
        Shape (crops, channels, side, side).
    log_resolutions
        Common logarithm of the pixels per micrometre of each, shape (crops,); 0 where unknown.
    places
        Where each lies in its image.
    """

    images: Tensor
    log_resolutions: Tensor
    places: tuple[CropPlace, ...]


def draw_crops(
    random: np.random.Generator, images: Sequence[Pixels], settings: CropSettings
) -> Crops:
    """Draw a random crop of each image.

    Parameters
    ----------
    random
        Random numbers.
    images
        The images; one may stand there several times.
    settings
        Scales and augmentation.

    Returns
    -------
    Crops
        As many as images.
    """
    side = settings.crop_px
    crops, resolutions, places = [], [], []
    for one in images:
        place = draw_place(random, one.values.shape[:2], settings.least_crop)
        rows, columns = (slice(start, start + place.side) for start in (place.top, place.left))
        part = one.values[rows, columns].astype(np.float32)
        crop = cut(part, CropPlace(0, 0, place.side), side)
        crops.append(augment(random, crop, settings.augmentation))
        um = one.um_per_px
        resolutions.append(log_resolution(um, place, side) if um is not None else 0.0)
        places.append(place)
    stacked = torch.from_numpy(np.stack(crops).transpose(0, 3, 1, 2))
    images_tensor = stacked.contiguous(memory_format=torch.channels_last)
    return Crops(images_tensor, torch.tensor(resolutions, dtype=torch.float32), tuple(places))
