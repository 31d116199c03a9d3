"""What is wrong with a polygon that a person drew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.polygons.polygon import Floats, Polygon

LEAST_CORNERS = 3

SOUGHT_PX = 128
"""Side of the blocks in which the first pixel of a polygon is sought."""


def fault_of(polygon: Polygon, shape: tuple[int, int]) -> str:
    """Say what is wrong with a polygon; empty if nothing is.

    Parameters
    ----------
    polygon
        The polygon.
    shape
        Rows and columns of the image. A polygon may reach beyond; what is outside is cut off.
    """
    if any(len(np.unique(ring, axis=0)) < LEAST_CORNERS for ring in polygon.rings):
        return f"has fewer than {LEAST_CORNERS} corners"
    if not polygon.meets(slice(0, shape[0]), slice(0, shape[1])):
        return "lies outside the image"
    if any(crosses_itself(ring) for ring in polygon.rings):
        return "crosses itself"
    return "" if _has_pixel(polygon, shape) else "encloses no pixel"


def refuse_faults(
    polygons: Sequence[Polygon],
    shape: tuple[int, int],
    pixel_size_um: float,
    file: Path,
    remedy: str,
    setting: str = "",
) -> None:
    """Raise an error that names every polygon that cannot be used, if any cannot.

    Parameters
    ----------
    polygons
        The polygons.
    shape
        Rows and columns of the image.
    pixel_size_um
        Side of its pixels.
    file
        Where the polygons stand.
    remedy
        What to do.
    setting
        Setting that names the file.

    Raises
    ------
    InputError
        If a polygon crosses itself, lies outside the image or encloses no pixel.
    """
    faults = [(one.name, fault_of(one, shape)) for one in polygons]
    if words := [f"{name} {fault}" for name, fault in faults if fault]:
        size = f"{shape[1]} x {shape[0]} pixels of {pixel_size_um:g} um"
        raise InputError(
            f"{file}: {'; '.join(words)}. The image has {size}.",
            remedy=remedy, setting=setting, file=file,
        )  # fmt: skip


def crosses_itself(ring: Floats) -> bool:
    """Tell whether two sides of a ring that are not neighbours meet.

    Parameters
    ----------
    ring
        Corners, shape (corners, 2).
    """
    ring = ring[np.any(ring != np.roll(ring, 1, axis=0), axis=1)]  # a double click is one corner
    begin, end = ring, np.roll(ring, -1, axis=0)
    count = len(ring)
    for side in range(count - 2):
        others = slice(side + 2, count - 1 if side == 0 else count)
        if _meet(begin[side], end[side], begin[others], end[others]).any():
            return True
    return False


def _meet(a: Floats, b: Floats, c: Floats, d: Floats) -> NDArray[np.bool_]:
    """Tell whether the side from a to b meets each of the sides from c to d."""
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    crossing = (turns[0] * turns[1] < 0) & (turns[2] * turns[3] < 0)
    touching = (
        ((turns[0] == 0) & _between(a, b, c))
        | ((turns[1] == 0) & _between(a, b, d))
        | ((turns[2] == 0) & _between(c, d, a))
        | ((turns[3] == 0) & _between(c, d, b))
    )
    return np.asarray(crossing | touching)


def _turn(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return the sign of the turn from a over b to c."""
    one, other = b - a, c - a
    return np.asarray(np.sign(one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]))


def _between(a: Floats, b: Floats, c: Floats) -> NDArray[np.bool_]:
    """Tell whether c, which lies in line with a and b, lies between them."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    return np.asarray(((c >= low) & (c <= high)).all(axis=-1))


def _has_pixel(polygon: Polygon, shape: tuple[int, int]) -> bool:
    row0, row1, column0, column1 = polygon.box
    last_row, last_column = min(int(row1) + 1, shape[0]), min(int(column1) + 1, shape[1])
    for row in range(max(int(row0), 0), last_row, SOUGHT_PX):
        rows = slice(row, min(row + SOUGHT_PX, last_row))
        for column in range(max(int(column0), 0), last_column, SOUGHT_PX):
            columns = slice(column, min(column + SOUGHT_PX, last_column))
            if polygon.pixels(rows, columns).any():
                return True
    return False
