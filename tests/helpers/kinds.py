"""The phantom's images of crystals as sets for classifiers, in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_olivine.phantom import DrawnImage, ImageSetSettings, draw_images
from napari_olivine.recognition import ImageSet, RecognitionImage


def image_of(one: DrawnImage, scale: bool = True) -> RecognitionImage:
    """Give a drawn image as a classifier takes it."""

    def read() -> NDArray[np.float32]:
        return one.image[..., None].astype(np.float32) / 255

    size = one.um_per_px if scale else None
    return RecognitionImage(one.name, one.kind, one.name, size, one.split or None, read)


def image_sets(
    settings: ImageSetSettings, scale: bool = True
) -> tuple[ImageSet, ImageSet, ImageSet, list[DrawnImage]]:
    """Give images to learn, to test with, strangers, and the test images as they were drawn."""
    drawn = list(draw_images(settings))
    known = ImageSet.of(image_of(one, scale) for one in drawn if one.split)
    strangers = ImageSet.of(image_of(one, scale) for one in drawn if not one.split)
    test = [one for one in drawn if one.split == "test"]
    return known.of_split("train"), known.of_split("test"), strangers, test
