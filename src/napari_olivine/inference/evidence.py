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

EVEN = 100
"""Code of a pixel of which the counts say nothing; above it they are for olivine, below against.

``EVEN + s`` is olivine and ``EVEN - s`` is none with a probability of ``(EVEN + s) / 200``.
"""

HAND_OLIVINE, HAND_OTHER, UNMEASURED = 201, 202, 255
"""Codes of what a person said, and of pixels without counts or without a label."""

NEAR_PX = 2
"""Width of the zone around olivine of the mask where a pixel may be partly olivine.

Farther away the certainty of a pixel is that of an outline between two other minerals, or there is
none because no rule knows the mineral; that it is no olivine is sure.
"""

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
        The mask of the block and `NEAR_PX` around it: 0 other, 1 olivine, 255 not known.
    inner
        Rows and columns of the block in it.
    certainty
        Certainty of the mask in the block, per cent; `None` for a mask without one, where the
        counts say nothing within `NEAR_PX` of an outline.
    said
        What a person said in the block: 0 other, 1 olivine, 255 nothing; `None` for nothing at all.

    Returns
    -------
    ndarray of uint8, shape of the block
        Codes.
    """
    wide = (mask == IS_OLIVINE).view(np.uint8)
    olivine = wide[inner].view(np.bool_)
    near = cv2.dilate(wide, _NEAR)[inner].view(np.bool_)
    if certainty is None:
        deep = cv2.erode(wide, _NEAR)[inner].view(np.bool_)
        sure = (deep | ~near).astype(np.uint8) * np.uint8(EVEN)
    else:
        # 50 per cent is even, and 0 means that BSE gave the label or that no mineral claimed it.
        sure = 2 * np.maximum(certainty, EVEN // 2) - np.uint8(EVEN)
        sure[~near] = EVEN
    codes = np.where(olivine, EVEN + sure, EVEN - sure)
    codes[mask[inner] == IGNORE] = UNMEASURED
    if said is not None:
        codes[said == IS_OLIVINE] = HAND_OLIVINE
        codes[(said != IS_OLIVINE) & (said != NOTHING)] = HAND_OTHER
    return np.asarray(codes, np.uint8)


def _widened(place: Block, shape: tuple[int, int]) -> tuple[Block, Block]:
    """Return a block with the pixels around it, and where the block lies in that."""
    sides = [
        slice(max(side.start - NEAR_PX, 0), min(side.stop + NEAR_PX, length))
        for side, length in zip(place, shape, strict=True)
    ]
    inner = [
        slice(side.start - wide.start, side.stop - wide.start)
        for side, wide in zip(place, sides, strict=True)
    ]
    return (sides[0], sides[1]), (inner[0], inner[1])


_NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEAR_PX + 1, 2 * NEAR_PX + 1))
