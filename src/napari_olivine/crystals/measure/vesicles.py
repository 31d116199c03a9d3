"""Area of rock and share of vesicles around crystals, from an overview of the BSE image."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.measure.surroundings import measure_surroundings
from napari_olivine.section import Raster, Tiles, vesicle_threshold

COARSE = 2
"""Level of the overview in which vesicles are found, or a coarser one of a large section."""

OVERVIEW_PX = 32_000_000
"""Most pixels of the overview."""


def find_vesicle_grey(raster: Raster, tiles: Tiles | None) -> float | None:
    """Find the BSE grey below which a pixel is a vesicle; `None` if no dark mode stands apart.

    Parameters
    ----------
    raster
        BSE.
    tiles
        Tiles of the mosaic, `None` for a whole image.
    """
    level = _overview_level(raster)
    grey = raster.read(slice(0, None), slice(0, None), level)
    return vesicle_threshold(
        grey, _seen(tiles, (slice(0, grey.shape[0]), slice(0, grey.shape[1])), level)
    )


def add_surroundings(
    raster: Raster,
    tiles: Tiles | None,
    table: pd.DataFrame,
    radius_um: float,
    vesicle_grey: float | None,
) -> pd.DataFrame:
    """Add the area of rock around each crystal.

    Only the part of the overview that holds their surroundings is read.

    Parameters
    ----------
    raster
        BSE.
    tiles
        Tiles of the mosaic, `None` for a whole image.
    table
        Crystals with columns ``row`` and ``col`` of their centroids; at least one.
    radius_um
        Radius of the surroundings.
    vesicle_grey
        As from :func:`find_vesicle_grey`.

    Returns
    -------
    pandas.DataFrame
        With the columns of :class:`~napari_olivine.crystals.measure.surroundings.Surroundings`.
    """
    level, pixel_um = _overview_level(raster), raster.pixel_size_um
    coarse_um = pixel_um * 2**level
    radius_um = max(radius_um, coarse_um)
    x_um, y_um = (table[name].to_numpy() * pixel_um for name in ("col", "row"))
    rows, columns = (
        _reach(place / coarse_um, radius_um / coarse_um, length)
        for place, length in zip((y_um, x_um), raster.levels[level].shape, strict=True)
    )
    grey = raster.read(rows, columns, level)
    seen = _seen(tiles, (rows, columns), level)
    around = measure_surroundings(
        seen if vesicle_grey is None else seen & (grey >= vesicle_grey), seen,
        x_um - columns.start * coarse_um, y_um - rows.start * coarse_um,
        radius_um, pixel_um, level,
    )  # fmt: skip
    return table.assign(**vars(around))


def _overview_level(raster: Raster) -> int:
    last = len(raster.levels) - 1
    level = min(COARSE, last)
    while level < last and np.prod(raster.levels[level].shape) > OVERVIEW_PX:
        level += 1
    return level


def _reach(places: NDArray[np.float64], radius: float, length: int) -> slice:
    """Rows or columns of the overview within reach of some places, and a margin."""
    first = int(np.floor(places.min() - radius)) - 2
    last = int(np.ceil(places.max() + radius)) + 3
    return slice(min(max(first, 0), length - 1), max(min(last, length), 1))


def _seen(tiles: Tiles | None, window: tuple[slice, slice], level: int) -> NDArray[np.bool_]:
    """Pixels of a window of an overview that lie in a tile."""
    rows, columns = window
    seen = np.full((rows.stop - rows.start, columns.stop - columns.start), tiles is None)
    if tiles is not None:
        for row0, row1, col0, col1 in np.maximum(tiles.bounds, 0):
            down = slice(
                max((row0 >> level) - rows.start, 0), max(-(-row1 >> level) - rows.start, 0)
            )
            right = slice(
                max((col0 >> level) - columns.start, 0), max(-(-col1 >> level) - columns.start, 0)
            )
            seen[down, right] = True
    return seen
