"""Maps of a rule read block by block: with a halo, or a sample of smoothed values of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.masks.limits import Sample
from napari_olivine.section import Raster, blocks

SIDE, MOST_BLOCKS = 512, 16
"""A sample is taken from up to so many blocks of that side, evenly over the section."""

SIGMA_PX = 1.0
"""Smoothing of the values of a sample: a single pixel holds too few counts for a ratio."""

UNMEASURED = 255

IgnoreElsewhere = Callable[[NDArray[np.uint8], slice, slice], None]
"""Writes 255 where a block was not measured."""


def read_wide(
    maps: Mapping[str, Raster], rows: slice, columns: slice, halo: int
) -> tuple[dict[str, NDArray[np.float32]], tuple[slice, slice]]:
    """Read a block of every map with a halo around it.

    Parameters
    ----------
    maps
        The maps by their signals.
    rows, columns
        The block.
    halo
        Pixels around it, fewer at the rim of the section.

    Returns
    -------
    values : dict
        Block and halo of each map.
    inner : tuple of slice
        Where the block lies in them.
    """
    top, left = min(halo, rows.start), min(halo, columns.start)
    wide = (
        slice(rows.start - top, rows.stop + halo),
        slice(columns.start - left, columns.stop + halo),
    )
    values = {signal: image.read(*wide).astype(np.float32) for signal, image in maps.items()}
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return values, (slice(top, top + height), slice(left, left + width))


def measured_in(ignore: IgnoreElsewhere, rows: slice, columns: slice) -> NDArray[np.bool_]:
    """Tell which pixels of a block were measured.

    Parameters
    ----------
    ignore
        Writes 255 where a block was not measured.
    rows, columns
        The block.

    Returns
    -------
    ndarray
        bool, of the block's shape.
    """
    block = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    ignore(block, rows, columns)
    return np.asarray(block != UNMEASURED)


def sample_of(maps: Mapping[str, Raster], ignore: IgnoreElsewhere, job: Job) -> Sample:
    """Return smoothed values of every map at the same measured pixels.

    Parameters
    ----------
    maps
        The maps by their signals.
    ignore
        Writes 255 where a block was not measured.
    job
        Running job.

    Returns
    -------
    Sample
        Up to four million pixels, evenly over the section.
    """
    every = list(blocks(next(iter(maps.values())).shape, SIDE, SIDE))
    chosen = np.unique(np.linspace(0, len(every) - 1, min(MOST_BLOCKS, len(every))).round())
    parts: dict[str, list[NDArray[np.float32]]] = {signal: [] for signal in maps}
    for number in chosen.astype(int):
        job.check()
        rows, columns = every[number]
        values, inner = read_wide(maps, rows, columns, int(4 * SIGMA_PX))
        there = measured_in(ignore, rows, columns)
        for signal, value in values.items():
            even = cv2.GaussianBlur(value, (0, 0), SIGMA_PX, borderType=cv2.BORDER_REFLECT_101)
            parts[signal].append(np.asarray(even[inner][there], np.float32))
    return {signal: np.concatenate(part) for signal, part in parts.items()}
