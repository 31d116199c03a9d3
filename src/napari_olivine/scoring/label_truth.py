"""Imported labels as the truth of their own section."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.section import LABELS, Section, is_of_labels

OLIVINE_CODE = 1
"""Code of the class that stands in the place of olivine."""


class LabelTruth:
    """The labels of a section of labelled images: pixels alone, no crystals and no mg#.

    Parameters
    ----------
    section
        Section whose mask was imported as labels.

    Raises
    ------
    InputError
        If its mask is none, or was made by rules, which are no truth.
    """

    def __init__(self, section: Section) -> None:
        if not is_of_labels(section):
            raise InputError(
                f"There is nothing to score {section.path} against.",
                remedy="Give the folder of a known truth; only sections of labelled images "
                "({step:import-labels}) are scored against their own labels.",
                step="import-labels",
            )
        mask = section.require("mask")
        self.target = str(mask.notes[LABELS])
        self._modes = mask.notes["modes"]
        self._image = section.raster("mask", "phases")

    def codes(self) -> dict[str, int]:
        """Codes of the classes other than that of interest, by name."""
        return {one["name"]: one["code"] for one in self._modes if one["code"] != OLIVINE_CODE}

    def phase(self, rows: slice) -> NDArray[np.uint8]:
        """Codes of some rows, 255 for no label."""
        return self._image.read(rows, slice(0, self._image.shape[1]))
