"""Crystals by mineral and size class, counted in each cell on an overview of the mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.areas.cells import Edges, Grid
from napari_olivine.job import Job
from napari_olivine.regions import Region
from napari_olivine.section import Product, Raster, Section

MOST_PX = 32 << 20
"""Pixels of the overview that is looked at: 1.5 gigapixels are seen at an eighth."""

BYTES_PER_PIXEL = 32
"""Of the overview, its labels and the cells of its pixels."""

SIZES_UM = (30.0, 100.0, 300.0)
"""Bounds of the size classes, diameter of the circle of the same area: microlites are below the
first, phenocrysts above the second."""

LEAST_PX = 8
"""Smaller pieces of the overview are specks of the rule."""

TARGET = 1
"""Code of the mineral that the mask is made for: what a network learns to find."""

IGNORE = 255
"""Code of pixels that were not measured."""


@dataclass(frozen=True)
class Pieces:
    """Crystals by kind in each cell.

    Parameters
    ----------
    kinds
        Names, e.g. ``"orthopyroxene, 30-100 um"``.
    counts
        Crystals, shape (cells, kinds); one that is cut counts in each cell by its share there.
    measured
        Share of each cell that the mask knows, shape (cells,).
    codes
        Code of the mineral of each kind, shape (kinds,).
    """

    kinds: list[str]
    counts: NDArray[np.float64]
    measured: NDArray[np.float64]
    codes: NDArray[np.int64]


def overview_level(raster: Raster, job: Job) -> int:
    """Return the finest level with no more than `MOST_PX` pixels that fits into the memory."""
    most = min(MOST_PX, job.memory_bytes // BYTES_PER_PIXEL)
    sizes = [rows * columns for rows, columns in raster.level_shapes]
    return next((level for level, size in enumerate(sizes) if size <= most), len(sizes) - 1)


def count_pieces(section: Section, grid: Grid, region: Region | None, job: Job) -> Pieces:
    """Count the crystals of a section by mineral and size class.

    Parameters
    ----------
    section
        Section with a mask.
    grid
        Its cells.
    region
        Region of study; crystals outside do not count. `None` for the whole section.
    job
        Running job.

    Returns
    -------
    Pieces
        Of the kinds that there are.
    """
    product = section.require("mask", stale_ok=True)
    raster = section.raster("mask", "phases" if (product.path / "phases").exists() else "olivine")
    level = overview_level(raster, job)
    rows, columns = (slice(0, size) for size in raster.level_shapes[level])
    image = raster.read(rows, columns, level)
    if region is not None:
        image = np.where(region.pixels(rows, columns, level), image, np.uint8(IGNORE))
    pixel_um = section.pixel_size_um * 2**level
    return pieces_in(image, _minerals(product), grid.at_level(level), pixel_um, job)


def pieces_in(
    image: NDArray[np.uint8], names: Mapping[int, str], edges: Edges, pixel_um: float, job: Job
) -> Pieces:
    """Count the crystals of an image of minerals.

    Parameters
    ----------
    image
        Codes of minerals, `IGNORE` where nothing is known, shape (rows, columns).
    names
        Codes and names of those that are counted.
    edges
        Where rows of cells begin and end, and the same for columns, px of the image.
    pixel_um
        Side of a pixel, um.
    job
        Running job.

    Returns
    -------
    Pieces
        Of the kinds that there are.
    """
    row_of, column_of = (
        np.searchsorted(edge[1:-1], np.arange(size), side="right")
        for edge, size in zip(edges, image.shape, strict=True)
    )
    rows, columns = (len(edge) - 1 for edge in edges)
    cell = (row_of[:, None] * columns + column_of[None, :]).astype(np.int32)
    size = np.bincount(cell.ravel(), minlength=rows * columns)
    known = np.bincount(cell[image != IGNORE], minlength=rows * columns)
    kinds, counts, codes = [], [], []
    for number, (code, name) in enumerate(names.items()):
        job.progress(number, len(names), "Counting crystals")
        for words, of_class in _by_size(image == code, cell, size, pixel_um).items():
            kinds.append(f"{name}, {words}")
            counts.append(of_class)
            codes.append(code)
    table = np.array(counts).T if counts else np.zeros((rows * columns, 0))
    return Pieces(kinds, table, known / np.maximum(size, 1), np.array(codes, np.int64))


def _by_size(
    mineral: NDArray[np.bool_], cell: NDArray[np.int32], size: NDArray[np.int64], pixel_um: float
) -> Mapping[str, NDArray[np.float64]]:
    """Count the pieces of a mineral in each cell, by size class."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mineral.astype(np.uint8), connectivity=8)
    cells = len(size)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    inside = labels > 0
    at = labels[inside].astype(np.int64) * cells + cell[inside]
    key, pixels = np.unique(at, return_counts=True)
    piece, place = key // cells, key % cells
    diameter = 2 * np.sqrt(area / np.pi) * pixel_um
    group = np.searchsorted(SIZES_UM, diameter, side="right")
    # What fills more than a cell is no crystal to show, but what the crystals lie in.
    counted = (area[piece] >= LEAST_PX) & (area[piece] <= np.median(size))
    found: dict[str, NDArray[np.float64]] = {}
    for number in range(len(SIZES_UM) + 1):
        mine = counted & (group[piece] == number)
        share = pixels[mine] / area[piece[mine]]
        counts = np.bincount(place[mine], share, cells).astype(np.float64)
        if counts.any():
            found[_class_words(number)] = counts
    return found


def _class_words(number: int) -> str:
    if number == 0:
        return f"under {SIZES_UM[0]:g} um"
    if number == len(SIZES_UM):
        return f"over {SIZES_UM[-1]:g} um"
    return f"{SIZES_UM[number - 1]:g}-{SIZES_UM[number]:g} um"


def _minerals(product: Product) -> dict[int, str]:
    """Codes and names of the minerals of a mask; what no rule takes is no mineral."""
    modes = product.notes.get("modes", [])
    named = {int(one["code"]): str(one["name"]) for one in modes if int(one["code"]) > 0}
    return named or {TARGET: "olivine"}
