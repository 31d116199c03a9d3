"""Regions that were split: their parts, and labels with the splits put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals import Labels
from napari_olivine.section import write_arrays


@dataclass(frozen=True)
class SplitRegion:
    """One region that was split.

    Parameters
    ----------
    region
        Its id; its largest part keeps it.
    row0, col0
        First row and column of its window in the section.
    parts
        1, 2, ... for the parts, 0 elsewhere, shape (rows, columns).
    first_new
        Id of part 2; those of the next ones follow.
    """

    region: int
    row0: int
    col0: int
    parts: NDArray[np.uint16]
    first_new: int = 0


class SplitLabels:
    """Ids of regions on disk, with splits that were made since.

    Parameters
    ----------
    raster
        Ids of the connected regions.
    splits
        Regions that are split.
    """

    def __init__(self, raster: Labels, splits: Sequence[SplitRegion]) -> None:
        self._raster, self._splits = raster, splits
        self._boxes = np.array(
            [
                (p.row0, p.row0 + p.parts.shape[0], p.col0, p.col0 + p.parts.shape[1])
                for p in splits
            ],
            np.int64,
        ).reshape(-1, 4)

    def read(self, rows: slice, columns: slice) -> NDArray[np.uint32]:
        """Read a window of ids."""
        labels = self._raster.read(rows, columns)
        row0, row1, col0, col1 = self._boxes.T
        here = (row0 < rows.stop) & (row1 > rows.start)
        here &= (col0 < columns.stop) & (col1 > columns.start)
        for place in np.flatnonzero(here).tolist():
            one, box = self._splits[place], self._boxes[place]
            down = slice(max(box[0], rows.start), min(box[1], rows.stop))
            right = slice(max(box[2], columns.start), min(box[3], columns.stop))
            part = one.parts[
                down.start - box[0] : down.stop - box[0], right.start - box[2] : right.stop - box[2]
            ]
            window = labels[
                down.start - rows.start : down.stop - rows.start,
                right.start - columns.start : right.stop - columns.start,
            ]
            new = (part > 1) & (window == one.region)
            window[new] = one.first_new + part[new] - 2
        return np.asarray(labels, np.uint32)


def save_splits(file: Path, splits: Sequence[SplitRegion]) -> None:
    """Write splits to an ``.npz`` file, all or nothing."""
    write_arrays({f"{one.region} {one.row0} {one.col0}": one.parts for one in splits}, file)


def load_splits(file: Path) -> list[SplitRegion]:
    """Read the splits that :func:`save_splits` wrote."""
    found = []
    with np.load(file) as arrays:
        for name in arrays:
            region, row0, col0 = (int(word) for word in name.split())
            found.append(SplitRegion(region, row0, col0, arrays[name]))
    return found
