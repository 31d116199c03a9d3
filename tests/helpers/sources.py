"""Small folders of instrument files for the tests of the readers and the import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

PROFILE = "point,distance_um,SiO2,FeO,MgO,CaO,Total\n1,0,40,12,47,0.2,99.2\n2,4,39,18,42,0.2,99.2\n"


def make_mosaic(
    folder: Path,
    *,
    tile_shape: tuple[int, int] = (20, 30),
    grid: tuple[int, int] = (3, 4),
    signals: tuple[str, ...] = ("BSE", "Mg"),
    dtype: str = "uint8",
    seed: int = 0,
    **more: Any,
) -> dict[str, NDArray[Any]]:
    """Write a mosaic of random tiles; return the whole image of each signal."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    whole = {}
    for signal in signals:
        (folder / "tiles" / signal).mkdir(parents=True)
        rows = []
        for row in range(grid[0]):
            tiles = []
            for column in range(grid[1]):
                tile = random.integers(1, 200, tile_shape).astype(dtype)
                tifffile.imwrite(tile_file(folder, signal, row, column), tile, compression="zlib")
                tiles.append(tile)
            rows.append(tiles)
        whole[signal] = np.block(rows)
    description = {
        "name": "test",
        "pixel_size_um": 0.5,
        "tile_shape": tile_shape,
        "tile_overlap_px": 0,
        "grid": grid,
        "tile_pattern": "tiles/{signal}/r{row:02d}_c{col:02d}.tif",
        "signals": signals,
        "accelerating_voltage_kV": 15,
    }
    (folder / "section.json").write_text(json.dumps(description | more))
    return whole


def tile_file(folder: Path, signal: str, row: int, column: int) -> Path:
    """Return the file of a tile."""
    return folder / "tiles" / signal / f"r{row:02d}_c{column:02d}.tif"


def make_text_maps(folder: Path, shape: tuple[int, int] = (40, 30)) -> dict[str, NDArray[Any]]:
    """Write maps as XMapTools keeps them, with a standard file of 5 um pixels and two spots."""
    random = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    maps = {
        "Cp": random.integers(1800, 2000, shape),
        "Mg": random.integers(0, 30, shape),
        "Ca": random.integers(0, 300, shape),
    }
    for name, counts in maps.items():
        np.savetxt(folder / f"{name}.txt", counts, fmt="%d", delimiter="\t")
    right_mm = -36 - (shape[1] - 1) * 0.005
    top_mm = 33 - (shape[0] - 1) * 0.005
    (folder / "Standards.txt").write_text(
        "##### XMAPTOOLS STANDARD FILE\n!>1 the corners\n\n"
        f">1 corners\n-36.0 {right_mm} 33.0 {top_mm}\n\n"
        ">2 oxides\nSiO2 MgO FeO X Y\n\n"
        # Ten columns right of the left edge, three rows below the top edge; then the left edge.
        f">3 analyses\n40 45 14 {-36 - 0.05} {top_mm + 0.015}\n39 40 20 -36.0 {top_mm}\n"
    )
    (folder / "Classification.txt").write_text(">1\nChloritoid 3 4\n")
    return maps


def make_images(
    folder: Path, shape: tuple[int, int] = (40, 30), **tags: Any
) -> dict[str, NDArray[Any]]:
    """Write one TIFF per signal."""
    random = np.random.default_rng(2)
    folder.mkdir(parents=True, exist_ok=True)
    images = {
        "BSE": random.integers(0, 255, shape).astype("uint8"),
        "Mg": random.integers(0, 3000, shape).astype("uint16"),
    }
    for name, image in images.items():
        tifffile.imwrite(folder / f"{name}.tif", image, **tags)
    return images
