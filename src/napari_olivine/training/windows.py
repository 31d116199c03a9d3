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


UNKNOWN_CLASS = -1
"""Class of pixels of which too little is said, as those that are only known to be no olivine among
several phases."""


def class_of_label(label: NDArray[np.uint8], olivine: int, *, single: bool) -> NDArray[np.int64]:
    """Return the number of the class of each label.

    Parameters
    ----------
    label
        Labels of pixels.
    olivine
        Number of olivine among several phases.
    single
        Whether olivine is told from all else: 1 and 0.

    Returns
    -------
    ndarray of int64
        Of the shape of `label`; -1 where too little is said.
    """
    table = np.full(256, UNKNOWN_CLASS, np.int64)
    for first in (FIRST_PHASE, FIRST_PHASE + PHASE_BY_HAND):
        table[first : first + MOST_PHASES] = 0 if single else np.arange(MOST_PHASES)
    if single:
        table[[0, BY_HAND]] = 0
    table[[1, BY_HAND + 1]] = 1 if single else olivine
    return table[label]


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
