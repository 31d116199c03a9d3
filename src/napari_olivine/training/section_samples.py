"""Training samples of several sections, each section met as often as another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from typing_extensions import override

from napari_olivine.errors import InputError
from napari_olivine.training.phases import OLIVINE_CODE
from napari_olivine.training.samples import Crop, CropSource, Samples, draw_phase

ANYTHING = -1
"""Stands among the codes of phases for any place of a section whose mask has no phases."""


class SectionSamples(CropSource):
    """Crops of several sections.

    What a crop is laid over is drawn first, in the same shares as for one section, and then the
    section, equally often among those that show it: a phase that one section alone shows is met as
    often as one that all have.

    Parameters
    ----------
    parts
        Of each section, on one scale of grey.
    """

    def __init__(self, parts: Sequence[Samples]) -> None:
        self._parts = list(parts)
        self.normalisation = parts[0].normalisation

    @cached_property
    def _showing(self) -> dict[int, list[Samples]]:
        """Sections that show each phase; those whose masks have no phases show `ANYTHING` too."""
        showing: dict[int, list[Samples]] = {}
        for part in self._parts:
            codes = list(part.pieces)
            if not codes:
                codes = [OLIVINE_CODE, ANYTHING] if part.has_olivine else [ANYTHING]
            for code in codes:
                showing.setdefault(code, []).append(part)
        return showing

    @property
    @override
    def parts(self) -> Sequence[Samples]:
        return self._parts

    @override
    def crop(
        self, random: np.random.Generator, crop_px: int, foreground: float, hard: float = 0.0
    ) -> Crop:
        shares = np.array([part.corrected for part in self._parts])
        if shares.any() and random.random() < shares.max():
            place = int(random.choice(len(shares), p=shares / shares.sum()))
            return self._parts[place].crop_of_corrected(random, crop_px)
        wrong = [part for part in self._parts if part.hard is not None]
        if wrong and random.random() < hard:
            part = wrong[int(random.integers(len(wrong)))]
            assert part.hard is not None
            return part.crop_around(random, crop_px, *part.hard.draw(random))
        code = draw_phase(random, self._showing, foreground)
        showing = self._showing[code]
        part = showing[int(random.integers(len(showing)))]
        if part.pieces:
            return part.crop_of_phase(random, crop_px, code)
        if code == OLIVINE_CODE:
            return part.crop_of_olivine(random, crop_px)
        return part.crop_anywhere(random, crop_px)


def together(parts: Sequence[Samples]) -> CropSource:
    """Return the crops of all sections of a training; of one alone as they are."""
    return parts[0] if len(parts) == 1 else SectionSamples(parts)


def require_both_labels(parts: Sequence[Samples]) -> None:
    """Raise `InputError` if the masks have no olivine, or nothing but olivine, where it is learned.

    A section without olivine is one more rock to tell it from, where another has some.
    """
    labels = set().union(*(part.labels for part in parts))
    if {0, 1} <= labels:
        return
    missing = "no olivine" if 1 not in labels else "nothing but olivine"
    masks = "The mask has" if len(parts) == 1 else f"The masks of all {len(parts)} sections have"
    raise InputError(
        f"{masks} {missing} in the training sessions.",
        remedy="Look at the mask, at the sessions' roles and at the region of study.",
    )
