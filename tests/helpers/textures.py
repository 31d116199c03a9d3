"""Images of three textures that differ by form and not by brightness, for tests of classifiers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

TEXTURES = ("dots", "patches", "stripes")


def texture(name: str, seed: int, side: int = 72) -> NDArray[np.uint8]:
    """Draw a texture with noise, at any angle and brightness."""
    random = np.random.default_rng([seed, TEXTURES.index(name)])
    rows, columns = np.mgrid[:side, :side]
    if name == "stripes":
        angle = random.uniform(0, np.pi)
        pattern = np.sin(
            (rows * np.sin(angle) + columns * np.cos(angle)) / random.uniform(1.2, 1.8)
        )
    else:
        noise = random.normal(0, 1, (side, side)).astype(np.float32)
        pattern = cv2.GaussianBlur(noise, (0, 0), 1.2 if name == "dots" else 7.0)
        pattern = np.sign(pattern - (1.5 if name == "dots" else 0) * pattern.std())
    grey = random.uniform(90, 160) + 30 * pattern + random.normal(0, 4, (side, side))
    return np.clip(grey, 0, 255).astype(np.uint8)


def write_textures(folder: Path, count: int, names: tuple[str, ...] = TEXTURES) -> Path:
    """Write a folder a class, with so many images of each."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(texture(name, number)).save(folder / name / f"{number:02d}.png")
    return folder
