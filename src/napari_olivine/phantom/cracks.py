"""Cracks and cleavage: thin voids that BSE sees and X-rays do not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_SHIFT = 4  # vertices are given in sixteenths of a pixel


def cracks(
    rng: np.random.Generator, mask: NDArray[np.bool_], count: int, pixel_size_um: float
) -> NDArray[np.uint8]:
    """Draw wandering cracks through a crystal.

    Parameters
    ----------
    rng
        Source of chance.
    mask
        The crystal's pixels.
    count
        Number of cracks.
    pixel_size_um
        Side of a pixel.

    Returns
    -------
    uint8 array like `mask`
        Strength, 0 outside cracks and outside the crystal, up to 255 for an open crack.
    """
    drawn = np.zeros(mask.shape, dtype=np.uint8)
    points = np.argwhere(mask)
    edge = np.argwhere(mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3))).astype(bool))
    middle, size = points.mean(axis=0), float(np.sqrt(len(points)))
    for _ in range(count):
        steps = max(4, int(rng.uniform(0.3, 1.3) * size / 6.0))
        if rng.random() < 0.6:
            row, col = edge[rng.integers(len(edge))]
            towards = np.arctan2(middle[0] - row, middle[1] - col) + rng.normal(0, 0.6)
        else:
            row, col = points[rng.integers(len(points))]
            towards = rng.uniform(0, 2 * np.pi)
        bends = np.cumsum(rng.normal(0, 0.10, steps)) + rng.normal(0, 0.12, steps)
        heading = towards + bends
        path = np.stack(
            [col + np.cumsum(6.0 * np.cos(heading)), row + np.cumsum(6.0 * np.sin(heading))],
            axis=1,
        )
        width_um = rng.choice([0.7, 1.2, 2.2], p=[0.45, 0.4, 0.15])
        strength = int(rng.uniform(90, 160) if width_um < 1 else rng.uniform(150, 255))
        width_px = width_um / pixel_size_um
        if width_px >= 1.5:  # a wide crack narrows towards its ends
            _stroke(drawn, path[steps // 6 : -(steps // 4)], width_px, strength)
        _stroke(drawn, path, min(width_px, 1.0), strength)
    return drawn * mask


def cleavage(
    rng: np.random.Generator, mask: NDArray[np.bool_], pixel_size_um: float
) -> NDArray[np.uint8]:
    """Draw the short parallel cleavage traces of a pyroxene.

    Parameters
    ----------
    rng
        Random numbers.
    mask
        Pixels of the crystal, shape (rows, columns).
    pixel_size_um
        Side of a pixel.

    Returns
    -------
    uint8 array
        Strength of the traces, 0-255, same shape.
    """
    drawn = np.zeros(mask.shape, dtype=np.uint8)
    points = np.argwhere(mask)
    direction = rng.uniform(0, np.pi)
    sets = [direction] if rng.random() < 0.6 else [direction, direction + np.deg2rad(87)]
    spacing = rng.uniform(350, 700) / pixel_size_um**2
    for angle in sets:
        for _ in range(max(3, int(len(points) / spacing / 2 / len(sets)))):
            row, col = points[rng.integers(len(points))]
            length = rng.lognormal(np.log(24.0), 0.5) / pixel_size_um
            tilt = angle + rng.normal(0, 0.03)
            along = np.linspace(-0.5, 0.5, 6)[:, None] * length
            path = np.array([col, row]) + along * np.array([np.cos(tilt), np.sin(tilt)])
            path[1:-1] += rng.normal(0, 0.4, (4, 2))
            _stroke(drawn, path, 0.8 / pixel_size_um, int(rng.uniform(80, 150)))
    return drawn * mask


def _stroke(
    canvas: NDArray[np.uint8], path: NDArray[np.float64], width_px: float, strength: int
) -> None:
    """Draw a line; thinner than a pixel means fainter."""
    layer = np.zeros_like(canvas)
    vertices = np.round(path * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)
    colour = max(1, int(strength * min(1.0, max(width_px, 0.3))))
    cv2.polylines(layer, [vertices], False, colour, max(1, round(width_px)), cv2.LINE_AA, _SHIFT)
    np.maximum(canvas, layer, out=canvas)
