"""The map on the grid of the SEM image, and what was found, as files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.labelled import COLOURS, words_of
from napari_olivine.labelled.registration.images import MineralMap
from napari_olivine.labelled.registration.placing import Placing
from napari_olivine.section import atomic_path, blocks

TILE = 512
"""Rows and columns of a tile of the file."""

OUTSIDE = (0xFF00FF, 0x123456, 0xFE01FE)
"""Colours for pixels beyond the map, of which the first that the map does not have is taken."""


def write_mask(
    file: Path, placing: Placing, mineral_map: MineralMap, shape: tuple[int, int], job: Job
) -> str:
    """Write the map with the size of the SEM image, tile by tile, by the nearest map pixel.

    Parameters
    ----------
    file
        TIFF to write.
    placing
        Where the map lies.
    mineral_map
        The map, whose values or colours are kept.
    shape
        Rows and columns of the SEM image.
    job
        Running job.

    Returns
    -------
    str
        Value or colour of pixels beyond the map; empty if there are none.
    """
    table, outside, is_grey = _table(mineral_map)
    beyond = False

    def tiles() -> Iterator[NDArray[Any]]:
        nonlocal beyond
        for rows, columns in blocks(shape, TILE, TILE):
            job.progress(rows.start, shape[0], "Writing the mask")
            down, along = placing.map_pixels(rows, columns)
            inside = (down >= 0) & (down < mineral_map.shape[0])
            inside &= (along >= 0) & (along < mineral_map.shape[1])
            beyond |= not inside.all()
            tile = np.full((TILE, TILE), len(mineral_map.keys), np.uint8)
            part = tile[: down.shape[0], : down.shape[1]]
            part[inside] = mineral_map.classes[down[inside], along[inside]]
            yield table[tile]

    with atomic_path(file) as temporary:
        tifffile.imwrite(
            temporary,
            tiles(),
            shape=shape if is_grey else (*shape, 3),
            dtype=table.dtype,
            tile=(TILE, TILE),
            photometric="minisblack" if is_grey else "rgb",
            compression="zlib",
            bigtiff=shape[0] * shape[1] * 3 > 1 << 31,
            metadata=None,
        )
    return outside if beyond else ""


def _table(mineral_map: MineralMap) -> tuple[NDArray[Any], str, bool]:
    """Return what is written for each class, and behind them for pixels beyond the map."""
    keys = [int(key) for key in mineral_map.keys]
    grey = [int(words_of(key)) for key in keys if words_of(key).isdecimal()]
    if len(grey) < len(keys):
        free = next(one for one in OUTSIDE if one not in keys)
        colours = [(key >> 16 & 255, key >> 8 & 255, key & 255) for key in [*keys, free]]
        return np.array(colours, np.uint8), words_of(free), False
    large = any(key >= COLOURS for key in keys)
    free = next(v for v in range(65535 if large else 255, -1, -1) if v not in grey)
    return np.array([*grey, free], np.uint16 if large else np.uint8), str(free), True
