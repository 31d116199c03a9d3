"""Which part of an image speaks for which class: the votes of the crops that cover each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_olivine.recognition.learning import CropPlace


def crop_saliency(
    places: Sequence[CropPlace], probabilities: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Average the probabilities of the crops that cover each pixel.

    "These maps are obtained by averaging the predictions of many crops" (Larmuseau et al. 2021,
    doi 10.1016/j.scriptamat.2020.10.026). Here a smaller crop weighs more, by the inverse of its
    area, because it says more precisely where (ours).

    Parameters
    ----------
    places
        Where the crops lie.
    probabilities
        Of each crop, shape (crops, classes).
    shape
        Height and width of the image.

    Returns
    -------
    numpy.ndarray
        float32, shape (classes, height, width); NaN where no crop lies.
    """
    count = probabilities.shape[1]
    total = np.zeros((count, *shape), np.float64)
    weight = np.zeros(shape, np.float64)
    for place, found in zip(places, probabilities, strict=True):
        rows = slice(place.top, place.top + place.side)
        columns = slice(place.left, place.left + place.side)
        share = 1 / place.side**2
        total[:, rows, columns] += found[:, None, None] * share
        weight[rows, columns] += share
    with np.errstate(invalid="ignore"):
        return (total / weight).astype(np.float32)
