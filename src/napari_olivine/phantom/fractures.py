"""Branching cracks, cleavage, pits of the polishing and scratches, which BSE alone sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.phantom.polygons import draw_path
from napari_olivine.phantom.scene import Mask

_SHIFT = 4  # vertices are given in sixteenths of a pixel
_STEP_UM = 5.0
Canvas = NDArray[np.uint8]
Point = tuple[float, float]


def fracture(
    rng: np.random.Generator,
    canvas: Canvas,
    start_xy: Point,
    heading: float,
    length_um: float,
    width_um: float,
    pixel_size_um: float,
    branchings: int = 2,
) -> NDArray[np.float64]:
    """Draw a crack that bends, opens and closes along its way, and its branches.

    Parameters
    ----------
    rng
        Random numbers.
    canvas
        Strength of cracks, 0-255, changed in place.
    start_xy
        Where it begins, pixels.
    heading
        Its direction, radians.
    length_um, width_um
        Length, and width where it is neither open nor closed.
    pixel_size_um
        Side of a pixel.
    branchings
        How often a branch may branch.

    Returns
    -------
    float array (n, 2)
        Its vertices, x and y in pixels, without those of the branches.
    """
    steps = max(3, int(length_um / _STEP_UM))
    kinks = np.where(rng.random(steps) < 0.05, rng.normal(0, 0.5, steps), 0.0)
    # Cracks keep their direction over the crystal: kinks are taken back later.
    bends = heading + rng.normal(0, 0.07, steps) + wander(rng, steps, 12) * 0.22 + kinks
    stride = _STEP_UM / pixel_size_um
    moves = np.stack([np.cos(bends), np.sin(bends)], axis=1) * stride
    path = np.concatenate([[start_xy], np.asarray(start_xy) + np.cumsum(moves, axis=0)])
    open_um = width_um * np.exp(0.5 * wander(rng, steps, 5))
    along = np.linspace(0, 1, steps)
    open_um *= np.minimum(1.0, 0.1 + 5 * np.minimum(1 - along, along))
    width_px = open_um / pixel_size_um
    draw_path(canvas, path, 235 * np.clip(width_px, 0.12, 1.0), width_px)
    if branchings:
        for at in np.flatnonzero(rng.random(steps) < 0.006 * _STEP_UM):
            turn = float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.2))
            fracture(
                rng, canvas, tuple(path[at]), bends[at] + turn,
                length_um * rng.uniform(0.15, 0.6), width_um * rng.uniform(0.4, 0.8),
                pixel_size_um, branchings - 1,
            )  # fmt: skip
    return path


def through_cracks(
    rng: np.random.Generator, mask: Mask, pixel_size_um: float, *, per_100_um: float
) -> Canvas:
    """Draw branching cracks through a crystal.

    Parameters
    ----------
    rng
        Random numbers.
    mask
        Pixels of the crystal.
    pixel_size_um
        Side of a pixel.
    per_100_um
        Mean number of cracks in a crystal of 100 um diameter; it grows with the diameter.

    Returns
    -------
    uint8 array
        Strength of the cracks, 0-255, like `mask`.
    """
    drawn = np.zeros(mask.shape, np.uint8)
    rows, cols = np.nonzero(mask[::2, ::2])
    if not len(rows):
        return drawn
    size_um = 2 * float(np.sqrt(len(rows) / np.pi)) * 2 * pixel_size_um
    grain = rng.uniform(0, np.pi)
    for _ in range(int(rng.poisson(per_100_um * size_um / 100))):
        k = rng.integers(len(rows))
        heading = grain + rng.normal(0, 0.35) + rng.choice([0.0, np.pi / 2], p=[0.75, 0.25])
        length = size_um * rng.uniform(0.7, 1.8)
        back = 0.5 * length / pixel_size_um
        at = (2 * cols[k] - back * np.cos(heading), 2 * rows[k] - back * np.sin(heading))
        width = float(np.clip(rng.lognormal(np.log(0.45), 0.55), 0.15, 1.5))
        fracture(rng, drawn, at, heading, length, width, pixel_size_um, 1)
    return drawn * mask


def lamellae(rng: np.random.Generator, mask: Mask, pixel_size_um: float) -> Canvas:
    """Draw the cleavage of a large pyroxene: long thin traces in one direction or two.

    Parameters
    ----------
    rng
        Random numbers.
    mask
        Pixels of the crystal.
    pixel_size_um
        Side of a pixel.

    Returns
    -------
    uint8 array
        Strength of the traces, 0-255, like `mask`.
    """
    drawn = np.zeros(mask.shape, np.uint8)
    rows, cols = np.nonzero(mask[::2, ::2])
    direction = rng.uniform(0, np.pi)
    density = float(np.exp(rng.uniform(np.log(0.2), np.log(3.0)))) * 1e-4
    for angle, share in ((direction, 1.0), (direction + np.deg2rad(87), rng.choice([0.0, 0.4]))):
        number = int(rng.poisson(share * density * 4 * len(rows) * pixel_size_um**2))
        for k in rng.integers(0, len(rows), number):
            half = rng.lognormal(np.log(35.0), 0.8) / pixel_size_um
            tilt = angle + rng.normal(0, 0.02)
            along = half * np.array([np.cos(tilt), np.sin(tilt)])
            middle = np.array([2 * cols[k], 2 * rows[k]])
            strength = rng.uniform(15, 90) * min(1.0, 0.7 / pixel_size_um)
            draw_path(drawn, np.stack([middle - along, middle + along]), strength)
    return drawn * mask


def pits(rng: np.random.Generator, canvas: Canvas, per_mm2: float, pixel_size_um: float) -> None:
    """Draw pits of the polishing: single ones, and swarms where grains were plucked out.

    Parameters
    ----------
    rng
        Random numbers.
    canvas
        Strength of cracks, 0-255, changed in place.
    per_mm2
        Single pits per area; swarms are sixty times rarer.
    pixel_size_um
        Side of a pixel.
    """
    height, width = canvas.shape
    area = canvas.size * (pixel_size_um / 1000) ** 2
    places = rng.random((int(rng.poisson(per_mm2 * area)), 2)) * (width, height)
    for _ in range(int(rng.poisson(per_mm2 * area / 60))):
        middle = rng.random(2) * (width, height)
        spread = rng.uniform(6, 22) / pixel_size_um
        swarm = middle + rng.normal(0, spread, (int(rng.integers(8, 50)), 2))
        places = np.concatenate([places, swarm])
    radii = rng.lognormal(np.log(0.9), 0.5, len(places)) / pixel_size_um
    for place, radius in zip(places, radii, strict=True):
        strength = int(np.clip(rng.uniform(60, 230) * min(1.0, radius / 0.6), 1, 255))
        at = tuple(np.round(place * (1 << _SHIFT)).astype(int))
        reach = max(1, round(radius * (1 << _SHIFT)))
        cv2.circle(canvas, at, reach, strength, -1, cv2.LINE_AA, _SHIFT)


def scratches(
    rng: np.random.Generator, canvas: Canvas, per_mm2: float, pixel_size_um: float
) -> None:
    """Draw faint straight scratches, most of them in one or two directions.

    Parameters
    ----------
    rng
        Random numbers.
    canvas
        Strength of cracks, 0-255, changed in place.
    per_mm2
        Scratches per area.
    pixel_size_um
        Side of a pixel.
    """
    height, width = canvas.shape
    area = canvas.size * (pixel_size_um / 1000) ** 2
    directions = rng.uniform(0, np.pi, 2)
    layer = np.zeros_like(canvas)
    for _ in range(int(rng.poisson(per_mm2 * area))):
        angle = float(rng.choice(directions)) + rng.normal(0, 0.06)
        along = np.array([np.cos(angle), np.sin(angle)])
        half = rng.lognormal(np.log(200), 0.8) / pixel_size_um * along
        middle = rng.random(2) * (width, height)
        draw_path(layer, np.stack([middle - half, middle + half]), rng.uniform(4, 26))
    np.maximum(canvas, layer, out=canvas)


def wander(rng: np.random.Generator, steps: int, over: int) -> NDArray[np.float64]:
    """Draw a smooth random course of zero mean and unit variance.

    Parameters
    ----------
    rng
        Random numbers.
    steps
        Its length.
    over
        Steps over which it varies.

    Returns
    -------
    float array
        Of that length.
    """
    coarse = rng.standard_normal(steps // over + 3)
    at = np.linspace(0, len(coarse) - 1.001, steps)
    return np.interp(at, np.arange(len(coarse)), coarse)
