"""Outline of one crystal: length, hull, corners, contacts and sharpness.

The outline lies outside the centres of the outermost pixels: along a face that follows the pixels
by half a pixel, along any other by half the distance of the lines of pixel centres that are
parallel to it. A rectangle along the pixels keeps its sides, and so does a turned one on average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Sides = tuple[bool, bool, bool, bool]
"""Whether the top, bottom, left and right side of a box lie on the edge of the section."""

NO_SIDE: Sides = (False, False, False, False)
"""A box in the middle of the section."""

RESOLVED_PX = 500
"""Area in px from which corners are distinguished from curves, and cracks seen (ours)."""

FACES = 8
"""Most faces that a section through an olivine is expected to show (ours)."""

ELLIPSE_EXCESS = FACES / math.pi * math.tan(math.pi / FACES) - 1
"""By how much the tightest polygon of `FACES` sides around an ellipse exceeds its area."""

RING_PX = (1, 3)
"""The rings on both sides of the outline lie farther from it than the first, up to the second
(ours): the images blur the pixel at the outline."""

MARGIN_PX = RING_PX[1]
"""Pixels around a crystal that `measure_boundary` looks at: read its box with this margin."""

BRUSHES = tuple(np.ones((2 * reach + 1, 2 * reach + 1), np.uint8) for reach in RING_PX)
"""Structuring elements that dilate and erode a crystal by `RING_PX`."""

NOISE_ROWS = 64
"""Rows on which the noise is estimated at most."""


@dataclass(frozen=True)
class Outline:
    """Lengths, angles and contacts of an outline; NaN for what cannot be measured."""

    perimeter_px: float
    """Length of the outer outline (Vossepoel and Smeulders 1982), summed over loose parts; where
    the section ends, its edge is part of the outline."""
    feret_max_px: float
    """Largest distance of two parallel tangents (maximal Feret or caliper diameter): that of two
    pixel centres plus 1."""
    feret_max_angle_deg: float
    """Its direction, 0 to 180 degrees from the x axis, counter-clockwise as seen on screen."""
    feret_min_px: float
    """Smallest distance of two parallel tangents (minimal Feret diameter)."""
    box_length_px: float
    """Longer side of the smallest rectangle, by area, in any direction."""
    box_width_px: float
    """Its shorter side."""
    hull_area_px: float
    """Pixels whose centres lie in the convex hull of the crystal's; exact, by Pick's theorem."""
    rounding: float
    """Area between the convex hull and the tightest 8-sided polygon around it, over the area of the
    hull, divided by the same ratio for an ellipse (5.5 %): 0 for up to 8 straight faces, 1 for an
    ellipse of any axes. NaN below 500 px (ours)."""
    edge_contact: float
    """Share of the outline on the edge of the section."""
    gap_contact: float
    """Share of the outline on gaps of the mosaic."""


@dataclass(frozen=True)
class Boundary:
    """Steps of the images across an outline, inside minus outside; NaN where there is none."""

    boundary_grey_step: float = np.nan
    """Mean BSE grey in the ring inside minus that in the ring outside, in grey levels."""
    boundary_contrast: float = np.nan
    """The same in units of the noise of one pixel."""
    boundary_probability_step: float = np.nan
    """The same of the probability (0 to 1): near 1 where the network was sure of the outline."""


def measure_outline(
    filled: NDArray[np.bool_],
    on_edge: Sides = NO_SIDE,
    gaps: NDArray[np.bool_] | None = None,
) -> Outline:
    """Measure the outer outline of one crystal.

    Parameters
    ----------
    filled
        Crystal without holes, shape (rows, columns), not empty.
    on_edge
        Sides of the box that lie on the edge of the section.
    gaps
        Pixels of the box without image, in the same shape.

    Returns
    -------
    Outline
        Lengths in px, angles in degrees.

    References
    ----------
    Vossepoel, A. M. and Smeulders, A. W. M. (1982). Vector code probability and metrication error
    in the representation of straight lines of finite length. Computer Graphics and Image
    Processing 20, 347-364 (perimeter).
    Low, K.-L. and Ilie, A. (2003). Computing a view frustum to maximize an object's image area.
    Journal of Graphics Tools 8, 3-15 (tightest polygon around the hull).

    Notes
    -----
    Tried on shapes in random places and directions, the length of discs and ellipses is biased by
    0.7 % at 4 px radius, 0.5 % at 8 px and 0.2 % at 20 px; that of a square of 40 px by -0.6 %,
    at most by -2.7 % where its sides run along the pixels. Smallest widths and boxes are biased by
    less than 0.1 px where there are straight faces and by up to -0.4 px for discs and ellipses;
    the largest diameter by -0.2 px for rectangles and by up to 0.9 px for discs.
    """
    contours = trace_outline(filled)
    perimeter = sum(curve_length(contour) for contour in contours)
    points = contours[0] if len(contours) == 1 else np.concatenate(contours)
    hull = np.asarray(cv2.convexHull(points), np.int32).reshape(-1, 2)
    edges = _steps(hull)
    parts = np.gcd(edges[:, 0], edges[:, 1])
    feret_max, angle, feret_min, length, width = _widths(hull, edges, parts)
    # Pick's theorem; each edge of the hull runs from pixel centre to pixel centre in some parts.
    area = float(cv2.contourArea(hull)) + int(parts.sum()) / 2 + 1
    edge = _length_on_edge(filled, on_edge) if any(on_edge) else 0
    gap = 0 if gaps is None or not gaps.any() else _shared_sides(filled, gaps)
    return Outline(
        perimeter, feret_max, angle, feret_min, length, width, area,
        _rounding(hull) if area >= RESOLVED_PX else np.nan,
        min(edge / perimeter, 1.0), min(gap / perimeter, 1.0),
    )  # fmt: skip


def trace_outline(filled: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """Follow the outer outline of each part of a crystal from pixel centre to pixel centre.

    Returns
    -------
    list of ndarray, shape (points, 2)
        x (column) and y (row) of pixels, each a neighbour of the next and the last of the first.
    """
    contours, _ = cv2.findContours(filled.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(contour, np.int32).reshape(-1, 2) for contour in contours]


def curve_length(points: NDArray[np.int32]) -> float:
    """Length of a closed outline, px, from its chain of pixels.

    Each step along the pixels counts 0.980, each diagonal one 1.406, and each change of direction
    -0.091: free of bias for straight lines in random directions. The outline lies half a pixel
    outside the centres, which adds pi (Steiner's formula).

    Parameters
    ----------
    points
        As from :func:`trace_outline`, shape (points, 2).

    References
    ----------
    Vossepoel, A. M. and Smeulders, A. W. M. (1982), see :func:`measure_outline`.
    """
    if len(points) == 1:
        return math.pi
    steps = _steps(points)
    codes = steps[:, 0] * 3 + steps[:, 1]
    diagonal = int(np.count_nonzero(steps[:, 0] * steps[:, 1]))
    turns = int(np.count_nonzero(codes[1:] != codes[:-1])) + int(codes[0] != codes[-1])
    return 0.980 * (len(steps) - diagonal) + 1.406 * diagonal - 0.091 * turns + math.pi


def _steps(points: NDArray[np.int32]) -> NDArray[np.int32]:
    """From each point of a closed line to the next."""
    steps = np.empty_like(points)
    np.subtract(points[1:], points[:-1], out=steps[:-1])
    np.subtract(points[0], points[-1], out=steps[-1])
    return steps


def measure_boundary(
    inside: NDArray[np.bool_],
    filled: NDArray[np.bool_],
    on_edge: Sides = NO_SIDE,
    *,
    grey: NDArray[Any] | None = None,
    probability: NDArray[Any] | None = None,
    left_out: NDArray[np.bool_] | None = None,
    noise: float | None = None,
) -> Boundary:
    """Measure by how much the images change across the outline of one crystal.

    Parameters
    ----------
    inside
        Pixels of the crystal, holes left out.
    filled
        The same with holes filled.
    on_edge
        Sides of the box that lie on the edge of the section: no outline runs there.
    grey
        BSE grey, in any unit.
    probability
        Probability of olivine, 0 to 255.
    left_out
        Pixels that do not count as surroundings: other crystals of olivine, gaps.
    noise
        Standard deviation of the noise of a pixel, in units of the grey; estimated by
        :func:`grey_noise` if not given.

    Returns
    -------
    Boundary
        NaN where an image is missing.

    Notes
    -----
    All arrays have the shape of the box, best with a margin of `MARGIN_PX`: pixels outside the
    arrays do not count. Where a crystal is too thin for the inner ring, all of it counts.
    """
    inner, outer = _rings(inside, filled, on_edge, left_out)
    grey_step = contrast = probability_step = np.nan
    if grey is not None:
        grey_step = _step(grey, inner, outer)
        noise = grey_noise(grey, inside) if noise is None else noise
        contrast = grey_step / noise if noise > 0 else np.nan
    if probability is not None:
        probability_step = _step(probability, inner, outer) / 255
    return Boundary(grey_step, contrast, probability_step)


def grey_noise(grey: NDArray[Any], inside: NDArray[np.bool_]) -> float:
    """Estimate the standard deviation of the noise of a pixel inside a crystal.

    From second differences along rows of pixels two apart, which an even slope leaves at 0 and
    for which the blur of the image hardly matters. The largest tenth of them, on cracks and
    inclusions, does not count.

    Parameters
    ----------
    grey
        In any unit, shape (rows, columns).
    inside
        Pixels of the crystal.

    Returns
    -------
    float
        In units of `grey`; NaN where no five pixels of the crystal follow each other in a row.
    """
    rows = slice(None, None, max(1, grey.shape[0] // NOISE_ROWS))
    there = inside[rows]
    there = there[:, :-4] & there[:, 2:-2] & there[:, 4:]
    values = grey[rows].astype(np.float32)
    differences = np.abs(values[:, :-4] - 2 * values[:, 2:-2] + values[:, 4:])[there]
    kept = math.ceil(0.9 * differences.size)
    if not kept:
        return np.nan
    differences.partition(kept - 1)
    # |z| of a normal z has the mean 0.6573 below its 90th percentile, 1.645; var(a - 2b + c) = 6.
    return float(differences[:kept].sum() / kept / 0.6573 / math.sqrt(6))


def _widths(
    hull: NDArray[np.int32], edges: NDArray[np.int32], parts: NDArray[np.int32]
) -> tuple[float, float, float, float, float]:
    """Feret diameters and the sides of the smallest box, from the corners and edges of a hull."""
    corners = hull.astype(np.float64).view(np.complex128)[:, 0]
    count = len(corners)
    if count == 1:
        return 1.0, 0.0, 1.0, 1.0, 1.0
    apart = corners[:, None] - corners
    longest = complex(apart.flat[int(np.abs(apart).argmax())])
    angle = math.degrees(math.atan2(-longest.imag, longest.real)) % 180
    # Both the smallest width and the smallest box lie along an edge of the hull.
    steps = edges.astype(np.float64).view(np.complex128)[:, 0]
    lengths = np.abs(steps)
    turned = (corners[:, None] * (steps / lengths).conj()).view(np.float64)
    extent = np.maximum.reduce(turned) - np.minimum.reduce(turned)
    # Lines of pixel centres along (a, b), without common factor, are 1 / |(a, b)| apart.
    spacing = parts / lengths
    along, across = extent[::2] + spacing, extent[1::2] + spacing
    box = int((along * across).argmin())
    sides = float(along[box]), float(across[box])
    feret_min = min(float(across.min()), float(along.min()))
    return abs(longest) + 1, angle, feret_min, max(sides), min(sides)


def _rounding(hull: NDArray[np.int32]) -> float:
    if len(hull) <= FACES:
        return 0.0
    corners = hull.astype(np.float32).reshape(-1, 1, 2)
    # Edges are removed one by one, the one that adds least area first (Low and Ilie 2003).
    polygon = cv2.approxPolyN(corners, FACES, ensure_convex=True).astype(np.float32)
    excess = cv2.contourArea(polygon) / cv2.contourArea(corners) - 1
    return float(max(excess, 0) / ELLIPSE_EXCESS)


def _length_on_edge(filled: NDArray[np.bool_], on_edge: Sides) -> int:
    """Count the sides of pixels that lie on the edge of the section."""
    lines = (filled[0], filled[-1], filled[:, 0], filled[:, -1])
    touching = [line for line, touches in zip(lines, on_edge, strict=True) if touches]
    return sum(int(np.count_nonzero(line)) for line in touching)


def _shared_sides(filled: NDArray[np.bool_], gaps: NDArray[np.bool_]) -> int:
    """Count the sides of pixels that a crystal shares with gaps."""
    pairs = [
        (filled[:-1], gaps[1:]), (filled[1:], gaps[:-1]),
        (filled[:, :-1], gaps[:, 1:]), (filled[:, 1:], gaps[:, :-1]),
    ]  # fmt: skip
    return sum(int(np.count_nonzero(crystal & gap)) for crystal, gap in pairs)


def _rings(
    inside: NDArray[np.bool_],
    filled: NDArray[np.bool_],
    on_edge: Sides,
    left_out: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels of the crystal and of its surroundings that lie a little off the outline."""
    near, far = BRUSHES
    top, bottom, left, right = (0 if edge else MARGIN_PX for edge in on_edge)
    padded = cv2.copyMakeBorder(
        filled.view(np.uint8), top, bottom, left, right, cv2.BORDER_CONSTANT, value=0
    )
    rows, columns = filled.shape
    box = slice(top, top + rows), slice(left, left + columns)
    crystal = inside.view(np.uint8)
    inner = np.asarray(cv2.subtract(cv2.erode(padded, near), cv2.erode(padded, far))[box], np.uint8)
    inner &= crystal
    outer = cv2.subtract(cv2.dilate(padded, far), cv2.dilate(padded, near))[box]
    if left_out is not None:
        outer[left_out] = 0
    return (inner if cv2.countNonZero(inner) else crystal), np.asarray(outer, np.uint8)


def _step(image: NDArray[Any], inner: NDArray[np.uint8], outer: NDArray[np.uint8]) -> float:
    if not (cv2.countNonZero(inner) and cv2.countNonZero(outer)):
        return np.nan
    return float(cv2.mean(image, mask=inner)[0] - cv2.mean(image, mask=outer)[0])
