"""Labels of pixels from the journal of a review, where the current crystals do not give them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.edits import (
    EDITS,
    Change,
    Changes,
    Entry,
    Journal,
    Judge,
    Merge,
    Redraw,
    Shape,
    Split,
)
from napari_olivine.section import Raster

OTHER, OLIVINE, NOTHING = 0, 1, 255
"""Label of a pixel; NOTHING is also the ignore value of masks."""

VALUES = {"accepted": OLIVINE, "rejected": OTHER, "": NOTHING}


@dataclass(frozen=True)
class Mark:
    """Pixels that a person labelled.

    Parameters
    ----------
    row0, col0
        First row and column, px of its level.
    mask
        The pixels, shape (rows, columns), px of its level.
    value
        :data:`OTHER`, :data:`OLIVINE`, or :data:`NOTHING` where the person undid the label.
    level
        Level of the pyramid: each pixel stands for 2^level x 2^level of full resolution.
    """

    row0: int
    col0: int
    mask: NDArray[np.bool_]
    value: int
    level: int = 0

    @property
    def box(self) -> tuple[int, int, int, int]:
        """row0, row1, col0, col1 in px of full resolution."""
        rows, columns = self.mask.shape
        row0, row1, col0, col1 = self.row0, self.row0 + rows, self.col0, self.col0 + columns
        step = 1 << self.level
        return row0 * step, row1 * step, col0 * step, col1 * step

    def within(self, rows: slice, columns: slice) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
        """Return the part of a window of full resolution that it covers, and its pixels there."""
        row0, row1, col0, col1 = self.box
        top, bottom = max(row0, rows.start), max(row0, rows.start, min(row1, rows.stop))
        left, right = max(col0, columns.start), max(col0, columns.start, min(col1, columns.stop))
        step = 1 << self.level
        down = (np.arange(top, bottom) - row0) // step
        along = (np.arange(left, right) - col0) // step
        there = (
            slice(top - rows.start, bottom - rows.start),
            slice(left - columns.start, right - columns.start),
        )
        return there, self.mask[down[:, None], along]

    @classmethod
    def of_shape(cls, shape: Shape, value: int) -> Mark:
        """Label the pixels of a shape, without the outermost ones if it is of a coarser level.

        An outline of a coarser level is right to one of its pixels.
        """
        mask = shape.mask
        if shape.level:
            padded = np.pad(mask, 1).astype(np.uint8)
            mask = cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
        return cls(shape.row0, shape.col0, mask, value, shape.level)


@dataclass(frozen=True)
class JournalLabels:
    """Labels from the journal, beside the verdicts in the table of crystals.

    Parameters
    ----------
    marks
        In the order in which they were made: a later one counts.
    split
        A number for each crystal that is a part of one that was split, the same for its other
        parts.
    """

    marks: list[Mark]
    split: dict[int, int]


def read_journal(
    section: Path, product: Path, labels: Raster, table: pd.DataFrame
) -> JournalLabels:
    """Read the labels of pixels that the current crystals do not give.

    These are pixels that a redrawn outline took away, and crystals that are gone since they were
    judged: a network that has learned that a region is no olivine finds no crystal there any more,
    but the label must stay among its training data.

    Parameters
    ----------
    section
        Folder of the section.
    product
        Folder of its crystals, with every edit carried out.
    labels, table
        Those crystals; the table has ``id`` as index.

    Returns
    -------
    JournalLabels
        Marks and split crystals.
    """
    changes = Changes(product / EDITS)
    marks: list[Mark] = []
    groups: dict[int, int] = {}
    for entry in Journal(section).active():
        change = changes.get(entry.n)
        marks += _lost(entry, change, labels, table)
        if change is None or change.patch is None:
            continue
        if isinstance(entry.edit, Redraw):
            marks += _taken_away(change)
        elif isinstance(entry.edit, Split):
            _put_together(groups, change.crystals, entry.n)
    return JournalLabels(marks, groups)


def _lost(entry: Entry, change: Change | None, labels: Raster, table: pd.DataFrame) -> list[Mark]:
    """Mark the pixels of an edit that was not, or not wholly, carried out on these crystals."""
    edit = entry.edit
    if change is None and isinstance(edit, Redraw):
        before = [Mark.of_shape(shape, OTHER) for shape in entry.shapes]
        return [*before, Mark.of_shape(edit.drawn, OLIVINE)]
    if not isinstance(edit, Judge | Merge | Split):
        return []
    found_all = not isinstance(edit, Judge) or (
        change and len(change.crystals) == len(entry.shapes)
    )
    if change is not None and found_all:
        return []
    value = VALUES[edit.verdict] if isinstance(edit, Judge) else OLIVINE
    gone = [shape for shape in entry.shapes if not shape.find(labels, table)]
    return [Mark.of_shape(shape, value) for shape in gone]


def _taken_away(change: Change) -> list[Mark]:
    patch = change.patch
    assert patch is not None
    mask = (patch.before > 0) & (patch.after == 0)
    if not mask.any():
        return []
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    row0, col0 = patch.row0 + int(rows[0]), patch.col0 + int(columns[0])
    return [Mark(row0, col0, mask[inside].copy(), OTHER)]


def _put_together(groups: dict[int, int], parts: Iterable[int], number: int) -> None:
    """Note that crystals are parts of one, and so are those that were parts of one with them."""
    parts = list(parts)
    same = {groups[part] for part in parts if part in groups}
    for part, group in groups.items():
        if group in same:
            groups[part] = number
    groups.update(dict.fromkeys(parts, number))
