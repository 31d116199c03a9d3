"""How much of a pixel along an outline is the phase: linear unmixing of its counts.

X-rays come from a volume wider than a pixel, so the counts along an outline lie between those of
the two sides, and a limit leaves the outline where the limit happens to lie between them. A rule
with strict limits gives a mask that is 1 to 2 um too small all around: a third of the area of a
crystal of 100 um2. The outline belongs where half of the signal comes from the phase.

The share of the phase in a pixel is the place of its counts ``c`` on the line from what lies
outside to what lies inside, ``share = sum w (c - b) (a - b) / sum w (a - b)^2``, with ``a`` and
``b`` the local mean counts of the two sides and ``w`` the reciprocal of their variance. The blur
of a small convex body lowers all shares at its outline; the counts are therefore sharpened by
``c - s^2/2 laplace(c)``, the first term of the inverse of a Gaussian blur of variance ``s^2``.

References
----------
Linear unmixing of mixed pixels: Keshava & Mustard (2002), doi 10.1109/79.974727.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from napari_olivine.masks.applying import Maps, in_floats
from napari_olivine.masks.films import Mineral, unmix_films
from napari_olivine.masks.local_means import (
    FEWEST,
    SideMeans,
    Spots,
    near_patches,
    side_means,
)
from napari_olivine.masks.patches import Patch, each, go_on, patches
from napari_olivine.section import Block

REACH_PX = 4
"""Distance from the seeds to which an outline is looked for."""

OPENING_PX = 2
"""Distance from which the opening of the seeds depends on them."""

OUTSIDE_PX = 3
"""Distance from the seeds from which pixels hold nothing of the phase."""

BORDER_WEIGHT = 0.05
"""Weight of a seed at the rim of the seeds, which may be mixed, in the mean of the inside."""

BLUR_SHARE = 0.5
"""Part of the variance of the X-ray blur that is taken back. All of it overshoots where counts
are few or pixels fine; chosen on phantoms of seeds 101 to 105."""

SMOOTHING_PX, SMOOTHING_OF_BLUR = 0.7, 0.55
"""Least standard deviation of the smoothing of the counts, and the one per X-ray blur."""

THIRD = 30.0
"""Misfit, chi square of the counts beside the line between the two sides, from which a pixel
that the rule does not take holds a third material. Chosen on phantoms of seeds 101 to 201."""

FILM = 1e-3
"""Weight of the outside in the windows below which a pixel lies in a film: the nearer window, which
tells what lies outside, then holds next to none of it."""

MIDDLE = 0.15
"""Pixels in the middle of an outline have a share within this of one half."""

DIFFERENCE_VARIANCE = 1 / 3
"""Variance that a central difference over two pixels adds to the width of a step, px^2."""


class Claim(NamedTuple):
    """The pixels that a phase claims.

    Parameters
    ----------
    mask
        Pixels of which the phase fills one half or more, bool, shape (rows, columns).
    certainty
        Probability that a pixel is rightly in or out of the mask, per cent, uint8, same shape: 50
        where the share is one half, 100 away from outlines. It holds the noise of the counts alone.
    """

    mask: NDArray[np.bool_]
    certainty: NDArray[np.uint8]


class Shares(NamedTuple):
    """Shares of a phase in the pixels of a patch that lie along its outlines.

    Parameters
    ----------
    places
        Places of the pixels in the flat patch.
    share
        Share of the phase; NaN where one side has no pixel near.
    error
        Its standard error, by the noise of the counts.
    misfit
        Chi square of what no mixture of the two sides explains.
    """

    places: NDArray[np.intp]
    share: NDArray[np.float32]
    error: NDArray[np.float32]
    misfit: NDArray[np.float32]

    def where(self, which: NDArray[np.bool_]) -> Shares:
        """Keep some of the pixels."""
        if which.all():
            return self
        return Shares(self.places[which], self.share[which], self.error[which], self.misfit[which])


class Kernel:
    """What is done with the counts of a pixel and its neighbours before they are unmixed.

    Parameters
    ----------
    weights
        Weight of each neighbour, float, square.
    """

    def __init__(self, weights: NDArray[np.float64]) -> None:
        self.weights = np.asarray(weights, np.float32)
        self.reach_px = weights.shape[0] // 2
        # The variance of a weighted sum of pixels is that of one times the sum of squared weights.
        self.variance = np.float32((self.weights**2).sum())

    @classmethod
    def sharpening(cls, blur_px: float) -> Kernel:
        """Smooth counts and take the smoothing and part of the X-ray blur back."""
        sigma = max(SMOOTHING_PX, SMOOTHING_OF_BLUR * blur_px)
        smooth, square = _gaussian(sigma)
        curvature = smooth * (square - 2) / sigma**2
        curvature -= curvature.mean()
        taken_back = sigma**2 + BLUR_SHARE * blur_px**2
        return cls(smooth - taken_back / 2 * curvature)

    @classmethod
    def smoothing(cls) -> Kernel:
        """Smooth counts."""
        return cls(_gaussian(SMOOTHING_PX)[0])

    def of(self, maps: Maps, signal: str, patch: Patch) -> NDArray[np.float32]:
        """Apply it to a map.

        Parameters
        ----------
        maps
            Maps of a block.
        signal
            Which of them.
        patch
            Where; it has a halo of `reach_px`.
        """
        values = in_floats(maps, [signal], patch.wide)[signal]
        even = cv2.filter2D(values, cv2.CV_32F, self.weights, borderType=cv2.BORDER_REFLECT_101)
        return np.ascontiguousarray(even[patch.inner], np.float32)


@dataclass(frozen=True)
class Rim:
    """The outlines of a phase in a block: where its seeds end, and what lies on both sides.

    Parameters
    ----------
    body
        Seeds without those that are narrower than the smallest cross, uint8, 0 or 1.
    along
        Pixels on both sides of the rim of the seeds, uint8, 0 or 1.
    near
        For each patch, rows by columns of patches, whether `along` holds anything in it.
    sides
        Local means inside and outside; `None` without any rim.
    noise_floor
        What is added to the mean of a map for the variance of a pixel.
    minerals
        Minerals of which films between two pieces of the phase may be.
    """

    body: NDArray[np.uint8]
    along: NDArray[np.uint8]
    near: NDArray[np.bool_]
    sides: tuple[SideMeans, SideMeans] | None
    noise_floor: float
    minerals: Sequence[Mineral] = ()

    @classmethod
    def of(
        cls,
        maps: Maps,
        seeds: NDArray[np.bool_],
        measured: NDArray[np.bool_] | None,
        noise_floor: float,
        check: Callable[[], None] = go_on,
        minerals: Sequence[Mineral] = (),
    ) -> Rim:
        """Find it.

        Parameters
        ----------
        maps, seeds, measured, noise_floor
            As for `half_pixel_claim`.
        check
            Called again and again; what it raises stops the work.
        minerals
            See `Rim`.
        """
        body, core, outside, along = np.zeros((4, *seeds.shape), np.uint8)

        def find(patch: Patch) -> None:
            here = _opened(seeds[patch.wide])
            if not here.any():
                outside[patch.place] = 1
                return
            wide = _dilated(here, OUTSIDE_PX)
            # The next step of the same octagon.
            rim = _dilated(wide, REACH_PX - OUTSIDE_PX, OUTSIDE_PX) & _dilated(1 - here, REACH_PX)
            body[patch.place] = here[patch.inner]
            core[patch.place] = cv2.erode(here, _SQUARE)[patch.inner]
            outside[patch.place] = 1 - wide[patch.inner]
            along[patch.place] = rim[patch.inner]

        each(find, patches(seeds.shape, OPENING_PX + REACH_PX), check)
        near = near_patches(along)
        if not near.any():
            return cls(body, along, near, None, noise_floor, minerals)

        def weights(place: Block) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            inside = cv2.addWeighted(
                body[place], BORDER_WEIGHT, core[place], 1 - BORDER_WEIGHT, 0, dtype=cv2.CV_32F
            )
            beyond = outside[place].astype(np.float32)
            if measured is not None:
                inside *= measured[place]
                beyond *= measured[place]
            return inside, beyond

        sides = side_means(maps, weights, near, check)
        return cls(body, along, near, sides, noise_floor, minerals)

    def shares(
        self, kernel: Kernel, counts: Callable[[str], NDArray[np.float32]], place: Block
    ) -> Shares:
        """Unmix the pixels of a patch along the outlines.

        Parameters
        ----------
        kernel
            What was done with the counts.
        counts
            Gives the counts of a map in the patch.
        place
            The patch.
        """
        places = np.flatnonzero(self.along[place].view(bool))
        if self.sides is None or not len(places):
            nothing = np.zeros(0, np.float32)
            return Shares(places, nothing, nothing, nothing)
        inside, outside = self.sides
        spots = Spots(place, places)
        above, below, square = np.zeros((3, len(places)), np.float32)
        for signal in inside.of:
            a, b = spots.of(inside.of[signal]), spots.of(outside.of[signal])
            weight = 1 / (np.maximum(a + b, 0) / 2 + np.float32(self.noise_floor))
            off = counts(signal).ravel()[places] - b
            a -= b
            above += weight * off * a
            below += weight * a * a
            square += weight * off * off
        np.maximum(below, _TINY, out=below)
        share = above / below
        for side in self.sides:
            if not spots.all_known(side):
                share[spots.of(side.amount) < FEWEST] = np.nan
        misfit = np.asarray((square - share * above) / kernel.variance, np.float32)
        error = np.asarray(np.sqrt(kernel.variance / below), np.float32)
        found = Shares(places, share, error, misfit)
        self._look_at_films(found, kernel, counts, spots)
        return found

    def _look_at_films(
        self,
        found: Shares,
        kernel: Kernel,
        counts: Callable[[str], NDArray[np.float32]],
        spots: Spots,
    ) -> None:
        """Unmix anew, in place, what lies in films: where nothing outside is near."""
        if self.sides is None or not self.minerals:
            return
        inside, outside = self.sides
        if outside.amount.min() >= FILM:
            return
        alone = (spots.of(outside.amount) < FILM) & (spots.of(inside.amount) >= FEWEST)
        if not alone.any():
            return
        films = unmix_films(
            {signal: spots.of(mean)[alone] for signal, mean in inside.of.items()},
            {signal: counts(signal).ravel()[found.places[alone]] for signal in inside.of},
            self.minerals,
            kernel.variance,
            self.noise_floor,
        )
        which = np.flatnonzero(alone)[films.is_film]
        found.share[which] = films.share[films.is_film]
        found.error[which] = films.error[films.is_film]
        found.misfit[which] = films.misfit[films.is_film]


def claim_in_patch(
    rim: Rim, kernel: Kernel, counts: Callable[[str], NDArray[np.float32]], place: Block
) -> Claim:
    """Return the pixels of a patch of which the phase fills one half or more.

    Parameters
    ----------
    rim
        Outlines of the phase.
    kernel
        What was done with the counts.
    counts
        Gives the counts of a map in the patch.
    place
        The patch.

    Returns
    -------
    Claim
        Of the patch.
    """
    mask = rim.body[place] > 0
    certainty = np.full(mask.shape, 100, np.uint8)
    found = rim.shares(kernel, counts, place)
    # Without any pixel of one side the seeds are all that is known.
    found = found.where(np.isfinite(found.share))
    places, share, error, misfit = found
    own = mask.ravel()[places] | (misfit < THIRD)
    mask.ravel()[places] = (share >= 0.5) & own
    certainty.ravel()[places] = np.rint(100 * ndtr(np.abs(share - 0.5) / error))
    return Claim(mask, certainty)


def half_pixel_claim(
    maps: Maps,
    seeds: NDArray[np.bool_],
    blur_px: float,
    *,
    measured: NDArray[np.bool_] | None = None,
    noise_floor: float = 1.0,
) -> Claim:
    """Return the pixels of which the phase fills one half or more.

    Parameters
    ----------
    maps
        X-ray maps, arrays of one shape, (rows, columns). The first row and column lie on a
        multiple of `CELL_PX` of the section, so that blocks give the same as one piece.
    seeds
        Pixels that are the phase by its rule, same shape.
    blur_px
        Standard deviation of the blur of the X-rays, px.
    measured
        Pixels in which X-rays were measured, same shape; `None` for all.
    noise_floor
        What is added to the mean of a map for the variance of a pixel: 1 for counts.

    Returns
    -------
    Claim
        Further than `REACH_PX` from the rim of the seeds the mask is the seeds.
    """
    rim = Rim.of(maps, seeds, measured, noise_floor)
    kernel = Kernel.sharpening(blur_px)
    claim = Claim(np.empty(seeds.shape, bool), np.empty(seeds.shape, np.uint8))

    def settle(patch: Patch) -> None:
        part = claim_in_patch(
            rim, kernel, lambda signal: kernel.of(maps, signal, patch), patch.place
        )
        claim.mask[patch.place], claim.certainty[patch.place] = part

    each(settle, patches(seeds.shape, kernel.reach_px))
    return claim


def blur_of_outlines(
    maps: Maps,
    seeds: NDArray[np.bool_],
    *,
    measured: NDArray[np.bool_] | None = None,
    noise_floor: float = 1.0,
) -> NDArray[np.float32]:
    """Measure the blur of the X-rays by how steeply the share rises across outlines.

    Across a straight outline the share is a cumulative normal distribution, whose slope in the
    middle is ``1 / (sqrt(2 pi) s)``.

    Parameters
    ----------
    maps, seeds, measured, noise_floor
        As for `half_pixel_claim`.

    Returns
    -------
    ndarray
        Standard deviation of the blur, px, at each pixel in the middle of an outline; 0 where the
        outline is as steep as the smoothing alone makes it.
    """
    rim = Rim.of(maps, seeds, measured, noise_floor)
    kernel = Kernel.smoothing()
    share = np.full(seeds.shape, np.nan, np.float32)

    def unmix(patch: Patch) -> None:
        found = rim.shares(kernel, lambda signal: kernel.of(maps, signal, patch), patch.place)
        part = share[patch.place]
        part[np.unravel_index(found.places, part.shape)] = found.share

    each(unmix, patches(seeds.shape, kernel.reach_px))
    down, across = np.gradient(share)
    slope = np.hypot(down, across)[np.abs(share - 0.5) < MIDDLE]
    slope = slope[np.isfinite(slope) & (slope > 0)]
    variance = 1 / (2 * np.pi * slope**2) - SMOOTHING_PX**2 - DIFFERENCE_VARIANCE
    return np.asarray(np.sqrt(np.maximum(variance, 0)), np.float32)


def _gaussian(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a Gaussian kernel of sum 1, and the square of the distance in units of sigma."""
    reach = int(np.ceil(4 * sigma))
    x = np.arange(-reach, reach + 1)
    square = (x[:, np.newaxis] ** 2 + x**2) / sigma**2
    smooth = np.exp(-square / 2)
    return smooth / smooth.sum(), square


_TINY = np.float32(1e-12)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


def _opened(seeds: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Leave out seeds that are narrower than the smallest cross: chance, not crystals."""
    return np.asarray(cv2.morphologyEx(seeds.view(np.uint8), cv2.MORPH_OPEN, _CROSS), np.uint8)


def _dilated(image: NDArray[np.uint8], reach: int, done: int = 0) -> NDArray[np.uint8]:
    """Widen an image by an octagon, in pixels; `done` of them were before."""
    for step in range(done, done + reach):
        image = np.asarray(cv2.dilate(image, (_CROSS, _SQUARE)[step % 2]), np.uint8)
    return image
