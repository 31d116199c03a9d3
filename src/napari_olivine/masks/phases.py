"""Which mineral each pixel is, by several rules, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.applying import phase_of
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.rules import COUNTS, WEIGHT, Rule
from napari_olivine.masks.sampling import Wide
from napari_olivine.masks.unmixing import CELL_PX, HALO_PX, Claim, half_pixel_claim

UNKNOWN, IGNORE = 0, 255
"""Code of measured pixels that no rule takes, and of those without a label."""

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
        uint8, code of the phase, `UNKNOWN` or `IGNORE`.
    certainty
        uint8, how sure the label is by the noise of the counts, per cent; 0 where there is none.
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
    """

    phases: Sequence[Phase]
    coverage: Coverage
    smoothing_px: float
    blur_px: float | None

    @property
    def halo_px(self) -> int:
        """Pixels around a block that its labels depend on."""
        halo = ceil(4 * self.smoothing_px)
        return halo if self.blur_px is None else CELL_PX * ceil(halo / CELL_PX) + HALO_PX

    def label(self, wide: Wide) -> Labels:
        """Label a block and its halo.

        A pixel belongs to the first mineral that claims it. Mixed pixels between two minerals
        often look like a third: those between olivine and plagioclase hold as much Ca and Mg as
        clinopyroxene. Minerals that are not made by mixing others therefore come first.
        """
        measured = self.coverage.measured(wide.rows, wide.columns)
        shape = measured.shape
        phases, certainty = np.full(shape, UNKNOWN, np.uint8), np.zeros(shape, np.uint8)
        for phase in reversed(self.phases):
            claim = self._claim(phase.rule, wide, measured)
            phases[claim.mask] = phase.code
            certainty[claim.mask] = claim.certainty[claim.mask]
        phases[~measured] = IGNORE
        certainty[~measured] = 0
        return Labels(phases, certainty)

    def _claim(self, rule: Rule, wide: Wide, measured: NDArray[np.bool_]) -> Claim:
        seeds = phase_of(rule, wide.values, self.smoothing_px)
        maps = unmixed_maps(rule, wide)
        if self.blur_px is None or not maps:
            return Claim(seeds, np.full(seeds.shape, 100, np.uint8))
        return half_pixel_claim(
            maps, seeds, self.blur_px, measured=measured, noise_floor=NOISE_FLOOR[rule.unit]
        )


def unmixed_maps(rule: Rule, wide: Wide) -> dict[str, NDArray[np.float32]]:
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
