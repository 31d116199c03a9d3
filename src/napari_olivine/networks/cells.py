"""The cells of a section whose grey and texture are measured, on the grey that a network sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.networks.card import Normalisation
from napari_olivine.networks.cell_measures import CELL_PX, MEASURES, measure_cell
from napari_olivine.networks.normalisation import FloatImage, LevelledGrey, read_window
from napari_olivine.section import Tiles

LEAST_SEEN = 0.9
"""A cell of which less was imaged, or is studied, is not measured (ours)."""

Places = tuple[NDArray[np.int64], NDArray[np.int64]]
"""First rows and first columns of the cells of a grid, px."""

Studied = Callable[[slice, slice], NDArray[np.bool_]]
"""Tells which pixels of a window are studied."""


def grid_of_cells(rows: slice, columns: slice, step: int) -> Places:
    """Lay a grid of cells over a window.

    Parameters
    ----------
    rows, columns
        The window; where it is smaller than a cell, one cell reaches beyond it.
    step
        From one cell to the next, px. If it is not smaller than a cell, cells lie in the middle of
        squares of that side, which cover the window, and none reaches beyond it.

    Returns
    -------
    rows, columns : ndarray of int
        First row of each row of cells, and first column of each column.
    """
    return _firsts(rows, step), _firsts(columns, step)


def _firsts(side: slice, step: int) -> NDArray[np.int64]:
    start, stop = int(side.start), int(side.stop)
    last = max(stop - CELL_PX, start)
    if step < CELL_PX:
        return np.arange(start, last + 1, step, dtype=np.int64)
    middles = np.arange(start, stop, step, dtype=np.int64) + (step - CELL_PX) // 2
    return np.clip(middles, start, last)


def measure_cells(
    grey: LevelledGrey,
    places: Places,
    tiles: Tiles | None,
    studied: Studied | None,
    job: Job,
) -> NDArray[np.float64]:
    """Measure the cells of a grid, row by row.

    Parameters
    ----------
    grey
        The image on the grey scale of a network.
    places
        First rows and first columns of the cells.
    tiles
        Tiles of the mosaic, `None` for a whole image.
    studied
        Region of study, `None` for the whole section.
    job
        Running job.

    Returns
    -------
    ndarray, shape (rows, columns, len(MEASURES))
        NaN in cells that lie in gaps of the mosaic, hold no numbers or are not studied.

    Raises
    ------
    Cancelled
        If the person asked to stop.
    """
    found = np.full((len(places[0]), len(places[1]), len(MEASURES)), np.nan)
    if not found.size:
        return found
    left, right = int(places[1][0]), int(places[1][-1]) + CELL_PX
    for number, row in enumerate(places[0]):
        job.progress(number, len(places[0]), "Measuring grey and texture")
        window = read_window(grey.raster, int(row), left, CELL_PX, right - left)
        seen = _seen(window.rows, window.columns, window.grey, tiles, studied)
        strip = _in_spreads(grey.level(window), grey.normalisation)
        for at, column in enumerate(places[1]):
            start = int(column) - left
            if seen[:, start : start + CELL_PX].mean() >= LEAST_SEEN:
                found[number, at] = measure_cell(
                    np.ascontiguousarray(strip[:, start : start + CELL_PX])
                )
    return found


def _in_spreads(grey: FloatImage, normalisation: Normalisation) -> FloatImage:
    return (grey - np.float32(normalisation.median)) / np.float32(normalisation.spread)


def _seen(
    rows: slice,
    columns: slice,
    grey: NDArray[np.generic],
    tiles: Tiles | None,
    studied: Studied | None,
) -> NDArray[np.bool_]:
    """Tell which pixels of a window inside the image were imaged and are studied."""
    seen = np.isfinite(grey)
    if tiles is not None:
        seen &= tiles.covers(rows, columns)
    if studied is not None:
        seen &= studied(rows, columns)
    return np.asarray(seen)
