"""Tiles cut out of a section of grains, for the tests of mosaics."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.readers.base.image import Acquisition, Image, Unreadable

TILE = (120, 180)
MARGIN = 30
PIXEL_UM = 0.5


def section_of_grains(rows: int, columns: int, seed: int = 0) -> NDArray[np.float32]:
    """Return the grey of overlapping angular grains of five phases, without noise."""
    rng = np.random.default_rng(seed)
    image = np.full((rows, columns), 90, np.float32)
    for _ in range(rows * columns // 400):
        centre = rng.uniform((0, 0), (columns, rows))
        angles = np.sort(rng.uniform(0, 2 * np.pi, 6))
        radius = rng.uniform(5, 25, 6)
        corners = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
        cv2.fillPoly(image, [corners.astype(np.int32)], float(rng.choice([60, 80, 110, 140, 190])))
    return cv2.GaussianBlur(image, (0, 0), 0.8)


def cut_tile(
    grey: NDArray[np.float32],
    place: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    gain: float = 1.0,
    offset: float = 0.0,
    noise: float = 2.5,
    tile: tuple[int, int] = TILE,
) -> NDArray[np.uint8]:
    """Cut a tile out at a place that need not be a whole pixel, with fresh noise."""
    first = np.floor(place).astype(int)
    part = grey[first[0] - 2 : first[0] + tile[0] + 3, first[1] - 2 : first[1] + tile[1] + 3]
    rows, columns = np.indices(tile, np.float32)
    down, right = np.asarray(place - first + 2, np.float32)
    moved = cv2.remap(part.copy(), columns + right, rows + down, cv2.INTER_CUBIC)
    noisy = gain * moved + offset + rng.normal(0, noise, tile)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)


def image_of(
    pixels: NDArray[np.generic],
    name: str = "tile",
    stage_um: tuple[float, float] | None = None,
    pixel_size_um: float | None = PIXEL_UM,
) -> Image:
    """Return pixels as an instrument's image."""
    return Image(
        Path(f"{name}.tif"),
        (pixels.shape[0], pixels.shape[1]),
        pixels.dtype,
        lambda start, stop: pixels[start:stop],
        acquisition=Acquisition(pixel_size_um=pixel_size_um, stage_um=stage_um),
    )


def broken_image() -> Image:
    """Return an image whose pixels cannot be read."""

    def load(start: int, stop: int) -> NDArray[np.uint8]:
        raise Unreadable("broken.tif is truncated")

    return Image(Path("broken.tif"), TILE, np.dtype(np.uint8), load)
