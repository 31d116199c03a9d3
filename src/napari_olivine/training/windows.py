"""Windows of a section that training reads: rows and columns as slices."""

from __future__ import annotations

Window = tuple[slice, slice]

IGNORE = 255
"""Label of pixels that neither loss nor scores count."""

BY_HAND = 2
"""Added to the labels 0 and 1 of pixels that a person gave: the loss weighs them more."""

FIRST_PHASE = 4
"""Label of the first phase of the mask, from which the others count on; olivine is 1 as ever.

0 is no olivine, and nothing else is known of it."""


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
