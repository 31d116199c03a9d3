"""Windows of a section that training reads: rows and columns as slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Window = tuple[slice, slice]

IGNORE = 255
"""Label of pixels that neither loss nor scores count."""

BY_HAND = 2
"""Added to the labels 0 and 1 of pixels that a person gave: the loss weighs them more."""

FIRST_PHASE = 4
"""Label of the first phase of the mask, from which the others count on; olivine is 1 as ever.

0 is no olivine, and nothing else is known of it."""

MOST_PHASES = 120
"""Phases that labels have room for, once by the mask and once by a person."""

PHASE_BY_HAND = MOST_PHASES
"""Added to the labels of phases that a person gave."""


def given_by_hand(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return labels as those that a person gave.

    Parameters
    ----------
    label
        0, 1, phases from `FIRST_PHASE` on, 255 ignore, which stays.
    """
    return _BY_HAND[label]


_BY_HAND = np.arange(256, dtype=np.uint8)
_BY_HAND[:BY_HAND] += BY_HAND
_BY_HAND[FIRST_PHASE : FIRST_PHASE + MOST_PHASES] += PHASE_BY_HAND


def area(window: Window) -> int:
    """Count the pixels of a window, 0 for an empty one."""
    rows, columns = window
    return max(0, int(rows.stop - rows.start)) * max(0, int(columns.stop - columns.start))


def overlap(one: Window, other: Window) -> Window:
    """Return the part that two windows share; its area is 0 where they share none."""
    rows, columns = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return rows, columns
