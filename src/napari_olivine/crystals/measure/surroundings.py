"""Surroundings of many crystals at once: how much of them is rock, how much vesicles.

Number densities of crystals are per area of rock: vesicles and gaps of the mosaic do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError

BAND_PIXELS = 8_000_000
"""Pixels whose sums along rows are in memory at one time."""

CHORDS = 1_000_000
"""Rows of discs that are summed at one time."""


@dataclass(frozen=True)
class Surroundings:
    """Rock and vesicles within a radius around each crystal: columns of shape (crystals,)."""

    rock_area_um2: NDArray[np.float64]
    """Area without vesicles and gaps."""
    vesicle_fraction: NDArray[np.float64]
    """Share of vesicles in the imaged part of the disc; NaN where nothing was imaged."""
    seen_fraction: NDArray[np.float64]
    """Share of the disc that has been imaged: less than 1 near edges and gaps."""


def measure_surroundings(
    rock: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    x_um: NDArray[np.float64],
    y_um: NDArray[np.float64],
    radius_um: float,
    pixel_um: float,
    level: int = 0,
) -> Surroundings:
    """Measure the rock within a radius around each crystal.

    Parameters
    ----------
    rock
        Pixels that are imaged and no vesicle, shape (rows, columns) of a level of the pyramid.
    seen
        Pixels that are imaged, in the same shape.
    x_um, y_um
        Centroids, um; the centre of the first pixel of the section is at 0. Shape (crystals,).
    radius_um
        Radius of the discs, at least a pixel of the level.
    pixel_um
        Side of a pixel of the section at full resolution.
    level
        Level of the pyramid that `rock` and `seen` are of.

    Returns
    -------
    Surroundings
        One value a crystal.

    Raises
    ------
    InputError
        If the radius is less than a pixel of the level.

    Notes
    -----
    Memory and time follow the crystals times the radius in pixels and the area of the masks; the
    area of a disc in plain rock is right to 1e-6, its place to a part of a pixel.
    """
    coarse_um = pixel_um * 2.0**level
    radius = radius_um / coarse_um
    if radius < 1:
        raise InputError(
            f"A radius of {radius_um:g} um is less than a pixel ({coarse_um:g} um).",
            setting="surroundings_um",
            expected=f"at least {coarse_um:g} um",
        )
    x, y = ((np.asarray(place) + pixel_um / 2) / coarse_um for place in (x_um, y_um))
    found = np.zeros((3, len(x)))
    for first, last, members in _bands(y, radius, rock.shape):
        for place, mask in enumerate((rock, seen)):
            sums = np.zeros((last - first, rock.shape[1] + 1), np.int32)
            np.cumsum(mask[first:last], axis=1, out=sums[:, 1:])
            for some in _portions(members, radius):
                found[place, some] = _in_discs(sums, x[some], y[some] - first, radius)
    for some in _portions(np.arange(len(x)), radius):
        found[2, some] = _chords(y[some], radius)[1].sum(axis=1) * 2
    covered, imaged = found[:2] * np.pi * radius**2 / found[2]
    with np.errstate(invalid="ignore", divide="ignore"):
        vesicles = np.where(imaged > 0, 1 - covered / imaged, np.nan)
    return Surroundings(covered * coarse_um**2, vesicles, imaged / (np.pi * radius**2))


def _bands(
    y: NDArray[np.float64], radius: float, shape: tuple[int, ...]
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Rows to sum, and the crystals whose discs lie in them."""
    reach = int(np.ceil(radius)) + 1
    height = max(BAND_PIXELS // max(shape[1], 1) - 2 * reach, reach)
    of = np.clip(y // height, 0, max(shape[0] - 1, 0) // height).astype(np.int64)
    for band in np.unique(of):
        first = max(int(band) * height - reach, 0)
        last = min((int(band) + 1) * height + reach, shape[0])
        yield first, last, np.flatnonzero(of == band)


def _portions(members: NDArray[np.int64], radius: float) -> Iterator[NDArray[np.int64]]:
    step = max(int(CHORDS / (2 * radius + 2)), 1)
    for start in range(0, len(members), step):
        yield members[start : start + step]


def _chords(y: NDArray[np.float64], radius: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows that discs may touch and half the length of each disc along the middle of each row."""
    first = np.floor(y - radius).astype(np.int64)
    rows = first[:, None] + np.arange(int(np.ceil(2 * radius)) + 1)
    away = rows + 0.5 - y[:, None]
    return rows, np.sqrt(np.maximum(radius**2 - away**2, 0))


def _in_discs(
    sums: NDArray[np.int32], x: NDArray[np.float64], y: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Pixels of a mask in each disc, from its sums along rows; parts of pixels count as such."""
    rows, half = _chords(y, radius)
    within = (rows >= 0) & (rows < len(sums))
    rows = np.clip(rows, 0, max(len(sums) - 1, 0))
    columns = sums.shape[1] - 1

    def up_to(ends: NDArray[np.float64]) -> NDArray[np.float64]:
        ends = np.clip(ends, 0, columns)
        whole = np.minimum(ends.astype(np.int64), columns - 1)
        left = sums[rows, whole]
        return np.asarray(left + (ends - whole) * (sums[rows, whole + 1] - left))

    chords = up_to(x[:, None] + half) - up_to(x[:, None] - half)
    return np.asarray((chords * within).sum(axis=1))
