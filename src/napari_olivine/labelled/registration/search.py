"""The first place of a map: scales and rotations tried, all offsets of each at once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from napari_olivine.job import Job
from napari_olivine.labelled.registration.correlation_ratio import BestOffset, Offsets
from napari_olivine.labelled.registration.images import Floats, MineralMap
from napari_olivine.labelled.registration.outline import extent_in_grey, extent_in_map
from napari_olivine.labelled.registration.placing import Placing

SIDE_PX = 192
"""Pixels of the longer side of the SEM image in the search."""

STEP_PX = 2.0
"""How far the ends of the frame move between two scales or rotations that are tried."""

PIXEL_SIZES_PERCENT = 4.0
"""How far two stated pixel sizes may be wrong."""

MOST_CLASSES = 5
"""Classes that are told apart in the search: the most common ones, and all others together."""


@dataclass(frozen=True)
class Found:
    """The best place of the search.

    Parameters
    ----------
    placing
        Between the full images.
    best
        What speaks for it.
    chance
        The best gain of any scale and rotation at an offset far away from its own best.
    tried
        How many scales and rotations were tried.
    """

    placing: Placing
    best: BestOffset
    chance: float
    tried: int


def scale_estimates(
    grey: Floats, factor: int, mineral_map: MineralMap, sem_shape: tuple[int, int]
) -> list[float]:
    """Estimate SEM pixels a map pixel without pixel sizes: by outlines and by frames.

    Parameters
    ----------
    grey
        SEM image, averaged.
    factor
        How many pixels were averaged along a side.
    mineral_map
        The map.
    sem_shape
        Rows and columns of the SEM image.

    Returns
    -------
    list of float
        One estimate or two.
    """
    estimates = []
    sample, there = extent_in_grey(grey), extent_in_map(mineral_map.classes)
    if sample is not None and there is not None:
        estimates.append(factor * float(np.sqrt(np.prod(sample) / np.prod(there))))
    estimates.append(float(np.sqrt(np.prod(sem_shape) / np.prod(mineral_map.shape))))
    return estimates


def find_place(
    grey: Floats,
    factor: int,
    mineral_map: MineralMap,
    scales: list[float],
    scale_percent: float,
    rotation_deg: float,
    job: Job,
) -> Found:
    """Try scales and rotations, and find the best offset of each.

    Parameters
    ----------
    grey
        SEM image, averaged to about `SIDE_PX`.
    factor
        How many of its pixels were averaged along a side.
    mineral_map
        The map.
    scales
        Estimates of SEM pixels a map pixel.
    scale_percent
        How far they may be wrong.
    rotation_deg
        Largest rotation either way.
    job
        Running job.

    Returns
    -------
    Found
        The best.
    """
    step = STEP_PX / (max(grey.shape) / 2)
    rotations = _grid(rotation_deg, np.rad2deg(step))
    tried = [
        (scale * (1 + off / 100), rotation)
        for scale in scales
        for off in _grid(scale_percent, 100 * step)
        for rotation in rotations
    ]
    largest = max(scale for scale, _ in tried) / factor
    side = int(np.hypot(*mineral_map.shape) * largest) + 2
    offsets = Offsets(grey, side)
    reduced = max(1, int(factor / min(scales)))
    shares = _shares(mineral_map, reduced)
    found: tuple[float, Placing, BestOffset] | None = None
    chance = 0.0
    for number, (scale, rotation) in enumerate(tried):
        job.progress(number, len(tried), "Looking for the place of the map")
        turned, placing = _turned(shares, scale * reduced / factor, rotation)
        best = offsets.search(turned)
        chance = max(chance, best.rival)
        if found is None or best.gain > found[0]:
            moved = placing.matrix.copy()
            moved[:, 2] -= moved[:, :2] @ (best.column, best.row)
            found = best.gain, Placing(moved).enlarged(factor, reduced), best
    job.progress(len(tried), len(tried), "Looking for the place of the map")
    assert found is not None
    return Found(found[1], found[2], chance, len(tried))


def _grid(most: float, step: float) -> list[float]:
    count = int(np.ceil(most / step)) if most else 0
    return [most * k / count for k in range(-count, count + 1)] if count else [0.0]


def _shares(mineral_map: MineralMap, factor: int) -> list[Floats]:
    """Return the shares of the most common classes, and of all others together."""
    pixels = np.bincount(mineral_map.classes.ravel(), minlength=len(mineral_map.keys))
    order = np.argsort(-pixels)
    shares = [mineral_map.shares(factor, int(k)) for k in order[:MOST_CLASSES]]
    if len(order) > MOST_CLASSES:
        shares.append(np.clip(1 - np.sum(shares, axis=0), 0, 1).astype(np.float32))
    return shares


def _turned(
    shares: list[Floats], scale: float, rotation_deg: float
) -> tuple[list[Floats], Placing]:
    """Scale and turn maps into a frame that holds them, and tell where its pixels lie in them."""
    high, wide = shares[0].shape
    corners = np.array([[0, 0], [wide - 1, 0], [0, high - 1], [wide - 1, high - 1]], float)
    plain = Placing.of_similarity(scale, rotation_deg, (0, 0))
    placed = corners @ plain.inverse[:, :2].T
    first = np.floor(placed.min(0))
    placing = Placing.of_similarity(scale, rotation_deg, (-first[0], -first[1]))
    size = np.ceil(placed.max(0) - first).astype(int) + 1
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    into = (int(size[0]), int(size[1]))
    turned = [
        np.asarray(cv2.warpAffine(one, placing.matrix, into, flags=flags), np.float32)
        for one in shares
    ]
    return turned, placing
