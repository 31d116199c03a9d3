"""Connected components of an image that is seen one strip at a time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_olivine.section import write_arrays

NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True)
class Strip:
    """Components of one strip: the sums and borders from which strips are joined.

    Arrays have one entry a component, in the order of the strip's labels 1, 2, ...
    Rows and columns are those of the whole image.
    """

    area: NDArray[np.int64]
    """Pixels."""
    first: NDArray[np.int64]
    """Row * columns + column of the first pixel in reading order."""
    sums: NDArray[np.float64]
    """Sum of rows and sum of columns over the pixels, shape (n, 2)."""
    boxes: NDArray[np.int64]
    """row0, row1, col0, col1; rows up to, not including, row1. Shape (n, 4)."""
    top: NDArray[np.int32]
    """Labels of the first row."""
    bottom: NDArray[np.int32]
    """Labels of the last row."""

    def save(self, file: Path) -> None:
        """Write to an ``.npz`` file, all or nothing."""
        write_arrays({f.name: getattr(self, f.name) for f in fields(self)}, file)

    @classmethod
    def load(cls, file: Path) -> Strip:
        """Read what `save` wrote."""
        with np.load(file) as arrays:
            return cls(**{f.name: arrays[f.name] for f in fields(cls)})


def label_strip(mask: NDArray[np.bool_], *, diagonals: bool) -> NDArray[np.int32]:
    """Label the components of one strip.

    Parameters
    ----------
    mask
        Pixels of the phase, shape (rows, columns).
    diagonals
        Whether pixels that touch by a corner belong together.

    Returns
    -------
    ndarray of int32
        1, 2, ... for the components, 0 elsewhere; shape of the mask.
    """
    structure = ndimage.generate_binary_structure(2, 2 if diagonals else 1)
    labels = np.empty(mask.shape, np.int32)
    ndimage.label(mask, structure, output=labels)
    return labels


def summarize_strip(labels: NDArray[np.int32], row0: int) -> Strip:
    """Measure the components of one strip whose first row is `row0` of the image."""
    columns = labels.shape[1]
    count = int(labels.max(initial=0))
    where = np.flatnonzero(labels)
    of = labels.ravel()[where]
    first = np.full(count + 1, NEVER)
    first[of[::-1]] = where[::-1] + row0 * columns  # the last to be written is the first pixel
    area = np.bincount(of, minlength=count + 1)
    rows = np.bincount(of, weights=where // columns + row0, minlength=count + 1)
    cols = np.bincount(of, weights=where % columns, minlength=count + 1)
    boxes = np.tile(np.array([NEVER, -1, NEVER, -1]), (count, 1))
    for place, box in enumerate(ndimage.find_objects(labels, count)):
        if box is not None:
            boxes[place] = (
                box[0].start + row0, box[0].stop + row0, box[1].start, box[1].stop
            )  # fmt: skip
    sums = np.stack([rows, cols], axis=1).astype(np.float64)
    return Strip(area[1:], first[1:], sums[1:], boxes, labels[0].copy(), labels[-1].copy())


def join_strips(
    strips: Sequence[Strip], *, diagonals: bool, min_area_px: float
) -> tuple[list[NDArray[np.uint32]], pd.DataFrame]:
    """Join components over the seams; number them in reading order of their first pixels.

    Parameters
    ----------
    strips
        All strips from top to bottom, without gaps.
    diagonals
        As for :func:`label_strip`.
    min_area_px
        Smaller components get no number.

    Returns
    -------
    numbers
        For each strip the final id of its labels 0, 1, 2, ... (0 for components that are left out).
    table
        ``id``, ``area_px``, ``row``, ``col`` (centroid), ``row0, row1, col0, col1`` and
        ``first``, the place of the first pixel in reading order.
    """
    counts = np.array([len(strip.area) for strip in strips], np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    total = int(offsets[-1])
    pairs = [
        _touching(upper.bottom, lower.top, diagonals) + offsets[place : place + 2]
        for place, (upper, lower) in enumerate(itertools.pairwise(strips))
    ]
    edges = np.concatenate([*pairs, np.zeros((0, 2), np.int64)])
    graph = coo_array((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), (total, total))
    count, of = connected_components(graph, directed=False)
    area = np.zeros(count, np.int64)
    sums = np.zeros((count, 2))
    first = np.full(count, NEVER)
    boxes = np.tile(np.array([NEVER, -1, NEVER, -1]), (count, 1))
    if total:
        np.add.at(area, of, np.concatenate([strip.area for strip in strips]))
        np.add.at(sums, of, np.concatenate([strip.sums for strip in strips]))
        np.minimum.at(first, of, np.concatenate([strip.first for strip in strips]))
        parts = np.concatenate([strip.boxes for strip in strips])
        for side in (0, 2):
            np.minimum.at(boxes[:, side], of, parts[:, side])
            np.maximum.at(boxes[:, side + 1], of, parts[:, side + 1])
    kept = np.flatnonzero((area >= max(min_area_px, 1)) & (first < NEVER))
    kept = kept[np.argsort(first[kept])]
    final = np.zeros(count, np.uint32)
    final[kept] = np.arange(1, len(kept) + 1)
    numbers = [
        np.concatenate([np.zeros(1, np.uint32), final[of[start:stop]]])
        for start, stop in itertools.pairwise(offsets)
    ]
    centre = sums[kept] / area[kept][:, np.newaxis]
    table = pd.DataFrame({"id": final[kept], "area_px": area[kept]})
    table["row"], table["col"] = centre[:, 0], centre[:, 1]
    table[["row0", "row1", "col0", "col1"]] = boxes[kept]
    table["first"] = first[kept]
    return numbers, table


def _touching(
    upper: NDArray[np.int32], lower: NDArray[np.int32], diagonals: bool
) -> NDArray[np.int64]:
    """Pairs of labels, counted from 0, that touch over the seam of two rows."""
    touching = [np.stack([upper, lower])]
    if diagonals:
        touching += [np.stack([upper[1:], lower[:-1]]), np.stack([upper[:-1], lower[1:]])]
    pairs = np.concatenate(touching, axis=1).T.astype(np.int64)
    return np.unique(pairs[(pairs > 0).all(axis=1)], axis=0) - 1
