"""Pixels of phases other than olivine against the truth, by each product that tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals import (
    OLIVINE,
    Labels,
    crystals_there,
    phases_told,
    pixels_of,
    product_of_phase,
)
from napari_olivine.scoring.pixels import PhaseCounts
from napari_olivine.scoring.results import PhaseScores
from napari_olivine.section import Section

FINAL = "crystals"
"""What the pixels of the crystals are called among the scores of a phase."""


class OtherPhases:
    """Confusion of each other phase with the rest, gathered strip by strip.

    Parameters
    ----------
    section
        Section with products that tell phases.
    codes
        Codes of the phases in the truth, by name.
    without
        Products that are not scored.
    """

    def __init__(
        self, section: Section, codes: Mapping[str, int], without: Sequence[str] = ()
    ) -> None:
        self._codes = codes
        self._images: dict[tuple[str, str], Labels] = {}
        for product, phases in phases_told(section).items():
            for phase in phases if product not in without else ():
                if phase in codes:
                    self._images[phase, product] = pixels_of(section, product, phase)
        for phase in crystals_there(section):
            if phase in codes and phase != OLIVINE:
                labels = section.raster(product_of_phase(phase), "crystals")
                self._images[phase, FINAL] = labels
        self._counts = {key: PhaseCounts(1) for key in self._images}

    def add(
        self, truth: NDArray[np.integer], rows: slice, columns: slice, studied: NDArray[np.bool_]
    ) -> None:
        """Count one strip.

        Parameters
        ----------
        truth
            Codes of the phases, shape (rows, columns).
        rows, columns
            Where it lies.
        studied
            Pixels in the region of study, of the same shape.
        """
        none = np.zeros(int(studied.sum()), np.uint8)
        for (phase, product), image in self._images.items():
            found = image.read(rows, columns)
            there = (found > 0) if product == FINAL else (found == 1)
            there, true = there[studied], truth[studied] == self._codes[phase]
            self._counts[phase, product].add(none, true, none.astype(bool), there)

    def scores(self) -> dict[str, dict[str, PhaseScores]]:
        """Scores by phase, then by product."""
        found: dict[str, dict[str, PhaseScores]] = {}
        for (phase, product), counts in self._counts.items():
            found.setdefault(phase, {})[product] = counts.scores()
        return found


def stale_products(section: Section, scored: Sequence[str]) -> list[str]:
    """Return the products of crystals of other phases that are out of date.

    Parameters
    ----------
    section
        The section.
    scored
        Phases of the truth.
    """
    names = [product_of_phase(p) for p in crystals_there(section) if p in scored]
    return [name for name in names if name != "crystals" and section.state(name) == "stale"]
