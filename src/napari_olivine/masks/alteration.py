"""Altered olivine: dark veins in BSE whose counts lie on the side of serpentine; and open cracks.

Veins of serpentine are 1 to 5 um wide, and mixed with their walls in X-ray maps: no limit of a
ratio finds them. In BSE they are sharp and dark, as cracks are. What tells the two is what the
X-rays hold where BSE is dark. For a pixel with the counts ``Si`` and ``M = Mg + Fe``, beside
olivine with ``Si0`` and ``M0``, the silica excess ``x = Si / Si0 - M / M0`` is 0 in olivine and in
an open crack whatever its depth, 0.27 in serpentine whatever its water, 0.8 in orthopyroxene, more
in feldspar and glass. The dark pixels, blurred as X-rays are, give the excess ``e F`` that is
expected if all of them are serpentine (e = 0.27); the best fit of ``x = a e F`` around a pixel
gives ``a``, its likeness to serpentine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.applying import Maps, Values, in_floats
from napari_olivine.masks.local_means import CELL_PX
from napari_olivine.masks.olivine_around import (
    FARTHEST_PX,
    FIT_PX,
    LIME,
    SIGNALS,
    WINDOW_PX,
    Look,
    look_at,
)
from napari_olivine.masks.patches import Patch, each, go_on, patches
from napari_olivine.masks.veins_by_counts import shows_veins, veins_by_counts

LEAST, MOST = 0.5, 2.2
"""Likeness from which a dark pixel is altered, the middle between a crack and serpentine; and up to
which, since orthopyroxene has 3."""

MOST_SCALE = 2.0
"""Windows grow with the pixels that a um has, up to this scale: wider ones would take as much."""

SURELY_DARK = 4.0
"""Standard deviations of the noise of BSE by which a pixel is darker than the olivine around it."""

WIDE = 0.85
"""Share of dark pixels in the blur around a pixel from which it is the middle of a wide vein."""

NEAR = 0.25
FEWEST_PX, PEAK, BESIDE_PEAK = 200, 1.5, (0.5, 1.75)
"""Alteration is there if so many pixels in the middle of veins have a likeness within `NEAR` of 1,
and so many times more of them than within `NEAR` of these places on both sides: cracks, and
mixtures with other minerals, make no peak at 1."""

ALIKE = 0.99
"""Shifts fit equally well from this share of the best fit."""

TOPHAT_PX = 7
"""Cracks are narrower than this."""

CRACK_SIGMAS, CRACK_SHARE = 8.0, 0.2
"""A crack is darker than its walls by so many standard deviations of the noise and by this share of
the grey of the walls, which no zoning reaches over a few pixels."""

_SIDE = 512
_BLUR_REACH_PX = 12
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Alteration:
    """What the altered olivine of a section looks like.

    Parameters
    ----------
    contrast
        Grey by which it is darker than the olivine beside it.
    shift_px
        Rows and columns by which the X-ray maps lie below and right of BSE.
    scale
        Scale of the windows, see `scale_of`.
    by_counts
        Whether the counts alone tell it, as BSE does not tell it from cracks; the contrast is then
        one by which a pixel is surely darker.
    """

    contrast: float
    shift_px: tuple[int, int]
    scale: float = 1.0
    by_counts: bool = False

    @property
    def noise(self) -> float:
        """Noise of BSE where the counts alone tell it, grey."""
        return self.contrast / (2 * SURELY_DARK)

    @property
    def halo_px(self) -> int:
        """Pixels around a block on which this depends, a multiple of `CELL_PX`."""
        # Olivine is looked for twice, and each window begins and ends with whole cells.
        windows = 2 * (ceil(4 * WINDOW_PX * self.scale) + 2 * CELL_PX)
        fit = ceil(4 * FIT_PX * self.scale) + _BLUR_REACH_PX
        return CELL_PX * ceil((windows + fit) / CELL_PX)


class Sampled(NamedTuple):
    """A block of a section and its olivine.

    Parameters
    ----------
    maps
        The maps of `SIGNALS`.
    olivine
        Olivine pixels by the counts, same shape.
    """

    maps: Maps
    olivine: NDArray[np.bool_]


def scale_of(pixel_um: float) -> float:
    """Return the scale of the windows: veins have their width in um.

    Parameters
    ----------
    pixel_um
        Side of a pixel, um.

    Returns
    -------
    float
        1 for pixels of 1 um and more, up to `MOST_SCALE` for finer ones.
    """
    return float(np.clip(1 / pixel_um, 1.0, MOST_SCALE))


def noise_of_grey(sampled: Sequence[Sampled]) -> float:
    """Return the noise of BSE within olivine.

    Parameters
    ----------
    sampled
        Some blocks of the section.

    Returns
    -------
    float
        Standard deviation, grey, by neighbouring pixels; 0 without olivine.
    """
    found = []
    for maps, olivine in sampled:
        core = cv2.erode(olivine.view(np.uint8), _SQUARE) > 0
        steps = np.diff(maps["BSE"].astype(np.float32), axis=1)[core[:, 1:] & core[:, :-1]]
        found.append(steps)
    every = np.concatenate(found) if found else np.zeros(0, np.float32)
    if not len(every):
        return 0.0
    # Outlines and cracks are few: the median knows nothing of them.
    return float(1.4826 * np.median(np.abs(every - np.median(every))) / np.sqrt(2))


def find_alteration(
    sampled: Sequence[Sampled],
    blur_px: float,
    scale: float = 1.0,
    check: Callable[[], None] = go_on,
) -> Alteration | None:
    """Look for altered olivine in a sample of a section.

    Parameters
    ----------
    sampled
        Some blocks of the section.
    blur_px
        Standard deviation of the blur of the X-rays, px.
    scale
        Scale of the windows.
    check
        Called again and again; what it raises stops the work.

    Returns
    -------
    Alteration or None
        What it looks like; `None` where there is too little of it to know.
    """
    step = max(1.0, SURELY_DARK * noise_of_grey(sampled))
    like = Alteration(2 * step, (0, 0), scale)
    looks = _looks(sampled, blur_px, like, check)
    if found := _by_bse(sampled, looks, blur_px, like, check):
        return found
    return replace(like, by_counts=True) if shows_veins(looks, like.noise, scale) else None


def _by_bse(
    sampled: Sequence[Sampled],
    looks: list[tuple[Look, NDArray[np.bool_]]],
    blur_px: float,
    like: Alteration,
    check: Callable[[], None],
) -> Alteration | None:
    """Look for altered olivine by what the X-rays hold where BSE is dark."""
    if sum(np.count_nonzero(_in_the_middle(*one)) for one in looks) < FEWEST_PX:
        return None
    if (shift := _shift(looks)) != (0, 0):
        looks = _looks(sampled, blur_px, replace(like, shift_px=shift), check)
    deficits = []
    beside = np.zeros(len(BESIDE_PEAK))
    for look, olivine in looks:
        middle = _in_the_middle(look, olivine)
        likeness = look.likeness(like.scale)[middle]
        deficits.append(look.deficit[middle][np.abs(likeness - 1) < NEAR])
        beside += [np.count_nonzero(np.abs(likeness - place) < NEAR) for place in BESIDE_PEAK]
    every = np.concatenate(deficits)
    if len(every) < max(FEWEST_PX, PEAK * beside.max()):
        return None
    return Alteration(float(np.median(every)), shift, like.scale)


def altered_pixels(
    maps: Maps,
    olivine: NDArray[np.bool_],
    blur_px: float,
    alteration: Alteration,
    check: Callable[[], None] = go_on,
) -> NDArray[np.bool_]:
    """Return the altered pixels in and beside olivine.

    Parameters
    ----------
    maps
        The maps of `SIGNALS` of a block, and those of `LIME` where there are any; it begins at a
        multiple of `CELL_PX` of the section.
    olivine
        Olivine pixels by the counts, same shape.
    blur_px
        Standard deviation of the blur of the X-rays, px.
    alteration
        What alteration looks like in this section.
    check
        Called again and again; what it raises stops the work.

    Returns
    -------
    bool array
        Of the same shape; right further than its halo from a side at which the block was cut.
    """
    found = np.zeros(olivine.shape, bool)
    limes = LIME if alteration.by_counts and all(one in maps for one in LIME) else ()
    signals = (*SIGNALS, *limes)

    def find(patch: Patch) -> None:
        here = olivine[patch.wide]
        if not here.any():
            return
        values = in_floats(maps, signals, patch.wide)
        look = _look(values, here, blur_px, alteration)
        if alteration.by_counts:
            altered = veins_by_counts(look, here, alteration.noise, alteration.scale)
            found[patch.place] = altered[patch.inner]
            return
        if not look.dark.any():
            return
        likeness = look.likeness(alteration.scale)
        altered = look.dark & (likeness > LEAST) & (likeness < MOST)
        found[patch.place] = altered[patch.inner]

    side = _SIDE * round(alteration.scale)
    each(find, patches(olivine.shape, alteration.halo_px, side, side), check)
    return found


def open_cracks(
    bse: NDArray[np.uint8],
    olivine: NDArray[np.bool_],
    noise: float,
    check: Callable[[], None] = go_on,
) -> NDArray[np.bool_]:
    """Return dark lines and specks of BSE within olivine.

    Parameters
    ----------
    bse
        BSE of a block, grey.
    olivine
        Olivine pixels, same shape.
    noise
        Standard deviation of the noise of BSE, grey.
    check
        Called again and again; what it raises stops the work.

    Returns
    -------
    bool array
        Of the same shape.
    """
    found = np.zeros(olivine.shape, bool)
    square = np.ones((TOPHAT_PX, TOPHAT_PX), np.uint8)

    def find(patch: Patch) -> None:
        here = np.asarray(bse[patch.wide], np.float32)
        walls = cv2.morphologyEx(here, cv2.MORPH_CLOSE, square)
        step = np.maximum(np.float32(CRACK_SIGMAS * noise), np.float32(CRACK_SHARE) * walls)
        found[patch.place] = (walls - here > step)[patch.inner]

    each(find, patches(olivine.shape, TOPHAT_PX), check)
    found &= olivine
    return found


def _looks(
    sampled: Sequence[Sampled],
    blur_px: float,
    alteration: Alteration,
    check: Callable[[], None],
) -> list[tuple[Look, NDArray[np.bool_]]]:
    """Look at some blocks; return what was seen and the olivine of each."""
    found: dict[int, tuple[Look, NDArray[np.bool_]]] = {}

    def look(number: int) -> None:
        maps, olivine = sampled[number]
        values = in_floats(maps, SIGNALS, (slice(None), slice(None)))
        found[number] = _look(values, olivine, blur_px, alteration), olivine

    each(look, range(len(sampled)), check)
    return [found[number] for number in range(len(sampled))]


def _look(
    values: Values, olivine: NDArray[np.bool_], blur_px: float, alteration: Alteration
) -> Look:
    like = alteration.contrast, alteration.shift_px, alteration.scale
    return look_at(values, olivine, blur_px, *like)


def _in_the_middle(look: Look, olivine: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which pixels lie in the middle of something dark and wide within olivine."""
    return np.asarray(look.dark & olivine & (look.spread > WIDE))


def _shift(looks: Sequence[tuple[Look, NDArray[np.bool_]]]) -> tuple[int, int]:
    """Return the shift at which the silica excess lies best on what is dark in BSE."""
    far = FARTHEST_PX
    total = np.zeros((2 * far + 1, 2 * far + 1))
    square = np.ones((2 * far + 1, 2 * far + 1), np.uint8)
    for look, olivine in looks:
        if min(olivine.shape) <= 4 * far:
            continue
        # Minerals beside the olivine have far more silica than any vein; veins leave holes in it.
        filled = cv2.morphologyEx(olivine.view(np.uint8), cv2.MORPH_CLOSE, square)
        here = look.spread * cv2.erode(filled, square)
        inner = np.ascontiguousarray(here[far:-far, far:-far])
        excess = np.clip(look.excess, -1, 1)
        total += cv2.matchTemplate(excess, inner, cv2.TM_CCORR)
    if not total.max() > 0:  # what is dark holds less silica than olivine: no vein tells a shift
        return 0, 0
    # Veins of one direction leave the shift along them open: then the smallest.
    places = np.argwhere(total >= ALIKE * total.max()) - far
    down, right = places[np.argmin((places**2).sum(axis=1))]
    return int(down), int(right)


def in_words(shift_px: tuple[int, int]) -> str:
    """Say where the X-ray maps lie, e.g. ``"2 px below and 1 px left of BSE"``.

    Parameters
    ----------
    shift_px
        Rows and columns.

    Returns
    -------
    str
        The words; empty without a shift.
    """
    sides = (("above", "below"), ("left", "right"))
    said = [
        f"{abs(one)} px {names[one > 0]}" for one, names in zip(shift_px, sides, strict=True) if one
    ]
    return f"{' and '.join(said)} of BSE" if said else ""
