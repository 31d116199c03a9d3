"""Measuring crystals block by block, each in its own box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.shape import axes_px, fill_holes, outline_distance
from napari_olivine.crystals.zoning import measure_composition
from napari_olivine.job import Job
from napari_olivine.section import Raster, blocks

BYTES_PER_PIXEL = 40
"""Labels, mg#, grey, probability, distance and the masks made of them."""

BLOCK = 4096
"""Rows and columns of a block where the memory allows."""


@dataclass(frozen=True)
class Images:
    """Rasters that crystals are measured on; `None` where the section has none."""

    labels: Raster
    mg: Raster | None = None
    grey: Raster | None = None
    probability: Raster | None = None


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

    @classmethod
    def read(cls, images: Images, box: NDArray[np.int64], level: int) -> Window:
        """Read the rectangle row0, row1, col0, col1 (full resolution) of a level."""
        factor = 2**level
        row0, col0 = int(box[0]) // factor, int(box[2]) // factor
        rows = slice(row0, -(-int(box[1]) // factor))
        columns = slice(col0, -(-int(box[3]) // factor))

        def read(raster: Raster | None) -> NDArray[Any] | None:
            return None if raster is None else raster.read(rows, columns, level)

        labels = images.labels.read(rows, columns, level)
        arrays = [read(raster) for raster in (images.mg, images.grey, images.probability)]
        return cls(row0, col0, level, labels, *arrays)

    def crop(self, box: NDArray[np.int64]) -> Window:
        """Cut out the box of one crystal, without copying."""
        factor = 2**self.level
        rows = slice(int(box[0]) // factor - self.row0, -(-int(box[1]) // factor) - self.row0)
        columns = slice(int(box[2]) // factor - self.col0, -(-int(box[3]) // factor) - self.col0)

        def cut(image: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if image is None else image[rows, columns]

        return Window(
            rows.start + self.row0, columns.start + self.col0, self.level,
            self.labels[rows, columns], cut(self.mg), cut(self.grey), cut(self.probability),
        )  # fmt: skip


def crystal_blocks(
    table: pd.DataFrame, shape: tuple[int, int], job: Job
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Cut the section into blocks and give the crystals whose boxes begin in each.

    Yields
    ------
    name, crystals
        Only of blocks in which a crystal begins.
    """
    side = BLOCK
    while side > 512 and (side * 1.25) ** 2 * BYTES_PER_PIXEL > job.memory_bytes:
        side //= 2
    for rows, columns in blocks(shape, side, side):
        begins = table["row0"].between(rows.start, rows.stop - 1) & table["col0"].between(
            columns.start, columns.stop - 1
        )
        if begins.any():
            yield f"{side}-{rows.start}-{columns.start}", table[begins]


def measure_crystals(
    table: pd.DataFrame, images: Images, border_px: float, job: Job
) -> pd.DataFrame:
    """Measure some crystals that lie close together.

    Crystals that reach too far for the job's memory are read by themselves, and at a coarser
    level of the pyramid if even that is too much.

    Parameters
    ----------
    table
        Columns ``id, row0, row1, col0, col1``.
    images
        What to measure on.
    border_px
        Border between outline and rim.
    job
        Running job.

    Returns
    -------
    pandas.DataFrame
        One row a crystal, in the same order.
    """
    boxes = table[["row0", "row1", "col0", "col1"]].to_numpy(np.int64)
    ids = table["id"].to_numpy()
    together = _near(boxes, int(job.memory_bytes // BYTES_PER_PIXEL))
    shared = None
    if together.any():
        near = boxes[together]
        around = np.array([near[:, 0].min(), near[:, 1].max(), near[:, 2].min(), near[:, 3].max()])
        shared = Window.read(images, around, 0)
    measured = []
    for crystal, box, at_hand in zip(ids, boxes, together, strict=True):
        job.check()
        if at_hand and shared is not None:
            window = shared.crop(box)
        else:
            window = Window.read(images, box, _level(images.labels, box, job))
        measured.append(_measure(int(crystal), box, window, images.labels.shape, border_px))
    return pd.DataFrame(measured)


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


def _level(labels: Raster, box: NDArray[np.int64], job: Job) -> int:
    """Level of the pyramid at which a box fits in the job's memory."""
    pixels = (box[1] - box[0]) * (box[3] - box[2])
    level = 0
    while pixels * BYTES_PER_PIXEL > job.memory_bytes * 4**level and level + 1 < len(labels.levels):
        level += 1
    return level


def _measure(
    crystal: int, box: NDArray[np.int64], window: Window, shape: tuple[int, int], border_px: float
) -> dict[str, float]:
    inside = window.labels == crystal
    if not inside.any():  # too thin to be seen at a coarse level
        return {"hole_fraction": np.nan}
    filled = fill_holes(inside)
    on_edge = (box[0] == 0, box[1] == shape[0], box[2] == 0, box[3] == shape[1])
    distance = outline_distance(filled, on_edge)
    factor = 2**window.level
    composition = measure_composition(inside, distance, window.mg, window.grey, border_px / factor)
    major, minor = axes_px(inside)
    probability = np.nan
    if window.probability is not None:
        probability = float(window.probability[inside].mean()) / 255
    return asdict(composition) | {
        "mean_probability": probability,
        "hole_fraction": 1 - float(inside.sum()) / float(filled.sum()),
        "major_axis_px": major * factor,
        "minor_axis_px": minor * factor,
    }
