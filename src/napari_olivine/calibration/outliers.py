"""Cracks, holes and inclusions in olivine: pixels whose grey differs from their neighbours'."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, uniform_filter

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

HALO = 16
"""Pixels around a block that its outliers may depend on."""

SUB_BLOCK = 256
"""Side of the pieces an image is cut into; the job can be stopped between two of them."""


def lof_outliers(
    rows: NDArray[np.number],
    columns: NDArray[np.number],
    grey: NDArray[np.number],
    *,
    neighbors: int = 20,
    threshold: float = 1.5,
    grey_scale: float = 1.0,
) -> Booleans:
    """Find outliers by the local outlier factor on (row, column, grey).

    By scikit-learn, on the same three features as Leichter et al. (2022), doi
    10.3389/feart.2022.740638.

    Parameters
    ----------
    rows, columns
        Pixel positions, shape (n,).
    grey
        BSE grey there, shape (n,).
    neighbors
        Neighbours that make up a point's surroundings.
    threshold
        Factor from which a point is an outlier; 1 is as dense as its neighbours.
    grey_scale
        Grey levels that weigh as much as one pixel of distance.

    Returns
    -------
    NDArray
        True for outliers, shape (n,); all False where there are no more points than `neighbors`.

    References
    ----------
    Breunig, M. M., Kriegel, H.-P., Ng, R. T. and Sander, J. (2000). LOF: identifying density-based
    local outliers. Proceedings of ACM SIGMOD, 93-104. doi 10.1145/342009.335388
    """
    if rows.size <= neighbors:
        return np.zeros(rows.size, bool)
    from sklearn.neighbors import LocalOutlierFactor

    features = np.column_stack([rows, columns, np.asarray(grey, float) / grey_scale])
    lof = LocalOutlierFactor(n_neighbors=neighbors)
    lof.fit(features)
    return np.asarray(-lof.negative_outlier_factor_ > threshold)


def artefacts(
    grey: NDArray[np.floating],
    mineral: Booleans,
    *,
    neighbors: int = 20,
    threshold: float = 1.5,
    check: Callable[[], None] = lambda: None,
) -> Booleans:
    """Find the pixels of cracks, holes and inclusions in an image of a mineral.

    LOF finds thin artefacts. To LOF a wide crack is as dense as its surroundings; it is found where
    the grey, smoothed a little, lies far from the median of the surroundings. Pixels beside an
    artefact are mixed with it and count as artefacts (ours, beside the LOF).

    Parameters
    ----------
    grey
        Image.
    mineral
        Pixels to judge and to judge by, shape of the image.
    neighbors, threshold
        Of the local outlier factor.
    check
        Called often; may raise to stop the work.

    Returns
    -------
    NDArray
        True on artefacts, a part of `mineral`.
    """
    core = _stand_outs(grey, mineral)
    check()
    rest = mineral & ~core
    found = core | _lof_in_pieces(grey, rest, neighbors, threshold, check)
    return np.asarray((binary_dilation(core, BESIDE) | found) & mineral)


CELL = 8
"""Side of the cells, in pixels, whose medians make the surroundings' grey."""

STAND_OUT = 5.0
"""Robust deviations from the surroundings from which a smoothed pixel stands out."""

THIN_PX, WIDE_PX = 9, 13
"""Features as wide as this, smoothed, are zones of the crystal, such as a mantle, and no cracks;
the wider bound holds for those that differ strongly (ours)."""

STRONG = 15.0
"""Robust deviations from the surroundings from which a pixel stands out strongly (ours)."""

THIN_SHARE = 0.7
"""Part of a difference from the surroundings that an opening or closing must remove."""

BESIDE = np.ones((3, 3), bool)


def _stand_outs(grey: NDArray[np.floating], mineral: Booleans) -> Booleans:
    """Pixels of thin features that differ from the median of their 24 x 24 px surroundings."""
    if mineral.sum() < CELL * CELL:
        return np.zeros(mineral.shape, bool)
    weight = uniform_filter(mineral.astype(np.float32), 3)
    smooth = uniform_filter(np.where(mineral, grey, 0).astype(np.float32), 3)
    smooth = smooth / np.maximum(weight, np.float32(0.05))
    around = _surroundings(grey, mineral)
    difference = np.where(mineral, smooth - around, 0.0)
    spread = 1.4826 * float(np.median(np.abs(difference[mineral])))
    size, spread = np.abs(difference), max(spread, LEAST_SPREAD)
    found = size > STAND_OUT * spread
    if not found.any():
        return np.asarray(found)
    image = np.where(mineral, smooth, around).astype(np.float32)
    thin, wide = (
        _thinness(image, difference < 0, width) >= THIN_SHARE * size for width in (THIN_PX, WIDE_PX)
    )
    return np.asarray(found & (thin | (wide & (size > STRONG * spread))))


def _thinness(image: NDArray[np.float32], dark: Booleans, width: int) -> NDArray[np.float32]:
    """Change of each pixel when features thinner than some pixels are removed (top-hat)."""
    import cv2

    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    closed = cv2.morphologyEx(image, cv2.MORPH_CLOSE, disc)
    opened = cv2.morphologyEx(image, cv2.MORPH_OPEN, disc)
    return np.where(dark, closed - image, image - opened)


LEAST_SPREAD = 1.0
"""Grey; an image without noise has gradients that are no artefacts."""


def _surroundings(grey: NDArray[np.floating], mineral: Booleans) -> Floats:
    rows, columns = grey.shape
    padding = ((0, -rows % CELL), (0, -columns % CELL))
    values = np.pad(np.where(mineral, grey, np.nan), padding, constant_values=np.nan)
    down, across = values.shape[0] // CELL, values.shape[1] // CELL
    cells = values.reshape(down, CELL, across, CELL).transpose(0, 2, 1, 3).reshape(down, across, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # cells without the mineral stay NaN
        medians = np.nanmedian(cells, axis=-1)
        around = np.pad(medians, 1, constant_values=np.nan)
        windows = sliding_window_view(around, (3, 3)).reshape(down, across, 9)
        medians = np.nanmedian(windows, axis=-1)
    medians = np.where(np.isfinite(medians), medians, float(np.nanmedian(values)))
    row = (np.arange(rows) + 0.5) / CELL - 0.5
    column = (np.arange(columns) + 0.5) / CELL - 0.5
    return _bilinear(medians, row, column)


def _bilinear(image: Floats, row: Floats, column: Floats) -> Floats:
    def along_first(values: Floats, at: Floats) -> Floats:
        at = at.clip(0, values.shape[0] - 1)
        low = np.minimum(at.astype(int), max(values.shape[0] - 2, 0))
        high = np.minimum(low + 1, values.shape[0] - 1)
        part = (at - low)[:, None]
        return np.asarray(values[low] * (1 - part) + values[high] * part)

    return along_first(along_first(image, row).T, column).T


def _lof_in_pieces(
    grey: NDArray[np.floating],
    kept: Booleans,
    neighbors: int,
    threshold: float,
    check: Callable[[], None],
) -> Booleans:
    """LOF outliers among the kept pixels, piece by piece, each with a halo."""
    found = np.zeros(kept.shape, bool)
    for top in range(0, kept.shape[0], SUB_BLOCK):
        for left in range(0, kept.shape[1], SUB_BLOCK):
            check()
            inner = slice(top, top + SUB_BLOCK), slice(left, left + SUB_BLOCK)
            if not kept[inner].any():
                continue
            wide = (
                slice(max(0, top - HALO), top + SUB_BLOCK + HALO),
                slice(max(0, left - HALO), left + SUB_BLOCK + HALO),
            )
            row, column = np.nonzero(kept[wide])
            values = grey[wide][row, column]
            bad = lof_outliers(row, column, values, neighbors=neighbors, threshold=threshold)
            piece = np.zeros(kept[wide].shape, bool)
            piece[row[bad], column[bad]] = True
            down, across = top - wide[0].start, left - wide[1].start
            found[inner] = piece[down : down + SUB_BLOCK, across : across + SUB_BLOCK]
    return found


def fill_along(distance: Floats, values: Floats, outlier: Booleans) -> Floats:
    """Replace outliers of a profile by linear interpolation between the points around them.

    Parameters
    ----------
    distance
        Position along the profile, shape (n,).
    values
        Shape (n,).
    outlier
        Which to replace, shape (n,).

    Returns
    -------
    NDArray
        Shape (n,); NaN throughout if no point is left.
    """
    good = ~outlier & np.isfinite(values)
    if not good.any():
        return np.full(values.shape, np.nan)
    order = np.argsort(distance[good], kind="stable")
    filled = np.interp(distance, distance[good][order], values[good][order])
    return np.where(good, values, filled)
