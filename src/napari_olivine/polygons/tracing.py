"""Polygons traced along the sides of pixels: exact, with holes, valid in every program.

Corners of pixels have whole coordinates: the top left pixel of an image reaches from (0, 0) to
(1, 1). Polygons filled by the rule that a pixel belongs to what holds its centre give back the
pixels that they were traced around, and their areas count them.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.int64]
"""Corners x, y of a closed line, shape (corners, 2); the last is joined with the first."""

Rings = list[Ring]
"""The outer ring, whose area by the shoelace formula is positive, and one ring for each hole, whose
area is negative. No ring meets itself; two rings meet in single corners only."""

TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT = 1, 2, 4, 8
"""Which of the four pixels around a corner are inside, added up."""

FALLING, RISING = TOP_LEFT | BOTTOM_RIGHT, TOP_RIGHT | BOTTOM_LEFT
"""Two pixels that touch in the corner only: the outline passes it twice."""

PASSES = np.array([bin(code).count("1") % 2 for code in range(16)])
PASSES[[FALLING, RISING]] = 2
"""How often the outline turns in a corner, by the pixels around it."""


def trace_polygons(inside: NDArray[np.bool_]) -> list[Rings]:
    """Trace the sides of the pixels of a crystal.

    Parameters
    ----------
    inside
        Pixels of the crystal, shape (rows, columns).

    Returns
    -------
    list of list of ndarray
        A polygon for each part whose pixels share sides, in pixels of `inside`. Only corners where
        the outline turns are kept.
    """
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(
        inside.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    polygons = []
    for part in range(1, count):
        column, row, width, height = (int(k) for k in boxes[part, :4])
        pixels = parts[row : row + height, column : column + width] == part
        origin = np.array([column, row])
        polygons.append([ring + origin for ring in _trace_part(pixels)])
    return polygons


def _trace_part(pixels: NDArray[np.bool_]) -> Rings:
    """Trace a part whose pixels share sides: its outer ring is met first."""
    corners, around = _corners(pixels)
    width = pixels.shape[1] + 1
    xy = np.stack([corners % width, corners // width], axis=1)
    across, down = _neighbours(xy, around)
    # A corner that is passed twice stands twice in the list, and only those can close a ring early.
    twice = bool((PASSES[around] > 1).any())
    places = corners.tolist()
    rings = []
    for is_hole, line in _lines(across, down):
        loops = list(_without_repeats(line, places)) if twice else [line]
        if not is_hole:  # the last loop holds the top left corner, the others were cut off inside
            loops.reverse()
        rings += [xy[loop] for loop in loops]
    return rings


def _corners(pixels: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Find the corners where the outline turns, row by row, and the pixels around each.

    Corners are numbered row by row, one more in a row than there are pixels.
    """
    padded = np.zeros((pixels.shape[0] + 2, pixels.shape[1] + 2), np.uint8)
    padded[1:-1, 1:-1] = pixels
    around = padded[:-1, :-1] * TOP_LEFT
    around += padded[:-1, 1:] * TOP_RIGHT
    around += padded[1:, :-1] * BOTTOM_LEFT
    around += padded[1:, 1:] * BOTTOM_RIGHT
    flat = around.ravel()
    turns = np.flatnonzero(PASSES[flat])
    corners = np.repeat(turns, PASSES[flat[turns]])
    return corners, flat[corners]


def _neighbours(xy: Ring, around: NDArray[np.uint8]) -> tuple[list[int], list[int]]:
    """Give the other end of the horizontal and of the vertical side at each corner.

    On a line of the grid, sides and gaps alternate: its corners belong together two by two. Where
    two pixels touch in a corner, it turns around each of them by itself.
    """
    numbers = np.arange(len(xy))
    first = np.append(True, (xy[1:] != xy[:-1]).any(axis=1))
    # Of the two turns in a rising corner, the left one goes down and the right one up.
    lower = (around == RISING) == first
    order = np.lexsort((lower, xy[:, 1], xy[:, 0]))
    down = np.empty_like(numbers)
    down[order[0::2]], down[order[1::2]] = order[1::2], order[0::2]
    return (numbers ^ 1).tolist(), down.tolist()


def _lines(across: list[int], down: list[int]) -> Iterator[tuple[bool, list[int]]]:
    """Follow the sides from corner to corner; tell whether the line is that of a hole.

    A line begins in its top left corner. The first is the outer one; it goes to the right from
    there, the others, around holes, go down.
    """
    left = [True] * len(across)
    for start in range(len(across)):
        if not left[start]:
            continue
        is_hole = start > 0
        one, other = (down, across) if is_hole else (across, down)
        line, corner = [], start
        while left[corner]:
            next_corner = one[corner]
            line += [corner, next_corner]
            left[corner] = left[next_corner] = False
            corner = other[next_corner]
        yield is_hole, line


def _without_repeats(line: list[int], places: list[int]) -> Iterator[list[int]]:
    """Cut a line that passes some corners twice into rings that pass each once."""
    ring: list[int] = []
    at: dict[int, int] = {}
    for corner in line:
        place = places[corner]
        if place in at:
            loop = ring[at[place] :]
            del ring[at[place] :]
            yield loop
            for one in loop:
                del at[places[one]]
        at[place] = len(ring)
        ring.append(corner)
    yield ring
