"""Mosaics with known drift, slopes and shading, for the tests of levelling."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_olivine.job import Job
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.section.tiles import Tiles
from napari_olivine.settings import Settings

GREYS = np.array([60.0, 95.0, 120.0, 160.0, 205.0])
"""Grey of five minerals in the first session."""

SHARES = np.array([[10, 60, 30], [60, 20, 20], [30, 30, 40], [20, 70, 10], [45, 5, 50]], np.float64)
"""X-ray counts of the minerals in three maps."""


@dataclass
class Planted:
    """What a mosaic is made with.

    Parameters
    ----------
    gains, offsets
        One of each session; sessions are blocks of tile columns, side by side.
    slope, bow
        Standard deviation of the tiles' slopes and depth of the shading, grey.
    """

    grid: tuple[int, int] = (4, 6)
    tile: tuple[int, int] = (160, 192)
    gains: tuple[float, ...] = (1.0, 1.06)
    offsets: tuple[float, ...] = (0.0, -9.0)
    slope: float = 2.0
    bow: float = 0.0
    noise: float = 2.0
    maps: bool = True
    dtype: str = "uint8"
    factor: float = 1.0
    overlap: int = 0
    seed: int = 4
    planes: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def shape(self) -> tuple[int, int]:
        step = np.array(self.tile) - self.overlap
        rows, columns = step * (np.array(self.grid) - 1) + np.array(self.tile)
        return int(rows), int(columns)

    @property
    def bounds(self) -> NDArray[np.int64]:
        step = np.array(self.tile) - self.overlap
        row, column = (place.ravel() for place in np.indices(self.grid))
        row0, column0 = row * step[0], column * step[1]
        return np.stack([row0, row0 + self.tile[0], column0, column0 + self.tile[1]], axis=1)

    def session_of_column(self, column: int) -> int:
        return column * len(self.gains) // self.grid[1]


@cache
def rock(shape: tuple[int, int], seed: int) -> NDArray[np.int64]:
    """Number of the mineral at every pixel: grains some 20 px across."""
    random = np.random.default_rng(seed)
    fields = [gaussian_filter(random.normal(0, 1, shape), 8) for _ in GREYS]
    return np.argmax(fields, axis=0)


def plant(folder: Path, planted: Planted) -> tuple[Section, NDArray[np.float64]]:
    """Make the section; give also the true grey on the scale of the first session."""
    random = np.random.default_rng(planted.seed)
    mineral = rock(planted.shape, planted.seed)
    truth = GREYS[mineral]
    tiles = Tiles.of_grid(planted.grid, planted.tile)
    table = tiles.table.copy()
    table[["row0", "row1", "col0", "col1"]] = planted.bounds
    tiles = Tiles(table)
    height, width = planted.tile
    y = ((np.arange(height) + 0.5) / height - 0.5)[:, None]
    x = ((np.arange(width) + 0.5) / width - 0.5)[None, :]
    planted.planes = random.normal(0, planted.slope, (len(tiles), 2))
    total, weights = np.zeros(planted.shape), np.zeros(planted.shape)
    for number, (row0, row1, column0, column1) in enumerate(tiles.bounds):
        session = planted.session_of_column(number % planted.grid[1])
        window = slice(row0, row1), slice(column0, column1)
        slope = planted.planes[number, 0] * x + planted.planes[number, 1] * y
        bow = -planted.bow * (x**2 + y**2 - 1 / 6)
        grey = planted.gains[session] * (truth[window] + slope + bow) + planted.offsets[session]
        weight = tiles.weight(number, np.arange(row0, row1), np.arange(column0, column1))
        if not planted.overlap:
            weight = np.ones_like(weight)
        total[window] += weight * grey
        weights[window] += weight
    grey = total / weights + random.normal(0, planted.noise, planted.shape)
    grey *= planted.factor
    images: dict[str, NDArray[Any]] = {"BSE": as_type(grey, planted.dtype)}
    if planted.maps:
        for place, name in enumerate(("Mg", "Fe", "Ca")):
            images[name] = random.poisson(SHARES[mineral, place]).astype(np.uint8)
    section = store(folder, images, None if planted.overlap else planted.tile)
    if planted.overlap:
        tiles.write(section.path / "images")
    section.annotate("sessions", session_table(planted))
    return section, truth


def as_type(grey: NDArray[np.float64], dtype: str) -> NDArray[Any]:
    if dtype.startswith("float"):
        return grey.astype(dtype)
    return np.rint(grey).clip(0, np.iinfo(dtype).max).astype(dtype)


def store(
    folder: Path, images: dict[str, NDArray[Any]], tile_shape: tuple[int, int] | None
) -> Section:
    """Store images as the import does."""
    shape = next(iter(images.values())).shape
    record = SectionRecord(
        name="test", pixel_size_um=1.0, shape=shape, signals=list(images), tile_shape=tile_shape
    )
    section = Section.create(folder, record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "made by a test"})
    with section.draft("images", recipe, Job()) as draft:
        for name, image in images.items():
            out = create_raster(draft.path / name, shape, image.dtype, 1.0, reduction="mean")
            out.write(0, 0, image)
            out.build_pyramid(Job())
    return section


def session_table(planted: Planted) -> pd.DataFrame:
    """Sessions as blocks of tile columns; borders in the middle of an overlap."""
    count = len(planted.gains)
    columns = [planted.session_of_column(c) for c in range(planted.grid[1])]
    step = planted.tile[1] - planted.overlap
    rows = []
    for session in range(count):
        first, last = columns.index(session), planted.grid[1] - columns[::-1].index(session)
        rows.append(
            {
                "session": f"s{session + 1}",
                "row0": 0,
                "row1": planted.shape[0],
                "col0": first * step + (planted.overlap // 2 if first else 0),
                "col1": planted.shape[1]
                if session + 1 == count
                else last * step + planted.overlap // 2,
                "role": "none",
            }
        )
    return pd.DataFrame(rows)
