"""Splitting the pixels of a crystal by hand: along lines, around markers, into loose pieces."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.measure import exact_distance
from napari_olivine.errors import EditError

Mask = NDArray[np.bool_]
Parts = NDArray[np.int32]
"""1, 2, ... for the parts, the largest first; 0 outside the crystal."""


def cut_along(
    mask: Mask, lines: Sequence[NDArray[np.float64]], least_px: float, bridge_px: float
) -> Parts:
    """Cut a crystal along lines.

    Parameters
    ----------
    mask
        Pixels of the crystal, shape (rows, columns).
    lines
        Polylines of (row, column) in pixels of the mask, shape (points, 2) each; their ends may
        lie outside.
    least_px
        Smaller slivers are given to the part next to them.
    bridge_px
        Pieces of the crystal that a crack at most this wide separates hold together unless a
        line runs between them.

    Returns
    -------
    numpy.ndarray
        The parts, shape of the mask.

    Raises
    ------
    EditError
        If the lines do not cut the crystal in two.
    """
    barrier = np.zeros(mask.shape, np.uint8)
    for line in lines:
        points = np.rint(np.asarray(line)[:, ::-1] * 16).astype(np.int32)
        cv2.polylines(barrier, [points.reshape(-1, 1, 2)], False, 1, lineType=8, shift=4)
    domain = _held_together(mask, bridge_px) & (barrier == 0)
    _, parts = cv2.connectedComponents(domain.astype(np.uint8), connectivity=4)
    parts[~mask] = 0
    near = cv2.dilate(barrier, np.ones((3, 3), np.uint8)) > 0
    beside = np.unique(parts[near & (parts > 0)])
    kept = beside[np.bincount(parts.ravel())[beside] >= least_px]
    if len(kept) < 2:
        raise EditError(
            "The line does not cut the crystal in two.",
            remedy="Draw it from outside to outside, right across.",
        )
    return _ordered(_nearest(np.where(np.isin(parts, kept), parts, 0), mask))


def cut_around(mask: Mask, markers: NDArray[np.float64]) -> Parts:
    """Divide a crystal around markers, at the necks between them (watershed of the depth).

    Parameters
    ----------
    mask
        Pixels of the crystal.
    markers
        One place (row, column) in each part, in pixels of the mask, shape (parts, 2).

    Raises
    ------
    EditError
        If fewer than two markers lie in the crystal.
    """
    from skimage.segmentation import watershed

    places = np.rint(markers).astype(int)
    inside = ((places >= 0) & (places < mask.shape)).all(axis=1)
    places = np.unique(places[inside], axis=0)
    places = places[mask[tuple(places.T)]] if len(places) else places
    if len(places) < 2:
        raise EditError("Put at least two markers, one in each crystal.")
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(places.T)] = np.arange(1, len(places) + 1)
    depth = exact_distance(np.pad(mask, 1))[1:-1, 1:-1]
    found: NDArray[np.int32] = watershed(-depth, seeds, mask=mask)  # type: ignore[no-untyped-call]
    return _ordered(_nearest(found, mask))


def loose_pieces(mask: Mask, least_px: float) -> Parts:
    """Divide a crystal into the pieces that do not touch.

    Parameters
    ----------
    mask
        Pixels of the crystal.
    least_px
        Smaller specks are given to the piece next to them.

    Raises
    ------
    EditError
        If there is only one.
    """
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    kept = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= least_px]
    if len(kept) < 2:
        raise EditError("The crystal is in one piece.", remedy="Draw a line to split it.")
    return _ordered(_nearest(np.where(np.isin(parts, kept), parts, 0), mask))


def _held_together(mask: Mask, bridge_px: float) -> Mask:
    """Fill cracks, so that the pieces on both sides of one are connected."""
    radius = int(np.ceil(bridge_px / 2))
    if not radius:
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = np.pad(mask, radius + 1).astype(np.uint8)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[radius + 1 : -radius - 1]
    return np.asarray(closed[:, radius + 1 : -radius - 1] > 0)


def _nearest(parts: NDArray[np.int32], mask: Mask) -> Parts:
    """Give the pixels of the crystal that are in no part to the nearest one."""
    if not (mask & (parts == 0)).any():
        return parts
    _, nearest = cv2.distanceTransformWithLabels(
        (parts == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(nearest.max()) + 1, np.int32)
    there = parts > 0
    of_label[nearest[there]] = parts[there]
    return np.where(mask, of_label[nearest], 0).astype(np.int32)


def _ordered(parts: Parts) -> Parts:
    counts = np.bincount(parts.ravel())
    counts[0] = 0
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    number = np.zeros(len(counts), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    return number[parts]
