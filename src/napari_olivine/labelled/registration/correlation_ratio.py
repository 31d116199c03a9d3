"""How well the classes of a map explain the grey of an image that they are laid over.

The correlation ratio is the share of the variance of the grey that lies between classes and not
within them (Roche et al. 1998, MICCAI, LNCS 1496, 1115-1124, doi 10.1007/BFb0056301). It needs no
grey of a mineral beforehand. Over all offsets it is computed at once: sums of grey over a class
that is moved are correlations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_olivine.labelled.registration.placing import Placing

Floats = NDArray[np.float32]

LEAST_OVERLAP = 0.5
"""Share of the smaller image that the other one covers at least."""


@dataclass(frozen=True)
class ClassGrey:
    """Grey of the classes of a map where it lies on an image.

    Parameters
    ----------
    means
        Mean grey of each class; the mean of all where a class has no pixel.
    ratio
        Correlation ratio, 0 to 1.
    overlap
        Share of the image that the map covers.
    """

    means: NDArray[np.float64]
    ratio: float
    overlap: float


def class_grey(grey: Floats, classes: NDArray[np.uint8], count: int, placing: Placing) -> ClassGrey:
    """Measure the grey of each class at a place.

    Parameters
    ----------
    grey
        Grey of the image.
    classes
        Class of each map pixel.
    count
        How many classes there are.
    placing
        From pixels of `grey` to those of `classes`.

    Returns
    -------
    ClassGrey
        Of the pixels that both have.
    """
    rows, columns = placing.map_pixels(*(slice(0, side) for side in grey.shape))
    inside = (rows >= 0) & (rows < classes.shape[0])
    inside &= (columns >= 0) & (columns < classes.shape[1])
    values = grey[inside].astype(np.float64)
    if not values.size:
        return ClassGrey(np.zeros(count), 0.0, 0.0)
    numbers = classes[rows[inside], columns[inside]]
    pixels = np.bincount(numbers, minlength=count)
    sums = np.bincount(numbers, values, minlength=count)
    mean = values.mean()
    means = np.where(pixels, sums / np.maximum(pixels, 1), mean)
    between = float((pixels * (means - mean) ** 2).sum())
    total = float(((values - mean) ** 2).sum())
    return ClassGrey(means, between / max(total, 1e-12), values.size / grey.size)


@dataclass(frozen=True)
class BestOffset:
    """The offset at which a map fits best.

    Parameters
    ----------
    row, column
        Where the map's first pixel lies on the image.
    gain
        Logarithm of the likelihood that the classes bring, see `Offsets.search`.
    rival
        The same of the best offset that is far away from it.
    ratio
        Correlation ratio.
    """

    row: int
    column: int
    gain: float
    rival: float
    ratio: float


class Offsets:
    """Correlation ratios of one image at every offset of maps.

    Parameters
    ----------
    grey
        Grey of the image.
    side
        Largest side of a map.
    """

    def __init__(self, grey: Floats, side: int) -> None:
        self.shape = grey.shape
        size = scipy.fft.next_fast_len(max(grey.shape) + side, real=True)
        self._size = (size, size)
        centred = (grey - grey.mean()) / max(float(grey.std()), 1e-6)
        self._of = [self._transform(one) for one in (np.ones_like(grey), centred, centred**2)]

    def _transform(self, image: Floats) -> NDArray[np.complex64]:
        return np.asarray(scipy.fft.rfft2(image, self._size))

    def search(self, shares: list[Floats]) -> BestOffset:
        """Find the best offset of a map.

        The gain is ``-n / 2 log(1 - ratio)`` with n pixels in common: with the ratio alone, a small
        overlap that fits by chance would win.

        Parameters
        ----------
        shares
            Share of each class in each pixel, on the scale of the image; all 0 outside the map.
        """
        count, total, between = (np.zeros(self._size, np.float32) for _ in range(3))
        whole = np.zeros_like(shares[0])
        for share in shares:
            conjugate = np.conj(self._transform(share))
            pixels, sums = (scipy.fft.irfft2(one * conjugate, self._size) for one in self._of[:2])
            between = between + np.where(pixels > 0.5, sums**2 / np.maximum(pixels, 0.5), 0)
            count, total = count + pixels, total + sums
            whole = whole + share
        squares = scipy.fft.irfft2(self._of[2] * np.conj(self._transform(whole)), self._size)
        area = float(whole.sum())
        least = LEAST_OVERLAP * min(area, self.shape[0] * self.shape[1])
        pixels = np.maximum(count, 1)
        variance = np.maximum(squares - total**2 / pixels, 1e-6)
        ratio = np.clip((between - total**2 / pixels) / variance, 0, 0.9999)
        gain = np.where(count >= least, -0.5 * pixels * np.log1p(-ratio), 0)
        row, column = (int(at) for at in np.unravel_index(int(gain.argmax()), gain.shape))
        best, share_of_variance = float(gain[row, column]), float(ratio[row, column])
        reach = max(4, min(self.shape) // 16)
        near_rows = (np.arange(gain.shape[0]) - row + reach) % gain.shape[0] <= 2 * reach
        near_columns = (np.arange(gain.shape[1]) - column + reach) % gain.shape[1] <= 2 * reach
        gain[np.ix_(near_rows, near_columns)] = 0
        row, column = (
            at - size if at >= length else at
            for at, size, length in zip((row, column), self._size, self.shape, strict=True)
        )
        return BestOffset(row, column, best, float(gain.max()), share_of_variance)
