"""Outlines of crystals in section: faces, rounding, roughness, embayments, fractures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """A crystal in its own box.

    Parameters
    ----------
    mask
        Its pixels.
    depth_px
        Distance from the original faces, stretched by the anisotropy of diffusion so that
        equal depth means equal composition; fractures do not count.
    inside_px
        Distance from the outline as it is seen (negative outside).
    """

    mask: NDArray[np.bool_]
    depth_px: Floats
    inside_px: Floats


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], grain_px: float) -> Floats:
    """Draw a random field of zero mean and unit variance.

    Parameters
    ----------
    rng
        Random numbers.
    shape
        Rows and columns.
    grain_px
        Distance over which the field varies.

    Returns
    -------
    float32 array
        Of that shape.
    """
    height = max(4, int(np.ceil(shape[0] / grain_px)) + 3)
    width = max(4, int(np.ceil(shape[1] / grain_px)) + 3)
    coarse = rng.standard_normal((height, width), dtype=np.float32)
    rows = int(np.ceil(height * grain_px))
    cols = int(np.ceil(width * grain_px))
    fine = cv2.resize(
        coarse, (max(cols, shape[1]), max(rows, shape[0])), interpolation=cv2.INTER_CUBIC
    )
    # Cubic interpolation of white noise keeps about two thirds of its variance.
    return np.ascontiguousarray(fine[: shape[0], : shape[1]]) * np.float32(1.25)


def faceted(
    rng: np.random.Generator,
    area_px: float,
    *,
    faces: int,
    aspect: float,
    rounding: float = 0.0,
    rough_px: float = 0.6,
    anisotropy: float = 1.0,
    irregular: float = 0.28,
) -> Shape:
    """Draw a convex crystal with straight faces.

    Parameters
    ----------
    rng
        Source of chance.
    area_px
        Area of the crystal, pixels.
    faces
        Number of faces in section.
    aspect
        Length to width.
    rounding
        0 gives sharp corners, 1 those of a resorbed crystal.
    rough_px
        Waviness of the faces.
    anisotropy
        Fast to slow diffusivity in the plane (6 for olivine cut along its c axis, Dohmen &
        Chakraborty 2007): `depth_px` is stretched by its root across the fast axis.
    irregular
        How far faces turn from equal angles, as a share of the angle between them.

    Returns
    -------
    Shape
        In a box with a margin of 4 pixels.
    """
    angles = (np.arange(faces) + rng.uniform(-irregular, irregular, faces)) * 2 * np.pi / faces
    reach = np.sqrt((np.cos(angles) * aspect) ** 2 + np.sin(angles) ** 2)
    reach *= rng.uniform(0.86, 1.12, faces)
    turn = rng.uniform(0, np.pi)
    fast = turn + rng.normal(0, 0.1)
    scale = np.sqrt(area_px / _unit_area(angles, reach, rounding))
    half = int(np.ceil(scale * reach.max() * 1.45)) + 6
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    distances = _face_distances(x, y, angles + turn, reach * scale)
    inside = _rounded_minimum(distances, rounding * 0.12 * scale)
    wave = smooth_field(rng, inside.shape, max(6.0, scale * 0.15)) * rough_px
    inside = (inside + wave).astype(np.float32)
    across = np.sin(angles + turn - fast) ** 2
    stretch = np.sqrt(1.0 / (1 - across + across / anisotropy))
    stretched = _rounded_minimum(distances * stretch[:, None, None], 0.05 * scale) + wave
    box = _box_of(inside > 0, 4)
    inside, depth = inside[box], np.maximum(stretched[box], 0).astype(np.float32)
    return Shape(inside > 0, depth, inside)


def embayed(rng: np.random.Generator, shape: Shape, lobes: int) -> Shape:
    """Resorb the crystal from its outline in lobes; the zoning follows the new outline.

    Parameters
    ----------
    rng
        Random numbers.
    shape
        Shape of the crystal.
    lobes
        Number of embayments.

    Returns
    -------
    Shape
        The embayed crystal.
    """
    inside, depth = shape.inside_px, shape.depth_px
    radius = float(inside.max())
    edge = np.argwhere((inside > 0) & (inside < 1.5))
    middle = np.argwhere(shape.mask).mean(axis=0)
    y, x = np.indices(inside.shape, dtype=np.float32)
    for _ in range(lobes):
        start = edge[rng.integers(len(edge))].astype(np.float64)
        inward = (middle - start) / max(np.linalg.norm(middle - start), 1e-6)
        tip = start + inward * radius * rng.uniform(0.25, 0.65)
        tip += np.array([-inward[1], inward[0]]) * radius * rng.uniform(-0.2, 0.2)
        width = radius * rng.uniform(0.06, 0.16) + 2.0
        along = np.clip(
            ((y - start[0]) * (tip[0] - start[0]) + (x - start[1]) * (tip[1] - start[1]))
            / max(float(((tip - start) ** 2).sum()), 1e-6),
            0,
            1,
        )
        away = np.hypot(
            y - (start[0] + along * (tip[0] - start[0])),
            x - (start[1] + along * (tip[1] - start[1])),
        )
        gap = away - width * (0.7 + 0.5 * along)
        inside = np.minimum(inside, gap)
        depth = np.minimum(depth, np.maximum(gap, 0) * 1.4)
    mask = largest_piece(inside > 0)
    return Shape(mask, depth.astype(np.float32), np.where(mask, inside, -1).astype(np.float32))


def broken(rng: np.random.Generator, shape: Shape) -> Shape:
    """Break off a part along a rough fracture, which cuts the zoning."""
    radius = float(shape.inside_px.max())
    points = np.argwhere(shape.mask)
    middle = points.mean(axis=0)
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.indices(shape.mask.shape, dtype=np.float32)
    wave = smooth_field(rng, shape.mask.shape, max(8.0, radius * 0.25)) * radius * 0.05
    fracture = (
        radius * rng.uniform(0.05, 0.35)
        - (y - middle[0]) * np.sin(angle)
        - (x - middle[1]) * np.cos(angle)
        + wave
    )
    inside = np.minimum(shape.inside_px, fracture).astype(np.float32)
    mask = largest_piece(inside > 0)
    return Shape(mask, shape.depth_px, np.where(mask, inside, -1).astype(np.float32))


def distance_px(mask: NDArray[np.bool_]) -> Floats:
    """Distance of each pixel of a mask to what lies outside, about, in pixels."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest part that hangs together by sides of pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    if count <= 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _unit_area(angles: NDArray[np.float64], reach: NDArray[np.float64], rounding: float) -> float:
    half = float(reach.max()) * 1.45
    line = np.linspace(-half, half, 96, dtype=np.float32)
    distances = _face_distances(line[None, :], line[:, None], angles, reach)
    inside = _rounded_minimum(distances, rounding * 0.12)
    return float((inside > 0).mean()) * (2 * half) ** 2


def _face_distances(
    x: Floats, y: Floats, angles: NDArray[np.float64], reach: NDArray[np.float64]
) -> Floats:
    cos = np.cos(angles).astype(np.float32)[:, None, None]
    sin = np.sin(angles).astype(np.float32)[:, None, None]
    return np.asarray(reach.astype(np.float32)[:, None, None] - (x * cos + y * sin))


def _rounded_minimum(distances: Floats, softness: float) -> Floats:
    least = distances.min(axis=0)
    if softness < 1e-3:
        return np.asarray(least)
    excess = np.exp(-(distances - least) / np.float32(softness)).sum(axis=0)
    return np.asarray(least - np.float32(softness) * np.log(excess))


def _box_of(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(rows[0] - margin, 0), rows[-1] + 1 + margin),
        slice(max(cols[0] - margin, 0), cols[-1] + 1 + margin),
    )
