"""Reading crystals block by block, each in its own box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import Images, Labels
from napari_olivine.crystals.measure.outline import MARGIN_PX, Sides
from napari_olivine.job import Job
from napari_olivine.section import blocks

WINDOW_BYTES = 24
"""Memory for one pixel of the images that are read together: labels, mg#, grey, probability, gaps,
and the buffers of reading."""

BYTES_PER_PIXEL = 120
"""Memory for one pixel of the box of a crystal: distances, masks and sorted values."""

BLOCK = 4096
"""Rows and columns of a block where the memory allows."""


@dataclass(frozen=True)
class Window:
    """Pixels of all images in one rectangle of one pyramid level."""

    row0: int
    col0: int
    level: int
    labels: NDArray[np.uint32]
    mg: NDArray[np.float32] | None
    grey: NDArray[Any] | None
    probability: NDArray[np.uint8] | None
    opinion: NDArray[np.uint8] | None
    gaps: NDArray[np.bool_] | None

    @classmethod
    def read(cls, images: Images, box: NDArray[np.int64], level: int) -> Window:
        """Read a rectangle and a margin around it.

        Parameters
        ----------
        images
            Images to read.
        box
            row0, row1, col0, col1 at full resolution, shape (4,).
        level
            Level of the pyramid.
        """
        rows, columns = _around(box, level, images.labels.level_shapes[level])

        def read(raster: Labels | None) -> NDArray[Any] | None:
            return None if raster is None else raster.read(rows, columns, level)

        labels = images.labels.read(rows, columns, level)
        gaps = None
        if images.tiles is not None and level == 0:
            gaps = ~images.tiles.covers(rows, columns)
            gaps = gaps if gaps.any() else None
        return cls(
            rows.start, columns.start, level, labels,
            read(images.mg), read(images.grey), read(images.probability),
            read(images.opinion), gaps,
        )  # fmt: skip

    def crop(self, box: NDArray[np.int64]) -> Window:
        """Cut out the box of one crystal and its margin, without copying."""
        shape = (self.row0 + self.labels.shape[0], self.col0 + self.labels.shape[1])
        down, right = _around(box, self.level, shape)
        rows = slice(down.start - self.row0, down.stop - self.row0)
        columns = slice(right.start - self.col0, right.stop - self.col0)

        def cut(image: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if image is None else image[rows, columns]

        return Window(
            down.start, right.start, self.level, self.labels[rows, columns],
            cut(self.mg), cut(self.grey), cut(self.probability), cut(self.opinion), cut(self.gaps),
        )  # fmt: skip


def _around(box: NDArray[np.int64], level: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a level that hold a box, with a margin where the image goes on."""
    factor = 2**level
    first = [max(int(k) // factor - MARGIN_PX, 0) for k in (box[0], box[2])]
    last = [-(-int(k) // factor) + MARGIN_PX for k in (box[1], box[3])]
    rows, columns = (
        slice(low, min(high, length)) for low, high, length in zip(first, last, shape, strict=True)
    )
    return rows, columns


def sides_on_edge(box: NDArray[np.int64], shape: tuple[int, int]) -> Sides:
    """Tell which sides of a box row0, row1, col0, col1 lie on the edge of the section."""
    return box[0] == 0, box[1] == shape[0], box[2] == 0, box[3] == shape[1]


def crystal_blocks(
    table: pd.DataFrame, shape: tuple[int, int], job: Job
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Cut the section into blocks and give the crystals whose boxes begin in each.

    Parameters
    ----------
    table
        Columns ``row0``, ``col0``.
    shape
        Rows and columns of the section.
    job
        Its memory bounds the blocks.

    Returns
    -------
    iterator of (str, pandas.DataFrame)
        Name of the block and its crystals; only blocks in which a crystal begins.
    """
    side = BLOCK
    while side > 512 and (side * 1.25) ** 2 * WINDOW_BYTES > job.memory_bytes / 2:
        side //= 2
    for rows, columns in blocks(shape, side, side):
        begins = table["row0"].between(rows.start, rows.stop - 1) & table["col0"].between(
            columns.start, columns.stop - 1
        )
        if begins.any():
            yield f"{side}-{rows.start}-{columns.start}", table[begins]


def block_name(row: int, column: int) -> str:
    """Name of the block of full size in which a pixel lies."""
    return f"{BLOCK}-{row // BLOCK * BLOCK}-{column // BLOCK * BLOCK}"


def crystal_windows(
    table: pd.DataFrame, images: Images, job: Job
) -> Iterator[tuple[int, NDArray[np.int64], Window]]:
    """Read the surroundings of some crystals that lie close together.

    Crystals that reach too far for the job's memory are read by themselves, and at a coarser
    level of the pyramid if even that is too much.

    Parameters
    ----------
    table
        Columns ``id, row0, row1, col0, col1``.
    images
        Images to read.
    job
        Running job.

    Returns
    -------
    iterator of (int, ndarray, Window)
        Id, box (row0, row1, col0, col1 in the section) and images, in the order of the table.
    """
    boxes = table[["row0", "row1", "col0", "col1"]].to_numpy(np.int64)
    together = _near(boxes, int(job.memory_bytes // (2 * WINDOW_BYTES)))
    levels = [_level(images.labels, box, job) for box in boxes]
    together &= np.array(levels) == 0
    shared = None
    if together.any():
        near = boxes[together]
        around = np.array([near[:, 0].min(), near[:, 1].max(), near[:, 2].min(), near[:, 3].max()])
        shared = Window.read(images, around, 0)
    for place, crystal in enumerate(table["id"]):
        job.check()
        box = boxes[place]
        if shared is not None and together[place]:
            yield int(crystal), box, shared.crop(box)
        else:
            yield int(crystal), box, Window.read(images, box, levels[place])


def extent(mask: NDArray[np.bool_], row0: int = 0, col0: int = 0) -> dict[str, Any]:
    """Measure area, centroid and box of a crystal.

    Parameters
    ----------
    mask
        Pixels of the crystal in a window, shape (rows, columns), not empty.
    row0, col0
        First row and column of the window in the section.

    Returns
    -------
    dict
        ``area_px``, ``row``, ``col`` (centroid) and the box ``row0``, ``row1``, ``col0``,
        ``col1``, half open.
    """
    rows, columns = np.nonzero(mask)
    rows, columns = rows + row0, columns + col0
    return {
        "area_px": len(rows), "row": rows.mean(), "col": columns.mean(),
        "row0": rows.min(), "row1": rows.max() + 1,
        "col0": columns.min(), "col1": columns.max() + 1,
    }  # fmt: skip


def _near(boxes: NDArray[np.int64], pixels: int) -> NDArray[np.bool_]:
    """Tell which boxes can be read together without exceeding a number of pixels."""
    near = np.ones(len(boxes), bool)
    while near.any():
        height = boxes[near, 1].max() - boxes[near, 0].min()
        width = boxes[near, 3].max() - boxes[near, 2].min()
        if height * width <= pixels:
            break
        extent = np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])
        near &= extent < extent[near].max()
    return near


def _level(labels: Labels, box: NDArray[np.int64], job: Job) -> int:
    """Level of the pyramid at which a box fits in the job's memory."""
    pixels = (box[1] - box[0]) * (box[3] - box[2])
    level = 0
    while pixels * BYTES_PER_PIXEL > job.memory_bytes * 4**level and level + 1 < len(
        labels.level_shapes
    ):
        level += 1
    return level
