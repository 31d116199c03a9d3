"""What the counts say of each pixel, in codes of one byte.

The mask says of a measured pixel whether it is olivine, and how sure that is by the noise of the
counts. A person who corrected the mask is surer than any count.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.models import OLIVINE
from napari_olivine.masks import IGNORE
from napari_olivine.masks.corrections import NOTHING, MaskCorrections
from napari_olivine.section import Block, Section

SURE = 200
"""Code of a pixel that is olivine by its counts; code s stands for a probability of ``s / 200``."""

HAND_OLIVINE, HAND_OTHER, UNMEASURED = 201, 202, 255
"""Codes of what a person said, and of pixels without counts or without a label."""

UNCLAIMED = 40
"""Code of a pixel beside olivine that no mineral claims, or that BSE took from it.

On phantoms of seed 101 these are olivine in 24 % (andesite), 51 % (tephra), 16 % (basalt) and 9 %
(cumulate).
"""

PER_CERTAINTY = 4
"""A pixel beside olivine that another mineral claims with a certainty of c is olivine with the
probability ``(1 - c) / 4``: most such outlines are those of the other mineral. Phantoms of seed
101 have between this and nothing. Pixels that are farther off are none in 99.9 %."""

RULE_PX = 2
"""Where a rule alone made the outlines, they are up to this wrong: the network decides there."""

CERTAINTY = "certainty"
"""Image of the mask: how sure each label is, per cent; 50 on outlines."""

IS_OLIVINE = 1
"""Value of olivine in the mask, and of what a person says."""


class MapEvidence:
    """What the element maps and a person say of the pixels of a section.

    Parameters
    ----------
    section
        Section with ``mask``.
    """

    def __init__(self, section: Section) -> None:
        self.mask = section.raster("mask", OLIVINE)
        has_certainty = (section.require("mask").path / CERTAINTY).exists()
        self._certainty = section.raster("mask", CERTAINTY) if has_certainty else None
        corrections = MaskCorrections(section)
        self._corrections = corrections if corrections.edits else None

    @property
    def graded(self) -> bool:
        """Whether the mask tells how sure it is of each pixel."""
        return self._certainty is not None

    def codes(self, rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Return the codes of the evidence in a block."""
        wide, inner = _widened((rows, columns), self.mask.shape)
        certainty = None if self._certainty is None else self._certainty.read(rows, columns)
        said = None if self._corrections is None else self._corrections.labels(rows, columns)
        return evidence_codes(self.mask.read(*wide), inner, certainty, said)


def evidence_codes(
    mask: NDArray[np.uint8],
    inner: Block,
    certainty: NDArray[np.uint8] | None,
    said: NDArray[np.uint8] | None,
) -> NDArray[np.uint8]:
    """Put what the counts and a person say of the pixels of a block into codes.

    Parameters
    ----------
    mask
        The mask of the block and `RULE_PX` around it: 0 other, 1 olivine, 255 not known.
    inner
        Rows and columns of the block in it.
    certainty
        Certainty of the mask in the block, per cent; `None` for a mask without one, where the
        counts say nothing within `RULE_PX` of an outline.
    said
        What a person said in the block: 0 other, 1 olivine, 255 nothing; `None` for nothing at all.

    Returns
    -------
    ndarray of uint8, shape of the block
        Codes.
    """
    wide = (mask == IS_OLIVINE).view(np.uint8)
    olivine = wide[inner]
    if certainty is None:
        codes = cv2.erode(wide, _RULE)[inner] + cv2.dilate(wide, _RULE)[inner]
        codes *= np.uint8(SURE // 2)
    else:
        beside = (cv2.dilate(wide, _BESIDE)[inner] - olivine).view(np.bool_)
        # Below 50 per cent BSE gave the label.
        codes = olivine * np.maximum(2 * certainty, np.uint8(SURE // 2))
        if beside.any():
            other = (100 - certainty[beside]) * np.uint8(2) // np.uint8(PER_CERTAINTY)
            codes[beside] = np.where(certainty[beside], other, UNCLAIMED)
    codes[mask[inner] == IGNORE] = UNMEASURED
    if said is not None:
        codes[said == IS_OLIVINE] = HAND_OLIVINE
        codes[(said != IS_OLIVINE) & (said != NOTHING)] = HAND_OTHER
    return np.asarray(codes, np.uint8)


def _widened(place: Block, shape: tuple[int, int]) -> tuple[Block, Block]:
    """Return a block with the pixels around it, and where the block lies in that."""
    sides = [
        slice(max(side.start - RULE_PX, 0), min(side.stop + RULE_PX, length))
        for side, length in zip(place, shape, strict=True)
    ]
    inner = [
        slice(side.start - wide.start, side.stop - wide.start)
        for side, wide in zip(place, sides, strict=True)
    ]
    return (sides[0], sides[1]), (inner[0], inner[1])


_BESIDE = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_RULE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RULE_PX + 1, 2 * RULE_PX + 1))
