"""Which mineral each pixel is, by several rules, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.alteration import (
    TOPHAT_PX,
    Alteration,
    altered_pixels,
    open_cracks,
)
from napari_olivine.masks.applying import phases_of
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.films import Mineral
from napari_olivine.masks.local_means import CELL_PX, HALO_PX
from napari_olivine.masks.patches import Patch, each, go_on, patches
from napari_olivine.masks.phase_codes import ALTERED, IGNORE, UNKNOWN
from napari_olivine.masks.pieces import area_limits_px, reach_px, without_areas
from napari_olivine.masks.resemblance import REACH_PX, Resemblance
from napari_olivine.masks.rules import ANY_AREA, COUNTS, WEIGHT, Rule
from napari_olivine.masks.sampling import Wide
from napari_olivine.masks.unmixing import Kernel, Rim, claim_in_patch

NOISE_FLOOR = {COUNTS: 1.0, WEIGHT: 0.5}
"""Added to the mean of a map for the variance of a pixel, in units of the map."""


@dataclass(frozen=True)
class Phase:
    """A mineral that is looked for.

    Parameters
    ----------
    code
        Its value in the image of phases, from 1 on.
    name
        Its name.
    colour
        ``#rrggbb``.
    rule
        Its rule.
    """

    code: int
    name: str
    colour: str
    rule: Rule


@dataclass(frozen=True)
class Labels:
    """The labels of a block, arrays of one shape.

    Parameters
    ----------
    phases
        uint8, code of the phase, `ALTERED`, `UNKNOWN` or `IGNORE`.
    certainty
        uint8, how sure the label is by the noise of the counts, per cent; 0 where there is none, or
        BSE or a resemblance gave it.
    """

    phases: NDArray[np.uint8]
    certainty: NDArray[np.uint8]


@dataclass(frozen=True)
class Labeller:
    """Labels blocks of maps by rules.

    Parameters
    ----------
    phases
        The minerals by the order in which they claim pixels.
    coverage
        Where the maps were measured.
    smoothing_px
        See `napari_olivine.masks.applying.phase_of`.
    blur_px
        Blur of the X-rays, by which outlines are put where half of a pixel is the mineral; `None`
        leaves them where the rules put them.
    alteration
        What altered olivine looks like in BSE and X-rays; `None` where none is looked for.
    crack_code
        What becomes of open cracks in the first mineral, `UNKNOWN` or `IGNORE`; `None` leaves
        them to it.
    grey_noise
        Standard deviation of the noise of BSE, grey.
    pixel_um
        Side of a pixel, um, for areas of pieces.
    resemblance
        What the minerals look like, for pixels that no rule takes; `None` leaves them.
    minerals
        Minerals of which films between pieces of the first mineral may be.
    """

    phases: Sequence[Phase]
    coverage: Coverage
    smoothing_px: float
    blur_px: float | None
    alteration: Alteration | None = None
    crack_code: int | None = None
    grey_noise: float = 0.0
    pixel_um: float = 1.0
    resemblance: Resemblance | None = None
    minerals: tuple[Mineral, ...] = ()

    @property
    def halo_px(self) -> int:
        """Pixels around a block that its labels depend on."""
        halo = ceil(4 * self.smoothing_px)
        if self.blur_px is not None:
            halo = CELL_PX * ceil(halo / CELL_PX) + HALO_PX
        if self.alteration is not None:
            halo += self.alteration.halo_px
        if self.resemblance is not None:
            halo = max(halo, REACH_PX)
        halo += max(reach_px(area_limits_px(one.rule, self.pixel_um)) for one in self.phases)
        return halo if self.crack_code is None else halo + TOPHAT_PX

    def label(self, wide: Wide, check: Callable[[], None] = go_on) -> Labels:
        """Label a block and its halo.

        A pixel belongs to the first mineral that claims it. Mixed pixels between two minerals
        often look like a third: those between olivine and plagioclase hold as much Ca and Mg as
        clinopyroxene. Minerals that are not made by mixing others therefore come first.

        Parameters
        ----------
        wide
            The maps.
        check
            Called again and again; what it raises stops the work.
        """
        measured = self.coverage.measured(wide.rows, wide.columns)
        rules = [phase.rule for phase in self.phases]
        seeds = phases_of(rules, wide.values, self.smoothing_px, check)
        rims = [
            self._rim(place, wide, one, None if measured.all() else measured, check)
            for place, one in enumerate(seeds)
        ]
        kernel = Kernel.sharpening(self.blur_px or 0.0)
        labels = Labels(*np.zeros((2, *measured.shape), np.uint8))

        def settle(patch: Patch) -> None:
            phases, certainty = labels.phases[patch.place], labels.certainty[patch.place]
            # Minerals share the maps, and what is done with them.
            counts = cache(lambda signal: kernel.of(wide.values, signal, patch))
            for phase, rim, own in reversed(list(zip(self.phases, rims, seeds, strict=True))):
                if rim is None:
                    mask, sure = own[patch.place], np.full(phases.shape, 100, np.uint8)
                else:
                    mask, sure = claim_in_patch(rim, kernel, counts, patch.place)
                here = mask.view(np.uint8)
                phases[:] = cv2.copyTo(np.full(phases.shape, phase.code, np.uint8), here, phases)
                certainty[:] = cv2.copyTo(sure, here, certainty)
            off = ~measured[patch.place]
            if off.any():
                phases[off] = IGNORE
                certainty[off] = 0

        each(settle, patches(measured.shape, kernel.reach_px), check)
        self._look_at_resemblance(labels, wide, check)
        self._look_at_areas(labels, check)
        self._look_at_bse(labels, wide, check)
        return labels

    def _look_at_resemblance(self, labels: Labels, wide: Wide, check: Callable[[], None]) -> None:
        """Give what no rule takes to the mineral that it resembles."""
        if self.resemblance is not None:
            left = labels.phases == UNKNOWN
            labels.phases[left] = self.resemblance.settle(wide, left, check)

    def _look_at_areas(self, labels: Labels, check: Callable[[], None]) -> None:
        """Leave unknown what a mineral claims in pieces of another area than its rule says."""
        for phase in self.phases:
            if phase.rule.area_um2 != ANY_AREA:
                check()
                claimed = labels.phases == phase.code
                limits = area_limits_px(phase.rule, self.pixel_um)
                gone = claimed & ~without_areas(claimed, limits)
                labels.phases[gone] = UNKNOWN
                labels.certainty[gone] = 0

    def _look_at_bse(self, labels: Labels, wide: Wide, check: Callable[[], None]) -> None:
        """Take what BSE shows out of the first mineral: alteration and cracks."""
        if self.alteration is None and self.crack_code is None:
            return
        olivine = labels.phases == self.phases[0].code
        if self.alteration is not None:
            altered = altered_pixels(
                wide.values, olivine, self.blur_px or 0.0, self.alteration, check
            )
            # Wide veins look like orthopyroxene to a limit of Si/(Mg + Fe).
            altered &= labels.phases != IGNORE
            labels.phases[altered] = ALTERED
            labels.certainty[altered] = 0
            olivine &= ~altered
        if self.crack_code is not None:
            cracks = open_cracks(wide.values["BSE"], olivine, self.grey_noise, check)
            labels.phases[cracks] = self.crack_code
            labels.certainty[cracks] = 0

    def _rim(
        self,
        place: int,
        wide: Wide,
        seeds: NDArray[np.bool_],
        measured: NDArray[np.bool_] | None,
        check: Callable[[], None],
    ) -> Rim | None:
        """Return the outlines of a mineral, `None` where its rule itself makes them."""
        rule = self.phases[place].rule
        maps = unmixed_maps(rule, wide)
        if self.blur_px is None or not maps:
            return None
        minerals = self.minerals if place == 0 else ()
        return Rim.of(maps, seeds, measured, NOISE_FLOOR[rule.unit], check, minerals)


def unmixed_maps(rule: Rule, wide: Wide) -> dict[str, NDArray[Any]]:
    """Return the X-ray maps of a rule, by which pixels along its outlines are unmixed."""
    return {signal: wide.values[signal] for signal in rule.signals if signal != "BSE"}


def without_edge(mask: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Take the label from a band along every outline of a mask.

    Parameters
    ----------
    mask
        uint8, shape (rows, columns).
    width
        Half width of the band, px.
    """
    if not width:
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    edge = cv2.dilate(mask, disc) != cv2.erode(mask, disc)
    return np.where(edge, np.uint8(IGNORE), mask)
