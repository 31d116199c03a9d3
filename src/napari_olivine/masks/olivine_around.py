"""What BSE and X-rays say of each pixel, against the olivine around it.

For a pixel with the counts ``Si`` and ``M = Mg + Fe``, beside olivine with ``Si0`` and ``M0``, the
silica excess ``x = Si / Si0 - M / M0`` is 0 in olivine and in an open crack whatever its depth,
0.27 in serpentine whatever its water, 0.8 in orthopyroxene, more in feldspar and glass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.applying import Values
from napari_olivine.masks.local_means import CELL_PX, in_cells

SIGNALS = ("BSE", "Si", "Mg", "Fe")
"""Maps in counts, and the image, that tell alteration from olivine."""

LIME = ("Ca", "Al")
"""Maps of what olivine and serpentine lack, but plagioclase, augite and glass have."""

EXCESS = 0.27
"""Silica excess of serpentine: of Mg2.8Fe0.2Si2O5(OH)4 beside olivine of mg# 0.8 to 0.9."""

WINDOW_PX, FIT_PX = 8.0, 3.0
"""Standard deviations of the windows of the local olivine, and of the fit, at a scale of 1."""

FEWEST_OLIVINE = 1e-3
"""Weight of olivine in the window from which its mean is used."""

FARTHEST_PX = 4
"""Shift between BSE and X-ray maps up to which it is looked for."""

TINY = np.float32(1e-6)

_SQUARE = np.ones((3, 3), np.uint8)

Pixel = TypeVar("Pixel", np.float32, np.uint8)


class Look(NamedTuple):
    """What BSE and X-rays say of the pixels of a patch, arrays of one shape.

    Parameters
    ----------
    deficit
        Grey that a pixel has less than the olivine around it.
    dark
        Whether that is much.
    spread
        The dark pixels, blurred as the X-rays are.
    excess
        Silica excess.
    weight
        One over the variance of the excess of olivine.
    known
        Whether there is olivine around.
    lime
        Counts of Ca and Al that a pixel has more than the olivine around it, in units of its Si;
        `None` where these maps were not looked at.
    """

    deficit: NDArray[np.float32]
    dark: NDArray[np.bool_]
    spread: NDArray[np.float32]
    excess: NDArray[np.float32]
    weight: NDArray[np.float32]
    known: NDArray[np.bool_]
    lime: NDArray[np.float32] | None = None

    def likeness(self, scale: float) -> NDArray[np.float32]:
        """Return the likeness to serpentine around each pixel."""
        weighted = self.spread * self.weight
        above = smooth(weighted * self.excess, scale * FIT_PX)
        below = smooth(weighted * self.spread, scale * FIT_PX)
        return np.asarray(above / (np.float32(EXCESS) * np.maximum(below, TINY)), np.float32)


def look_at(
    values: Values,
    olivine: NDArray[np.bool_],
    blur_px: float,
    contrast: float,
    shift: tuple[int, int],
    scale: float,
) -> Look:
    """Compare every pixel of a patch with the olivine around it.

    Parameters
    ----------
    values
        BSE, Si, Mg and Fe; and the maps of `LIME` or none of them.
    olivine
        Olivine pixels by the counts.
    blur_px
        Blur of the X-rays.
    contrast
        Dark pixels are darker than the olivine around them by half of this, grey.
    shift
        Rows and columns by which the X-ray maps lie below and right of BSE.
    scale
        Scale of the windows.

    Returns
    -------
    Look
        Arrays of the shape of the patch.
    """
    step, window = contrast / 2, WINDOW_PX * scale
    grey = values["BSE"]
    silica, magnesium, iron = (moved(values[signal], shift) for signal in SIGNALS[1:])
    core = cv2.erode(moved(olivine.view(np.uint8), shift), _SQUARE).astype(np.float32)
    (level,), _ = _beside(core, [grey], window)
    # Veins darken the mean of the olivine: once more without them.
    core[level - grey > step] = 0
    metals = magnesium + iron
    limes = [moved(values[signal], shift) for signal in LIME if signal in values]
    (level, silicon, others, *low), known = _beside(core, [grey, silica, metals, *limes], window)
    deficit = level - grey
    dark = (deficit > step) & known
    spread = dark.astype(np.float32)
    if blur_px > 0:
        spread = smooth(spread, blur_px)
    np.maximum(silicon, 1, out=silicon)
    np.maximum(others, 1, out=others)
    excess = silica / silicon - metals / others
    # The variance of the excess of olivine, by Poisson's law.
    weight = np.asarray(silicon * others / (silicon + others), np.float32)
    lime = None
    if limes:
        lime = sum((one - base for one, base in zip(limes, low, strict=True)), TINY) / silicon
    return Look(deficit, dark, spread, excess, weight, known, lime)


def _beside(
    weight: NDArray[np.float32], images: Sequence[NDArray[np.float32]], window_px: float
) -> tuple[list[NDArray[np.float32]], NDArray[np.bool_]]:
    """Return local means of some images at every pixel, and where they are known."""

    def in_window(image: NDArray[np.float32]) -> NDArray[np.float32]:
        return smooth(in_cells(image), window_px / CELL_PX)

    amount = in_window(weight)
    height, width = weight.shape
    size = (CELL_PX * amount.shape[1], CELL_PX * amount.shape[0])

    def at_pixels(cells: NDArray[Any]) -> NDArray[np.float32]:
        fine = cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(fine[:height, :width], np.float32)

    over = np.maximum(amount, TINY)
    means = [at_pixels(in_window(image * weight) / over) for image in images]
    return means, at_pixels(amount) > FEWEST_OLIVINE


def smooth(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Smooth an image by a Gaussian.

    Parameters
    ----------
    image
        Shape (rows, columns).
    sigma
        Standard deviation, px.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    even = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(even, np.float32)


def moved(image: NDArray[Pixel], shift: tuple[int, int]) -> NDArray[Pixel]:
    """Return an image whose pixels are those that lie by a shift below and right.

    Parameters
    ----------
    image
        Shape (rows, columns).
    shift
        Rows and columns, px.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    if shift == (0, 0):
        return image
    height, width = image.shape
    pad = FARTHEST_PX
    wide = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    down, right = pad + shift[0], pad + shift[1]
    return np.ascontiguousarray(wide[down : down + height, right : right + width])
