"""Pixels of finished cells: gaps of the mosaic, the histogram, and the overviews."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.cell_store import Histogram
from napari_olivine.inference.windows import Grid, Place
from napari_olivine.section import Raster, Tiles, halve


def is_covered(tiles: Tiles | None, grid: Grid, cell: Place) -> bool:
    """Tell whether any tile of the mosaic reaches into a cell.

    Parameters
    ----------
    tiles
        Tiles of the mosaic, `None` for a whole image.
    grid
        Windows and cells.
    cell
        Row and column of the cell.

    Returns
    -------
    bool
        Whether there is anything to predict.
    """
    return tiles is None or bool(len(tiles.within(*grid.cell(cell))))


def mask_gaps(
    tiles: Tiles | None,
    rows: slice,
    columns: slice,
    block: NDArray[np.uint8],
    counted: int = 0,
) -> tuple[NDArray[np.uint8], Histogram]:
    """Set a cell's pixels outside every tile to 0, and count the others.

    Parameters
    ----------
    tiles
        Tiles of the mosaic, `None` for a whole image.
    rows, columns
        Pixels of the cell.
    block
        Its probabilities, shape (classes, rows, columns).
    counted
        Class of the histogram.

    Returns
    -------
    block : ndarray of uint8, shape (classes, rows, columns)
        With gaps.
    counts : ndarray of int64, shape (256,)
        Histogram of that class without the gaps.
    """
    inside = None if tiles is None else tiles.covers(rows, columns)
    if inside is None or inside.all():
        return block, _histogram(block[counted], None)
    masked = np.where(inside, block, 0).astype(np.uint8)
    return masked, _histogram(masked[counted], inside.astype(np.uint8))


def update_overviews(raster: Raster, row: int, column: int, block: NDArray[Any]) -> None:
    """Bring a block that was just written into the coarser levels.

    Parameters
    ----------
    raster
        Image.
    row, column
        Where the block begins, whole cells from the image's corner.
    block
        Its pixels at full resolution.
    """
    for level in range(1, len(raster.levels)):
        block = halve(block, raster.reduction)
        row, column = row // 2, column // 2
        raster.write(row, column, block, level)


def _histogram(values: NDArray[np.uint8], inside: NDArray[np.uint8] | None) -> Histogram:
    counts = cv2.calcHist([values], [0], inside, [256], [0, 256])
    return counts.ravel().astype(np.int64)  # floats are exact up to 2**24, more than a cell
