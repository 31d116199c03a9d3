"""Altered olivine by the counts alone, where BSE does not tell its veins from open cracks.

Where open cracks have many times the area of thin veins, or the veins are hardly darker than
olivine, what is dark in BSE says little. The silica excess (see `olivine_around`), smoothed,
still shows veins of 3 to 4 um and more; thinner ones are lost in the blur of the X-rays. Outlines
towards other minerals have the same excess in a band of some pixels, and are left out. Fe-rich
rims of olivine have some excess too, but are brighter in BSE and not darker.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.olivine_around import EXCESS, TINY, Look, smooth

SIGMA_PX, SURE_SIGMA_PX = 1.0, 1.5
"""Smoothing of the excess where outlines of veins are put, and where it must be sure."""

HALF = EXCESS / 2
"""Excess from which half of a pixel is serpentine. With both smoothings it is no chance: at 100
counts of Mg + Fe and 70 of Si those of olivine have a standard deviation of 0.045 and 0.03."""

OTHER = 0.5
"""Smoothed excess from which it is another mineral, between serpentine and orthopyroxene."""

LIMY = 0.15
"""Smoothed `Look.lime` from which it is a mineral with Ca or Al, or mixed with one: also a film of
it that is too thin to have the excess of another mineral. Serpentine has 0.03."""

LESS = -0.25
"""Smoothed excess below which it is an oxide."""

BESIDE_PX = 3
"""Pixels around another mineral whose counts are mixed with it."""

NEAR_PX, FEWEST_SURE = 7, 8
"""A pixel belongs to a vein if there are so many sure pixels within so many rows and columns."""

WIDEST_PX = 15
"""A vein is that narrow: pixels of wider holes in the olivine are no altered olivine."""

FEWEST_CRESTS, PEAK, AROUND, ABOVE = 50, 1.5, (0.2, 0.34), (0.34, 0.48)
"""Veins are there if the crests of the excess, pixels with the most of it among their neighbours,
are so many with an excess `AROUND` serpentine's, and so many times more than `ABOVE` it: thin films
of orthopyroxene have crests of any height up to 0.8. Basalts, tephras and andesites of the seeds 1
to 3 have up to 5."""


def shows_veins(
    looks: Sequence[tuple[Look, NDArray[np.bool_]]], noise: float, scale: float
) -> bool:
    """Tell whether the counts of a sample of a section show altered olivine.

    Parameters
    ----------
    looks
        What was seen in some blocks, and the olivine of each.
    noise
        Standard deviation of the noise of BSE, grey.
    scale
        Scale of the smoothing, see `napari_olivine.masks.alteration.scale_of`.

    Returns
    -------
    bool
        Whether they do.
    """
    around = above = 0
    for look, olivine in looks:
        excess = _smooth_excess(look, SURE_SIGMA_PX * scale)
        crest = (excess >= cv2.dilate(excess, _SQUARE)) & _is_darker(look, noise)
        crest &= cv2.dilate(olivine.view(np.uint8), _LARGE_SQUARE) > 0
        heights = excess[crest]
        around += int(np.count_nonzero((heights > AROUND[0]) & (heights < AROUND[1])))
        above += int(np.count_nonzero((heights > ABOVE[0]) & (heights < ABOVE[1])))
    return around >= max(FEWEST_CRESTS, PEAK * above)


def veins_by_counts(
    look: Look, olivine: NDArray[np.bool_], noise: float, scale: float
) -> NDArray[np.bool_]:
    """Return the pixels of veins in and beside olivine.

    Parameters
    ----------
    look
        What was seen in a patch.
    olivine
        Olivine pixels by the counts, same shape.
    noise
        Standard deviation of the noise of BSE, grey.
    scale
        Scale of the smoothing, see `napari_olivine.masks.alteration.scale_of`.

    Returns
    -------
    bool array
        Of the same shape.
    """
    sure_excess = _smooth_excess(look, SURE_SIGMA_PX * scale)
    strange = (sure_excess > OTHER) | (sure_excess < LESS)
    if look.lime is not None:
        strange |= smooth(look.lime, SIGMA_PX * scale) > LIMY
    other = cv2.morphologyEx(strange.view(np.uint8), cv2.MORPH_OPEN, _CROSS)
    other = cv2.dilate(other, _disc(2 * round(BESIDE_PX * scale) + 1))
    holes_closed = cv2.morphologyEx(
        olivine.view(np.uint8), cv2.MORPH_CLOSE, _disc(round(WIDEST_PX * scale) | 1)
    )
    vein = _smooth_excess(look, SIGMA_PX * scale) > HALF
    vein &= (other == 0) & (holes_closed > 0) & _is_darker(look, noise)
    sure = (vein & (sure_excess > HALF)).astype(np.float32)
    side = 2 * round(NEAR_PX * scale) + 1
    around = cv2.boxFilter(sure, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(vein & (around > FEWEST_SURE * scale**2 - 0.5))


def _smooth_excess(look: Look, sigma_px: float) -> NDArray[np.float32]:
    amount = np.maximum(smooth(look.weight, sigma_px), TINY)
    return np.asarray(smooth(look.excess * look.weight, sigma_px) / amount, np.float32)


def _is_darker(look: Look, noise: float) -> NDArray[np.bool_]:
    """Tell where BSE is darker than the olivine around, more than chance."""
    return np.asarray((smooth(look.deficit, SIGMA_PX) > noise) & look.known)


def _disc(side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


_SQUARE, _LARGE_SQUARE = np.ones((3, 3), np.uint8), np.ones((5, 5), np.uint8)
_CROSS = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.uint8)
