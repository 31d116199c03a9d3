"""Outlines that follow the grey: probabilities filtered with BSE as their guide."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

RADIUS_PX = 2
"""Half side of the windows in which a probability is fitted to the grey."""

ROUNDS = 3
"""How often it is fitted; chosen with the radius on eight synthetic sections of four rocks, of 2 px
(3 and 5 times), 3 (1 to 3 times), 4 (1 to 3 times) and 6 (once, twice): 5 times brings 0.001 of IoU
more and takes longer, larger windows leave more specks."""

NOTHING = 0.02
"""A probability that is nowhere higher is left as it is: there is no outline."""

FLAT = 0.02
"""Variance of normalised grey below which a window counts as flat, where a probability is only
smoothed: noise has less than that, an outline that a person sees has more. Chosen with the radius,
of 0.005 to 0.02 and the noise of the image, which make no difference."""

MOST_GREY = 4.0
"""Normalised grey beyond which all is alike: an oxide is no sharper outline than the void."""


FloatImage = NDArray[np.float32]


def follow_grey(probability: FloatImage, grey: FloatImage) -> FloatImage:
    """Bring the outlines of probabilities to where the grey changes.

    A network knows an outline to about a pixel, the image knows it better. In every small window
    the probability is fitted by a line to the grey, and the lines of all windows in which a pixel
    lies are averaged: the guided filter of He, Sun & Tang (2013, doi:10.1109/TPAMI.2012.213),
    equations 5, 6 and 8. The result is filtered again, `ROUNDS` times in all. Where the grey says
    nothing, the probability is smoothed.

    Parameters
    ----------
    probability
        Shape (classes, rows, columns), 0 to 1.
    grey
        Shape (rows, columns), normalised as the model card says.

    Returns
    -------
    ndarray of float32
        Of the same shape, 0 to 1. Probabilities that sum to one do so still, but for what is cut
        off at 0 and 1.
    """
    guide = np.clip(grey, -MOST_GREY, MOST_GREY)
    mean = _mean(guide, np.empty_like(guide))
    weight = _mean(guide * guide, np.empty_like(guide)) - mean * mean
    weight = np.reciprocal(np.maximum(weight, 0) + np.float32(FLAT), dtype=np.float32)
    followed = probability.astype(np.float32)
    spare = [np.empty_like(guide) for _ in range(3)]
    for one in followed:
        if one.max() > NOTHING:
            for _ in range(ROUNDS):
                _fit(one, guide, mean, weight, spare)
    return followed


def _fit(
    one: FloatImage,
    guide: FloatImage,
    mean: FloatImage,
    weight: FloatImage,
    spare: list[FloatImage],
) -> None:
    """Filter one probability in place; `spare` is memory, which would be slow to get anew."""
    slope, offset, product = spare
    _mean(one, offset)
    _mean(np.multiply(guide, one, out=product), slope)
    slope -= np.multiply(mean, offset, out=product)
    slope *= weight
    offset -= np.multiply(mean, slope, out=product)
    np.multiply(_mean(slope, product), guide, out=one)
    one += _mean(offset, product)
    np.clip(one, 0, 1, out=one)


def _mean(image: FloatImage, out: FloatImage) -> FloatImage:
    """Return the mean over the window around each pixel; beyond the edge the image is mirrored."""
    side = 2 * RADIUS_PX + 1
    cv2.blur(image, (side, side), dst=out, borderType=cv2.BORDER_REFLECT)
    return out
