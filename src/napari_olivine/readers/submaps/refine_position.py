"""A submap's place to a fraction of a pixel: the best combination of its maps laid on the grey.

The combination is fitted to the grey beneath the submap, and laid on it by maximising the enhanced
correlation coefficient over shift, turn and stretch (Evangelidis & Psarakis 2008,
doi:10.1109/TPAMI.2008.113); both in turns, as long as the maps explain more of the grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.readers.submaps.downsampled_bse import Reduced
from napari_olivine.readers.submaps.explained_variance import fitted
from napari_olivine.section import SubmapPlace

Floats = NDArray[np.float32]

FEWEST = 144
"""Pixels of a submap that must lie on the section."""

FARTHEST = 0.1
"""A fit that moves a submap by more than this share of its longer side went astray."""

STRETCH = 0.05
"""And one that stretches it by more than this share."""

RIM, RIM_PX = 0.05, 8
"""Grey around a submap that is looked at too: a share of its longer side, and pixels at least."""

ECC_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-6)
MOTIONS = (cv2.MOTION_EUCLIDEAN, cv2.MOTION_AFFINE, cv2.MOTION_AFFINE)


@dataclass(frozen=True)
class _Laid:
    """Maps at a place: the grey beneath them and around, and what of it they explain."""

    place: SubmapPlace
    grey: Floats
    there: NDArray[np.bool_]
    combined: Floats
    share: float
    rim: int


def refine(maps: Sequence[Floats], place: SubmapPlace, bse: Reduced) -> tuple[SubmapPlace, float]:
    """Fit shift, turn and stretch of a submap.

    Parameters
    ----------
    maps
        Images of the submap, of one shape.
    place
        Where it lies, to some pixels.
    bse
        BSE image of the section, about as coarse as the maps.

    Returns
    -------
    place : Place
        Where the maps explain the grey best.
    share : float
        Share of its variance that they explain there.
    """
    best = _lay(maps, place, bse)
    if best is None:
        return place, 0.0
    for motion in MOTIONS:
        bse.job.check()
        moved = _moved(best, motion)
        if moved is None or _astray(place, moved, maps[0].shape):
            break
        better = _lay(maps, moved, bse)
        if better is None or better.share < best.share:
            break
        best = better
    return best.place, best.share


def _lay(maps: Sequence[Floats], place: SubmapPlace, bse: Reduced) -> _Laid | None:
    """Combine the maps to what fits the grey beneath them best; `None` off the section."""
    high, wide = maps[0].shape
    rim = max(RIM_PX, int(RIM * max(high, wide)))
    grey = _beneath(place, (slice(-rim, high + rim), slice(-rim, wide + rim)), bse)
    if grey is None:
        return None
    there = np.isfinite(grey)
    inner = (slice(rim, rim + high), slice(rim, rim + wide))
    if there[inner].sum() < FEWEST:
        return None
    grey = np.nan_to_num(grey)
    combined, share = fitted(grey[inner], maps, there[inner])
    return _Laid(place, grey, there, combined, share, rim)


def _moved(laid: _Laid, motion: int) -> SubmapPlace | None:
    """Lay the combination on the grey; `None` if that does not converge."""
    warp: Any = np.array([[1, 0, laid.rim], [0, 1, laid.rim]], np.float32)
    mask: Any = laid.there.astype(np.uint8)
    try:
        _, warp = cv2.findTransformECC(laid.combined, laid.grey, warp, motion, ECC_STOP, mask, 5)
    except cv2.error:
        return None
    if not np.isfinite(warp).all():
        return None
    # OpenCV counts columns before rows.
    turn = np.array([[warp[1, 1], warp[1, 0]], [warp[0, 1], warp[0, 0]]], np.float64)
    shift = np.array([warp[1, 2] - laid.rim, warp[0, 2] - laid.rim], np.float64)
    matrix = laid.place.linear @ np.column_stack([turn, shift])
    matrix[:, 2] += laid.place.matrix[:, 2]
    return SubmapPlace(matrix)


def _astray(before: SubmapPlace, after: SubmapPlace, shape: tuple[int, ...]) -> bool:
    size = (shape[0], shape[1])
    moved = np.abs(after.centre(size) - before.centre(size)).max()
    stretched = np.linalg.svd(np.linalg.solve(before.linear, after.linear))[1]
    return bool(
        moved > FARTHEST * max(size) * before.scale or np.abs(stretched - 1).max() > STRETCH
    )


def _beneath(place: SubmapPlace, window: tuple[slice, slice], bse: Reduced) -> Floats | None:
    """Read the grey under a window of the submap, on its grid; NaN off the section."""
    rows, columns = window
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    first = np.array([[rows.start, columns.start]], np.float64)
    wide = SubmapPlace(np.column_stack([place.linear, place.to_section(first)[0]]))
    factor = bse.factor
    corners = wide.corners(shape) / factor
    low = np.maximum(np.floor(corners.min(axis=0)) - 2, 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0)) + 2, bse.shape).astype(int)
    if (high <= low).any():
        return None
    grey = bse.read(slice(low[0], high[0]), slice(low[1], high[1]))
    linear = wide.linear / factor
    offset = (wide.matrix[:, 2] + 0.5) / factor - 0.5 - low
    warp = np.array(
        [[linear[1, 1], linear[1, 0], offset[1]], [linear[0, 1], linear[0, 0], offset[0]]]
    )
    beneath = cv2.warpAffine(
        grey,
        warp,
        (shape[1], shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float("nan"),
    )
    return np.asarray(beneath, np.float32)
