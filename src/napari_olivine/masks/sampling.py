"""Maps of a rule read block by block: with a halo, or from a sample of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.limits import Sample
from napari_olivine.section import Raster, blocks

SIDE, MOST_BLOCKS = 512, 16
"""A sample is taken from up to so many blocks of that side, evenly over the section."""

SIGMA_PX = 1.0
"""Smoothing of the values of a sample: a single pixel holds too few counts for a ratio."""


@dataclass(frozen=True)
class Wide:
    """A block of maps with a halo around it.

    Parameters
    ----------
    values
        Block and halo of each map, as it is stored.
    rows, columns
        Where block and halo lie in the section.
    inner
        Where the block lies in block and halo.
    """

    values: dict[str, NDArray[Any]]
    rows: slice
    columns: slice
    inner: tuple[slice, slice]


def read_wide(maps: Mapping[str, Raster], rows: slice, columns: slice, halo: int) -> Wide:
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
    Wide
        Block and halo.
    """
    height, width = next(iter(maps.values())).shape
    wide = (
        slice(max(rows.start - halo, 0), min(rows.stop + halo, height)),
        slice(max(columns.start - halo, 0), min(columns.stop + halo, width)),
    )
    values = {signal: image.read(*wide) for signal, image in maps.items()}
    top, left = rows.start - wide[0].start, columns.start - wide[1].start
    inner = (
        slice(top, top + rows.stop - rows.start),
        slice(left, left + columns.stop - columns.start),
    )
    return Wide(values, *wide, inner)


def sampled_blocks(maps: Mapping[str, Raster], halo: int, job: Job) -> Iterator[Wide]:
    """Read up to `MOST_BLOCKS` blocks, evenly over the section.

    Parameters
    ----------
    maps
        The maps by their signals.
    halo
        Pixels around each block.
    job
        Running job.

    Returns
    -------
    iterator of Wide
        The blocks.
    """
    every = list(blocks(next(iter(maps.values())).shape, SIDE, SIDE))
    chosen = np.unique(np.linspace(0, len(every) - 1, min(MOST_BLOCKS, len(every))).round())
    for number in chosen.astype(int):
        job.check()
        rows, columns = every[number]
        yield read_wide(maps, rows, columns, halo)


def sample_of(maps: Mapping[str, Raster], coverage: Coverage, job: Job) -> Sample:
    """Return smoothed values of every map at the same measured pixels.

    Parameters
    ----------
    maps
        The maps by their signals.
    coverage
        Where they were measured.
    job
        Running job.

    Returns
    -------
    Sample
        Up to four million pixels, evenly over the section.
    """
    parts: dict[str, list[NDArray[np.float32]]] = {signal: [] for signal in maps}
    for wide in sampled_blocks(maps, int(4 * SIGMA_PX), job):
        there = coverage.measured(wide.rows, wide.columns)[wide.inner]
        whole = bool(there.all())
        for signal, value in wide.values.items():
            even = cv2.GaussianBlur(
                value.astype(np.float32), (0, 0), SIGMA_PX, borderType=cv2.BORDER_REFLECT_101
            )[wide.inner]
            parts[signal].append(np.asarray(even.ravel() if whole else even[there], np.float32))
    return {signal: np.concatenate(part) for signal, part in parts.items()}
