"""An image of the section as small picture files, a folder for each level of its pyramid."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.section import Raster

TILE_PX = 512
"""Side of a picture."""

Picture = tuple[bytes, str]
"""A picture file and its ending, e.g. ``"jpg"``."""

Render = Callable[[Sequence[NDArray[Any]]], "Picture | None"]
"""Makes a picture of the same window of some images, or `None` where there is nothing to see."""

ENDINGS = ("", "jpg", "png")
"""Endings of picture files, by the digit that stands for them in the index; none: no picture."""


@dataclass(frozen=True)
class TileSource:
    """An image that becomes pictures.

    Parameters
    ----------
    name
        Folder of the pictures.
    images
        Images that are drawn together, all of the section's shape.
    render
        What draws a window of them.
    """

    name: str
    images: tuple[Raster, ...]
    render: Render


def write_tiles(source: TileSource, folder: Path, job: Job) -> list[list[str]]:
    """Write ``LEVEL/COLUMN_ROW.jpg`` (or png) of all levels, the whole image at level 0.

    Memory holds one row of tiles at a time. Windows in which nothing is seen get no picture.

    Parameters
    ----------
    source
        What is drawn.
    folder
        Folder of these pictures, made here.
    job
        Running job; can stop the work between rows of tiles.

    Returns
    -------
    list of list of str
        For each level, from the whole image to full resolution, and each row of tiles a digit a
        tile: its place in `ENDINGS`.
    """
    shapes = source.images[0].level_shapes
    rows_of_tiles = [-(-rows // TILE_PX) for rows, _ in shapes]
    index: list[list[str]] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for level in reversed(range(len(shapes))):
            place = folder / str(len(shapes) - 1 - level)
            place.mkdir(parents=True)
            lines = []
            for line in range(rows_of_tiles[level]):
                done = sum(rows_of_tiles[level + 1 :]) + line
                job.progress(done, sum(rows_of_tiles), f"Writing the web map: {source.name}")
                strips = _strip(source, level, line)
                edges = [*range(0, shapes[level][1], TILE_PX), shapes[level][1]]
                windows = [[strip[:, a:b] for strip in strips] for a, b in pairwise(edges)]
                found = pool.map(source.render, windows)
                lines.append("".join(_write(place, c, line, one) for c, one in enumerate(found)))
            index.append(lines)
    job.progress(1, 1, f"Writing the web map: {source.name}")
    return index


def _strip(source: TileSource, level: int, line: int) -> list[NDArray[Any]]:
    rows, columns = source.images[0].level_shapes[level]
    window = slice(line * TILE_PX, min((line + 1) * TILE_PX, rows)), slice(0, columns)
    return [image.read(*window, level) for image in source.images]


def _write(folder: Path, column: int, row: int, picture: Picture | None) -> str:
    """Write a picture if there is one; return its digit."""
    if picture is None:
        return "0"
    content, ending = picture
    (folder / f"{column}_{row}.{ending}").write_bytes(content)
    return str(ENDINGS.index(ending))
