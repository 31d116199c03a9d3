"""Small crystals as polygons: tablets and prisms, painted over what is there."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job

_SHIFT = 4  # vertices are given in sixteenths of a pixel
Vertices = NDArray[np.float64]


def number_for(shape: tuple[int, int], percent: float, mean_area_px: float) -> int:
    """Give how many grains cover a share of an area.

    Parameters
    ----------
    shape
        Rows and columns of the area.
    percent
        Share that they cover, percent.
    mean_area_px
        Mean area of a grain.

    Returns
    -------
    int
        Their number. Grains fall independently: a share 1 - exp(-n a / A) ends up covered.
    """
    return round(-math.log1p(-percent / 100.0) * shape[0] * shape[1] / mean_area_px)


def tablets(
    rng: np.random.Generator,
    centre: Vertices,
    length: Vertices,
    width: Vertices,
    angle: Vertices,
) -> Vertices:
    """Outline the tablets of plagioclase, their ends askew.

    Parameters
    ----------
    rng
        Random numbers.
    centre
        x and y, pixels, shape (n, 2).
    length, width
        Pixels, shape (n,).
    angle
        Direction of the length, radians, shape (n,).

    Returns
    -------
    float array (n, 4, 2)
        Corners, x and y.
    """
    u = np.stack([np.cos(angle), np.sin(angle)], 1) * length[:, None] / 2
    v = np.stack([-np.sin(angle), np.cos(angle)], 1) * width[:, None] / 2
    skew = rng.uniform(-0.4, 0.4, (len(centre), 1))
    corners = [centre - u - v, centre + u * (1 + skew) - v, centre + u + v, centre - u + v]
    return np.stack(corners, axis=1)


def prisms(
    rng: np.random.Generator,
    shape: tuple[int, int],
    radius: Vertices,
    aspect: Vertices,
    corners: int = 6,
    centre: Vertices | None = None,
    uneven: float = 0.3,
) -> Vertices:
    """Outline stout crystals in any direction.

    Parameters
    ----------
    rng
        Random numbers.
    shape
        Rows and columns of the area.
    radius
        Mean radius, pixels, shape (n,).
    aspect
        Length to width, shape (n,).
    corners
        Number of corners.
    centre
        x and y, shape (n, 2); anywhere if not given.
    uneven
        How far corners turn from equal angles, as a share of the angle between them.

    Returns
    -------
    float array (n, corners, 2)
        Corners, x and y.
    """
    count = len(radius)
    step = 2 * np.pi / corners
    angles = np.arange(corners) * step + rng.uniform(-uneven, uneven, (count, corners)) * step
    stretch = np.sqrt(aspect)[:, None]
    x = np.cos(angles) * radius[:, None] * stretch
    y = np.sin(angles) * radius[:, None] / stretch
    turn = rng.uniform(0, np.pi, (count, 1))
    if centre is None:
        centre = np.stack([rng.random(count) * shape[1], rng.random(count) * shape[0]], 1)
    turned = np.stack(
        [x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=2
    )
    return turned + centre[:, None, :]


def shrunk(polygons: Vertices, factor: float) -> Vertices:
    """Shrink polygons, shape (n, corners, 2), towards their centres."""
    centre = polygons.mean(axis=1, keepdims=True)
    return np.asarray(centre + (polygons - centre) * factor)


def draw_path(
    canvas: NDArray[np.uint8],
    path: Vertices,
    strength: Vertices | float,
    thickness: Vertices | float = 1.0,
) -> None:
    """Draw a line whose vertices lie between pixels and whose width changes.

    Parameters
    ----------
    canvas
        Image, changed in place.
    path
        x and y of the vertices, pixels, shape (n, 2).
    strength
        Value of its pixels, 0-255, of all or of each of n - 1 parts; pixels at its sides have a
        share of it.
    thickness
        Pixels across, of all or of each part; one at least.
    """
    points = np.round(path * (1 << _SHIFT)).astype(int).tolist()
    parts = len(points) - 1
    colours = np.broadcast_to(np.clip(strength, 1, 255).astype(int), parts).tolist()
    wide = np.broadcast_to(np.maximum(np.round(thickness), 1).astype(int), parts).tolist()
    for k in range(parts):
        cv2.line(canvas, points[k], points[k + 1], colours[k], wide[k], cv2.LINE_AA, _SHIFT)


def paint(
    phase: NDArray[np.uint8],
    mix: NDArray[np.uint8],
    polygons: Vertices,
    code: int,
    share: Vertices,
    job: Job,
) -> None:
    """Paint convex polygons, each over the earlier ones.

    Parameters
    ----------
    phase, mix
        Phase code and share of the second end member (0-255) of each pixel, changed in place.
        Shape (rows, columns).
    polygons
        Corners, x and y, shape (n, corners, 2).
    code
        Phase.
    share
        Share of the second end member, 0-1, shape (n,).
    job
        Running job.
    """
    vertices = np.round(polygons * (1 << _SHIFT)).astype(np.int32)
    levels = np.clip(np.round(share * 255), 0, 255).astype(int).tolist()
    for number, (polygon, level) in enumerate(zip(vertices, levels, strict=True)):
        if number % 5000 == 0:
            job.check()
        cv2.fillConvexPoly(phase, polygon, code, cv2.LINE_8, _SHIFT)
        cv2.fillConvexPoly(mix, polygon, level, cv2.LINE_8, _SHIFT)
