"""Shape of one crystal in its box: holes, axes, cracks, habit, distance to the outline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.measure.distance import exact_distance
from napari_olivine.crystals.measure.outline import (
    NO_SIDE,
    RESOLVED_PX,
    Outline,
    Sides,
    grey_noise,
    measure_outline,
)

CRACK_WIDEST_UM = 4.0
"""Wider dark parts are no cracks (ours)."""

CRACK_SHORTEST_UM = 20.0
"""Shorter dark parts are no cracks (ours)."""

CRACK_DEPTH = 5.0
"""Multiple of the noise by which a crack is darker than the pixels beside it (ours)."""

SKELETAL_SOLIDITY = 0.88
"""Crystals that fill less of their convex hull are skeletal (ours)."""

HOPPER_HOLES = 0.1
"""Crystals with more holes, cracks left out, are skeletal (hopper crystals; ours)."""

EUHEDRAL_BELOW = 0.3
"""Crystals whose corners are rounded by less are euhedral (ours)."""

ROUNDED_ABOVE = 0.6
"""Crystals whose corners are rounded by more are rounded (ours)."""

HABIT_CONTACT = 0.05
"""Crystals with more of their outline cut off by the edge or by gaps get no habit (ours)."""


@dataclass(frozen=True)
class CrystalShape(Outline):
    """Size, form and habit of one crystal: columns of the table; NaN for what cannot be measured.

    Lengths ending in ``_px`` are pixels and areas (``area_px``, ...) square pixels; `in_um` makes
    micrometres of them. Conventions of length, for crystal size distributions: moment ellipse,
    Feret, smallest box and disc of equal area give a rectangle of length l and width w the
    lengths 1.155 l, (l^2 + w^2)^0.5, l and 1.128 (l w)^0.5.
    """

    area_px: float
    """Pixels of the crystal, holes left out."""
    filled_area_px: float
    """Pixels with holes filled, which all lengths belong to."""
    equivalent_diameter_px: float
    """Diameter of the disc of `filled_area_px`."""
    major_axis_px: float
    """Major axis of the ellipse with the same second moments."""
    minor_axis_px: float
    """Its minor axis."""
    long_axis_angle_deg: float
    """Direction of the major axis, 0 to 180 degrees from the x axis (columns), counter-clockwise
    as seen on screen, where rows go down: 45 points to the upper right."""
    aspect_ratio: float
    """Major to minor axis, 1 or more."""
    circularity: float
    """4 pi area / perimeter^2, with holes filled: 1 for a disc, pi / 4 for a square."""
    solidity: float
    """Share of the convex hull that the crystal fills: 1 for every convex crystal."""
    hole_fraction: float
    """Share of the filled crystal that is holes, cracks among them."""
    crack_fraction: float
    """Share of the crystal that is cracks, in it or from its outline inwards; NaN below 500 px."""
    habit: str
    """``euhedral``, ``subhedral``, ``rounded``, ``skeletal`` or empty; see `classify_habit`."""


def measure_shape(
    inside: NDArray[np.bool_],
    filled: NDArray[np.bool_],
    pixel_um: float,
    on_edge: Sides = NO_SIDE,
    *,
    gaps: NDArray[np.bool_] | None = None,
    grey: NDArray[Any] | None = None,
    noise: float | None = None,
) -> CrystalShape:
    """Measure the shape of one crystal.

    Parameters
    ----------
    inside
        Pixels of the crystal, holes left out, shape (rows, columns), not empty.
    filled
        The same with holes filled, as from :func:`fill_holes`.
    pixel_um
        Side of a pixel, um: cracks have a width in um.
    on_edge
        Sides of the box that lie on the edge of the section.
    gaps
        Pixels of the box without image; None where there are none.
    grey
        BSE grey, in any unit: shows cracks that are no holes.
    noise
        Standard deviation of the noise of a pixel of `grey`; estimated if not given.

    Returns
    -------
    CrystalShape
        Lengths in px; see :func:`in_um`.
    """
    outline = measure_outline(filled, on_edge, gaps)
    area, filled_area = float(np.count_nonzero(inside)), float(np.count_nonzero(filled))
    resolved = filled_area >= RESOLVED_PX
    cracks = find_cracks(inside, filled, pixel_um, grey, noise) if resolved else None
    hollow, cracked = 0.0, 0.0 if resolved else np.nan
    if cracks is not None:
        cracked = float(np.count_nonzero(cracks) / np.count_nonzero(filled | cracks))
    if area < filled_area:
        holes = filled & ~inside
        hollow = float(np.count_nonzero(holes if cracks is None else holes & ~cracks) / filled_area)
    major, minor, angle = moment_ellipse(filled)
    solidity = filled_area / outline.hull_area_px
    cut_off = outline.edge_contact + outline.gap_contact > HABIT_CONTACT
    return CrystalShape(
        **vars(outline),
        area_px=area,
        filled_area_px=filled_area,
        equivalent_diameter_px=2 * math.sqrt(filled_area / math.pi),
        major_axis_px=major,
        minor_axis_px=minor,
        long_axis_angle_deg=angle,
        aspect_ratio=major / minor,
        circularity=4 * math.pi * filled_area / outline.perimeter_px**2,
        solidity=solidity,
        hole_fraction=1 - area / filled_area,
        crack_fraction=cracked,
        habit="" if cut_off else classify_habit(solidity, outline.rounding, hollow),
    )


def in_um(columns: Mapping[str, Any], pixel_um: float) -> dict[str, Any]:
    """Turn columns in pixels into micrometres, and keep all others.

    Parameters
    ----------
    columns
        By name, values of any kind that can be multiplied: numbers, arrays, columns of a table.
        Names ending in ``area_px`` are areas, in ``_px`` lengths.
    pixel_um
        Side of a pixel, um; of a coarse level of a pyramid, that of its own pixels.

    Returns
    -------
    dict
        ``area_px`` becomes ``area_um2``, any other ``_px`` becomes ``_um``.
    """
    converted = {}
    for name, values in columns.items():
        if name.endswith("area_px"):
            converted[name.removesuffix("px") + "um2"] = values * pixel_um**2
        elif name.endswith("_px"):
            converted[name.removesuffix("px") + "um"] = values * pixel_um
        else:
            converted[name] = values
    return converted


def classify_habit(solidity: float, rounding: float, holes: float) -> str:
    """Name the habit that a crystal shows in section (ours).

    Parameters
    ----------
    solidity
        Share of its convex hull that it fills.
    rounding
        0 for straight faces, 1 for an ellipse, NaN if too small to tell; see
        :class:`~napari_olivine.crystals.measure.outline.Outline`.
    holes
        Share of the filled crystal that is holes, cracks left out.

    Returns
    -------
    str
        ``skeletal`` for embayed, branching and hopper crystals; else by `rounding` ``euhedral``
        (straight faces), ``subhedral`` or ``rounded``; empty if too small.
    """
    if math.isnan(rounding):
        return ""
    if solidity < SKELETAL_SOLIDITY or holes > HOPPER_HOLES:
        return "skeletal"
    if rounding < EUHEDRAL_BELOW:
        return "euhedral"
    return "subhedral" if rounding <= ROUNDED_ABOVE else "rounded"


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill holes: pixels that no path along the sides of pixels joins to the outside of the box."""
    image = mask.view(np.uint8)
    outside = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(outside, None, (0, 0), 2, flags=4)
    return np.asarray(outside[1:-1, 1:-1] != 2)


def outline_distance(filled: NDArray[np.bool_], on_edge: Sides = NO_SIDE) -> NDArray[np.float32]:
    """Distance of each pixel to the outer outline, in pixels; 1 for pixels along it.

    Where the section ends there is no outline of the crystal, so that side is not counted,
    unless the crystal has no other.

    Parameters
    ----------
    filled
        Crystal without holes.
    on_edge
        Sides of the box that lie on the edge of the section.
    """
    top, bottom, left, right = (0 if edge else 1 for edge in on_edge)
    image = filled.view(np.uint8)
    padded = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    if padded.all():
        top, bottom, left, right = 1, 1, 1, 1
        padded = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    rows, columns = filled.shape
    return exact_distance(np.asarray(padded))[top : top + rows, left : left + columns]


def moment_ellipse(mask: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Ellipse with the same second moments.

    Parameters
    ----------
    mask
        Shape (rows, columns), not empty.

    Returns
    -------
    major, minor
        Axes, px: 4 times the root of the second moments, so that a disc gets its diameter and a
        rectangle 2 / 3^0.5 times its sides.
    angle
        Of the major axis in degrees, 0 to 180 from the x axis, counter-clockwise as seen on
        screen.

    References
    ----------
    Teague, M. R. (1980). Image analysis via the general theory of moments. Journal of the Optical
    Society of America 70, 920-930. doi 10.1364/JOSA.70.000920
    """
    moments = cv2.moments(mask.view(np.uint8))
    area = moments["m00"]
    # A pixel is a square: it has the second moment 1/12 about its own centre.
    xx, yy = moments["mu20"] / area + 1 / 12, moments["mu02"] / area + 1 / 12
    xy = moments["mu11"] / area
    middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    angle = math.degrees(math.atan2(-2 * xy, xx - yy)) / 2 % 180
    return 4 * math.sqrt(middle + half), 4 * math.sqrt(middle - half), angle


def find_cracks(
    inside: NDArray[np.bool_],
    filled: NDArray[np.bool_],
    pixel_um: float,
    grey: NDArray[Any] | None = None,
    noise: float | None = None,
) -> NDArray[np.bool_] | None:
    """Find the cracks of a crystal: narrow, long parts that are holes in it or dark.

    Cracks that reach the outline count as well. They are at most `CRACK_WIDEST_UM` wide, at least
    `CRACK_SHORTEST_UM` long and, where they are no holes, darker than the pixels beside them by
    `CRACK_DEPTH` times the noise (ours).

    Parameters
    ----------
    inside, filled
        Pixels of the crystal without and with its holes.
    pixel_um
        Side of a pixel, um.
    grey
        BSE grey, in any unit.
    noise
        Standard deviation of the noise of a pixel of `grey`; estimated if not given.

    Returns
    -------
    ndarray of bool or None
        Pixels of cracks in the box; None if there are none.
    """
    side = 2 * math.ceil(CRACK_WIDEST_UM / pixel_um / 2) + 1
    shortest = max(CRACK_SHORTEST_UM / pixel_um, 3.0 * side)
    if max(filled.shape) < shortest:
        return None
    brush = np.ones((side, side), np.uint8)
    image = filled.view(np.uint8)
    padded = cv2.copyMakeBorder(image, side, side, side, side, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, brush)[side:-side, side:-side]
    open_parts = np.greater(closed, inside.view(np.uint8)).view(np.uint8)
    narrow = np.asarray(cv2.morphologyEx(open_parts, cv2.MORPH_TOPHAT, brush), np.uint8)
    if grey is not None:
        noise = grey_noise(grey, inside) if noise is None else noise
        narrow |= _dark_lines(grey, filled, brush, CRACK_DEPTH * noise)
    return _long_parts(narrow, shortest)


def _dark_lines(
    grey: NDArray[Any], filled: NDArray[np.bool_], brush: NDArray[np.uint8], depth: float
) -> NDArray[np.uint8]:
    """Pixels of a crystal that are darker than the pixels on both sides of them."""
    # Without its surroundings: a bright neighbour would make the crystal's rim look dark.
    alone = np.where(filled, grey, np.zeros((), grey.dtype))
    depths = cv2.morphologyEx(alone, cv2.MORPH_BLACKHAT, brush)
    return np.asarray((depths > depth) & filled).view(np.uint8)


def _long_parts(parts: NDArray[np.uint8], shortest: float) -> NDArray[np.bool_] | None:
    """Keep the connected parts whose box has at least a diagonal; None if there are none.

    Parts that are a pixel apart are one: a crack is seldom whole.
    """
    if not cv2.countNonZero(parts):
        return None
    rows, columns = parts.shape
    even = cv2.copyMakeBorder(
        parts * np.uint8(255), 0, rows % 2, 0, columns % 2, cv2.BORDER_CONSTANT, value=0
    )
    # Of 2 x 2 pixels the mean is at least 64 if one of them counts.
    halved = cv2.resize(even, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(halved, connectivity=8)
    extent = 2 * np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    kept = extent >= shortest
    kept[0] = False
    if not kept.any():
        return None
    long = kept.astype(np.uint8)[labels]
    whole = cv2.resize(long, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    return np.asarray((whole[:rows, :columns] & parts) > 0)
