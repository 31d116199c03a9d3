"""Maps of a rule read block by block: with a halo, or from a sample of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.limits import Sample
from napari_olivine.masks.patches import each
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


def sampled_blocks(maps: Mapping[str, Raster], job: Job) -> list[Wide]:
    """Read up to `MOST_BLOCKS` blocks; with a halo each would take nine pieces of the file.

    Parameters
    ----------
    maps
        The maps by their signals.
    job
        Running job.

    Returns
    -------
    list of Wide
        The blocks, evenly over the section.
    """
    every = list(blocks(next(iter(maps.values())).shape, SIDE, SIDE))
    chosen = np.unique(np.linspace(0, len(every) - 1, min(MOST_BLOCKS, len(every))).round())
    found = []
    for number in chosen.astype(int):
        job.check()
        found.append(read_wide(maps, every[number][0], every[number][1], 0))
    return found


def sample_of(sampled: Sequence[Wide], coverage: Coverage, job: Job) -> Sample:
    """Return smoothed values of every map at the same measured pixels.

    Parameters
    ----------
    sampled
        Some blocks of the section.
    coverage
        Where the maps were measured.
    job
        Running job.

    Returns
    -------
    Sample
        Up to four million pixels, evenly over the section.
    """
    there = [coverage.measured(wide.rows, wide.columns) for wide in sampled]
    ends = np.cumsum([0, *(np.count_nonzero(one) for one in there)])
    sample = {signal: np.empty(ends[-1], np.float32) for signal in sampled[0].values}

    def smooth(number: int) -> None:
        wide, pixels = sampled[number], slice(ends[number], ends[number + 1])
        whole = bool(there[number].all())
        for signal, image in wide.values.items():
            values = image.astype(np.float32)
            cv2.GaussianBlur(
                values, (0, 0), SIGMA_PX, dst=values, borderType=cv2.BORDER_REFLECT_101
            )
            sample[signal][pixels] = values.ravel() if whole else values[there[number]]

    each(smooth, range(len(sampled)), job.check)
    return sample
