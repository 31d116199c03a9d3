"""A section divided into cells that meet in triple junctions: grains, clasts, augite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.spatial import cKDTree

from napari_olivine.phantom.shapes import Floats, smooth_field

_CELL_PX = 15.0  # mean diameter of a cell on the coarse grid
_BLUR = 0.2  # of the mean diameter
_NEIGHBOURS = 7
_STRIP = 64  # rows


@dataclass(frozen=True)
class Cells:
    """Cells of a section.

    Parameters
    ----------
    label
        int32, number of each pixel's cell, from 1; shape (rows, columns).
    level
        float32: 0.5 along the border of two cells, 1/3 where three meet, 1 far inside.
    count
        Largest number.
    """

    label: NDArray[np.int32]
    level: Floats
    count: int


def divide(
    rng: np.random.Generator,
    shape: tuple[int, int],
    diameter_px: float,
    *,
    spread: float,
    ragged: float = 0.0,
    ripening: int = 1,
) -> Cells:
    """Divide a section into cells.

    Borders between cells move towards their centres of curvature (threshold dynamics, Merriman,
    Bence & Osher 1994), as grain boundaries do: they meet at 120 degrees.

    Parameters
    ----------
    rng
        Random numbers.
    shape
        Rows and columns.
    diameter_px
        Mean diameter of a cell.
    spread
        Spread of the diameters, of their logarithm.
    ragged
        How far borders wander before they ripen, as a share of the diameter.
    ripening
        Rounds of ripening.

    Returns
    -------
    Cells
        Number and level of every pixel.
    """
    step = max(1.0, diameter_px / _CELL_PX)
    diameter = diameter_px / step
    margin = int(1.5 * diameter)
    coarse = (int(shape[0] / step) + 2 * margin + 2, int(shape[1] / step) + 2 * margin + 2)
    label = _nearest(rng, coarse, diameter, spread, ragged)
    for _ in range(ripening):
        label = _ripened(label, _BLUR * diameter)
    return _fine(label, shape, step, margin, _BLUR * diameter)


def bisected(values: Floats, share: float) -> float:
    """Find the limit above which a share of the values lies."""
    return float(np.quantile(values[::3, ::3], 1.0 - share))


def _nearest(
    rng: np.random.Generator, shape: tuple[int, int], diameter: float, spread: float, ragged: float
) -> NDArray[np.int32]:
    """Label the pixels of a coarse grid by the seed that is nearest in Laguerre's sense."""
    count = max(4, round(shape[0] * shape[1] / (0.85 * diameter**2)))
    seeds = rng.uniform(0, 1, (count, 2)) * shape
    some = rng.uniform(0, 1, (40 * count, 2)) * shape
    for _ in range(2):  # Lloyd: apart from each other
        owner = cKDTree(seeds).query(some)[1]
        size = np.maximum(np.bincount(owner, minlength=count), 1)[:, None]
        sums = [np.bincount(owner, some[:, axis], count) for axis in (0, 1)]
        seeds = np.stack(sums, axis=1) / size
    radius = 0.5 * diameter * np.exp(rng.normal(-(spread**2) / 2, spread, count))
    shift = np.zeros((2, *shape), np.float32)
    for axis in (0, 1):
        for scale in (0.8, 0.3):
            wander = smooth_field(rng, shape, max(2.0, scale * diameter))
            shift[axis] += np.float32(ragged * scale * diameter) * wander
    tree, neighbours = cKDTree(seeds), min(_NEIGHBOURS, count)
    label = np.empty(shape, np.int32)
    for first in range(0, shape[0], _STRIP):  # neighbours take much memory
        part = shift[:, first : first + _STRIP]
        rows, cols = np.indices(part.shape[1:], np.float32)
        points = np.stack([rows + first + part[0], cols + part[1]], axis=-1)
        distance, near = tree.query(points, k=neighbours)
        best = np.argmin(distance**2 - radius[near] ** 2, axis=-1)[..., None]
        label[first : first + _STRIP] = np.take_along_axis(near, best, -1)[..., 0] + 1
    return label


def _ripened(label: NDArray[np.int32], blur: float) -> NDArray[np.int32]:
    best = np.zeros(label.shape, np.float32)
    ripe = label.copy()
    for number, box, share in _shares(label, blur):
        higher = share > best[box]
        best[box][higher] = share[higher]
        ripe[box][higher] = number
    return ripe


def _fine(
    label: NDArray[np.int32], shape: tuple[int, int], step: float, margin: int, blur: float
) -> Cells:
    """Blur each cell, enlarge it and let the strongest win: smooth borders at full resolution."""
    level, fine = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    for number, box, share in _shares(label, blur):
        rows = _fine_range(box[0], step, margin, shape[0])
        cols = _fine_range(box[1], step, margin, shape[1])
        if rows.start >= rows.stop or cols.start >= cols.stop:
            continue
        to_coarse = np.array(
            [
                [1 / step, 0, cols.start / step + margin - box[1].start],
                [0, 1 / step, rows.start / step + margin - box[0].start],
            ]
        )
        size = (cols.stop - cols.start, rows.stop - rows.start)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        wide = cv2.warpAffine(share, to_coarse, size, flags=flags)
        here = (rows, cols)
        higher = wide > level[here]
        level[here][higher] = wide[higher]
        fine[here][higher] = number
    return Cells(fine, np.minimum(level, 1.0, out=level), int(label.max()))


def _fine_range(part: slice, step: float, margin: int, length: int) -> slice:
    first = int(np.ceil((part.start - margin) * step))
    last = int((part.stop - 1 - margin) * step)
    return slice(max(first, 0), min(last + 1, length))


def _shares(
    label: NDArray[np.int32], blur: float
) -> Iterator[tuple[int, tuple[slice, slice], Floats]]:
    """Yield each cell's blurred indicator in a box that holds all of it."""
    reach = int(np.ceil(2.5 * blur))
    for number, part in enumerate(find_objects(label), start=1):
        if part is None:
            continue
        box = (_wider(part[0], reach, label.shape[0]), _wider(part[1], reach, label.shape[1]))
        mine = (label[box] == number).astype(np.float32)
        share = cv2.GaussianBlur(mine, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
        yield number, box, share


def _wider(part: slice, by: int, length: int) -> slice:
    return slice(max(part.start - by, 0), min(part.stop + by, length))
