"""How far blocks of the map still are from where they fit best: distortions that no affine has."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from napari_olivine.labelled.registration.images import Floats, MineralMap
from napari_olivine.labelled.registration.placing import Placing
from napari_olivine.labelled.registration.refine import expected_grey, measured

BLOCKS = 8
"""Blocks along the longer side of the image."""

LEAST_BLOCK_PX = 32

LEAST_CORRELATION = 0.25
"""A block whose best correlation is less says nothing."""

REACH = 4
"""How far a block is moved, map pixels."""


@dataclass(frozen=True)
class BlockShift:
    """How far a block of the map would have to move.

    Parameters
    ----------
    x, y
        Centre of the block in the SEM image, px.
    shift_x, shift_y
        Shift, SEM px.
    correlation
        Correlation coefficient after it.
    """

    x: float
    y: float
    shift_x: float
    shift_y: float
    correlation: float

    @property
    def distance(self) -> float:
        """Length of the shift, SEM px."""
        return float(np.hypot(self.shift_x, self.shift_y))


def block_shifts(
    placing: Placing, grey: Floats, factor: int, mineral_map: MineralMap
) -> list[BlockShift]:
    """Correlate blocks of the expected grey with the image about their place.

    Parameters
    ----------
    placing
        Between the full images.
    grey, factor
        SEM image, averaged by this factor.
    mineral_map
        The map.

    Returns
    -------
    list of BlockShift
        Of blocks that have contrast and lie inside both images.
    """
    means = measured(placing, grey, factor, mineral_map).means
    laid = placing.reduced(factor, 1).matrix
    high, wide = grey.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    whole = expected_grey(mineral_map, means)
    warped = cv2.warpAffine(whole, laid, (wide, high), flags=flags, borderValue=np.nan)
    expected = np.asarray(warped, np.float32)
    side = max(LEAST_BLOCK_PX, max(grey.shape) // BLOCKS)
    reach = max(2, round(REACH * placing.scale / factor))
    found = []
    for row in range(reach, high - side - reach + 1, side):
        for column in range(reach, wide - side - reach + 1, side):
            block = expected[row : row + side, column : column + side]
            around = grey[row - reach : row + side + reach, column - reach : column + side + reach]
            if np.isnan(block).any() or float(block.std()) < 1e-3:
                continue
            match = np.asarray(cv2.matchTemplate(around, block, cv2.TM_CCOEFF_NORMED), np.float32)
            down, along = np.unravel_index(int(match.argmax()), match.shape)
            best = float(match[down, along])
            inside = 0 < down < 2 * reach and 0 < along < 2 * reach
            if best < LEAST_CORRELATION or not inside:
                continue
            dy = down - reach + _vertex(match[down - 1 : down + 2, along])
            dx = along - reach + _vertex(match[down, along - 1 : along + 2])
            x, y = ((at + side / 2) * factor for at in (column, row))
            found.append(BlockShift(x, y, float(dx * factor), float(dy * factor), best))
    return found


def _vertex(three: Floats) -> float:
    """Return where a parabola through three values has its top, from the middle one."""
    before, middle, after = (float(value) for value in three)
    bend = before - 2 * middle + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
