"""Large bodies other than olivine, and what olivine encloses."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.phantom.compositions import (
    CLINOPYROXENE,
    GLASS,
    ORTHOPYROXENE,
    OXIDE,
    PLAGIOCLASE,
    VESICLE,
)
from napari_olivine.phantom.cracks import cleavage
from napari_olivine.phantom.shapes import Floats, Shape, embayed, faceted, smooth_field

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Body:
    """A crystal or vesicle in its own box: phase, composition (0-255) and cleavage."""

    shape: Shape
    phase: int
    mix: NDArray[np.uint8]
    cracks: NDArray[np.uint8]


@dataclass(frozen=True)
class Inclusion:
    """Inclusion in an olivine, in the box of its host."""

    mask: Mask
    phase: int
    mix: int


def olivine(rng: np.random.Generator, area_px: float) -> Shape:
    """Outline an olivine phenocryst, from sharp facets to rounded and embayed."""
    shape = faceted(
        rng,
        area_px,
        faces=int(rng.integers(5, 9)),
        aspect=float(rng.uniform(1.0, 1.8)),
        rounding=float(rng.choice([0.05, 0.2, 0.6, 1.0])),
        rough_px=float(rng.uniform(0.2, 0.9)),
        anisotropy=float(rng.uniform(1.0, 4.0)),
    )
    lobes = int(rng.choice([0, 1, 2], p=[0.7, 0.2, 0.1]))
    return embayed(rng, shape, lobes) if lobes else shape


def augite(rng: np.random.Generator, pixel_size_um: float) -> Body:
    """Augite phenocryst: hourglass sectors, oscillating growth, cleavage."""
    area = float(np.clip(rng.lognormal(np.log(16_000), 0.6), 4_000, 45_000)) / pixel_size_um**2
    shape = faceted(rng, area, faces=int(rng.choice([6, 8])), aspect=rng.uniform(1.2, 1.9))
    radius = float(shape.inside_px.max())
    y, x = np.indices(shape.mask.shape, dtype=np.float32)
    middle = np.argwhere(shape.mask).mean(axis=0)
    angle = np.arctan2(y - middle[0], x - middle[1]) - rng.uniform(0, np.pi)
    sectors = np.tanh(4.0 * np.cos(2 * angle)) * rng.uniform(0.0, 0.10)
    bands = 0.05 * np.sin(2 * np.pi * shape.depth_px / (radius * rng.uniform(0.15, 0.4)))
    rim = 0.18 * np.exp(-shape.depth_px / (0.12 * radius))
    patches = smooth_field(rng, shape.mask.shape, 0.25 * radius) * 0.03
    share = rng.uniform(0.10, 0.50) + sectors + bands + rim + patches
    return Body(shape, CLINOPYROXENE, _levels(share), cleavage(rng, shape.mask, pixel_size_um))


def orthopyroxene(rng: np.random.Generator, pixel_size_um: float) -> Body:
    """Orthopyroxene prism with a more ferroan rim."""
    area = rng.uniform(6_500, 17_000) / pixel_size_um**2
    shape = faceted(rng, area, faces=8, aspect=rng.uniform(1.4, 2.2))
    radius = float(shape.inside_px.max())
    rim = 0.3 * np.exp(-shape.depth_px / (0.2 * radius))
    patches = smooth_field(rng, shape.mask.shape, 0.4 * radius) * 0.05
    share = rng.uniform(0.1, 0.5) + rim + patches
    return Body(shape, ORTHOPYROXENE, _levels(share), cleavage(rng, shape.mask, pixel_size_um))


def plagioclase(rng: np.random.Generator, pixel_size_um: float) -> Body:
    """Plagioclase tablet with oscillating growth bands, sodic towards the rim."""
    area = rng.uniform(8_000, 30_000) / pixel_size_um**2
    shape = faceted(
        rng, area, faces=4, aspect=rng.uniform(2.0, 3.4), rounding=0.4, rough_px=0.4, irregular=0.06
    )
    radius = float(shape.inside_px.max())
    inner = np.clip(shape.depth_px / radius, 0, 1)
    bands = 0.10 * np.sin(2 * np.pi * shape.depth_px / (radius * rng.uniform(0.12, 0.25)))
    share = 0.25 + 0.55 * inner + bands
    return Body(shape, PLAGIOCLASE, _levels(share), np.zeros(shape.mask.shape, np.uint8))


def vesicle(rng: np.random.Generator, pixel_size_um: float) -> Body:
    """Round or slightly stretched bubble, filled with epoxy."""
    radius = float(np.clip(rng.lognormal(np.log(12.0), 0.6), 4, 45)) / pixel_size_um
    area = max(np.pi * radius**2, 12.0)
    shape = faceted(rng, area, faces=14, aspect=rng.uniform(1, 1.15), rounding=1.0, rough_px=0.2)
    empty = np.zeros(shape.mask.shape, np.uint8)
    return Body(shape, VESICLE, empty, empty)


def inclusions(rng: np.random.Generator, shape: Shape, pixel_size_um: float) -> list[Inclusion]:
    """Place melt inclusions (some with a shrinkage bubble) and chromian spinels well inside.

    Parameters
    ----------
    rng
        Random numbers.
    shape
        Shape of the host.
    pixel_size_um
        Side of a pixel.

    Returns
    -------
    list of Inclusion
        Each with its mask in the box of the host.
    """
    found: list[Inclusion] = []
    room = shape.inside_px.copy()
    large = shape.mask.sum() * pixel_size_um**2 > 1e4
    for phase, mean in ((GLASS, 1.1), (OXIDE, 0.8)):
        for _ in range(int(rng.poisson(mean if large else 0.4 * mean))):
            radius = rng.uniform(2.5, 8.0 if large else 4.0) / pixel_size_um
            spots = np.argwhere(room > radius + 5)
            if not len(spots):
                continue
            row, col = spots[rng.integers(len(spots))]
            distance = _distance(shape.mask.shape, row, col)
            if phase == OXIDE:
                mask = _cube(rng, shape.mask.shape, row, col, radius)
                found.append(Inclusion(mask, OXIDE, 255))
            else:
                found.append(Inclusion(distance < radius, GLASS, int(rng.uniform(120, 190))))
                if radius > 3 and rng.random() < 0.5:
                    inside = _distance(shape.mask.shape, row + radius * 0.35, col)
                    found.append(Inclusion(inside < 0.3 * radius, VESICLE, 0))
            np.minimum(room, distance - radius, out=room)
    return found


def grown(mask: NDArray[np.uint8], by_px: int) -> Mask:
    """Dilate a mask by a disc."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by_px + 1, 2 * by_px + 1))
    return np.asarray(cv2.dilate(mask, disc) > 0)


def _distance(shape: tuple[int, ...], row: float, col: float) -> Floats:
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(y - row, x - col).astype(np.float32)


def _cube(
    rng: np.random.Generator, shape: tuple[int, ...], row: float, col: float, radius: float
) -> Mask:
    turn = rng.uniform(0, np.pi / 2)
    y, x = np.ogrid[: shape[0], : shape[1]]
    u = (x - col) * np.cos(turn) + (y - row) * np.sin(turn)
    v = (y - row) * np.cos(turn) - (x - col) * np.sin(turn)
    sides = np.maximum(np.abs(u), np.abs(v) * rng.uniform(1.0, 1.3))
    corners = (np.abs(u) + np.abs(v)) / 1.25
    return np.asarray(np.maximum(sides, corners) < radius * 0.9)


def _levels(share: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.round(share * 255), 0, 255).astype(np.uint8)
