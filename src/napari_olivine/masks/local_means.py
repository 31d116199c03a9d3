"""Mean counts on both sides of the outlines of a phase, in a window around each place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.applying import Maps
from napari_olivine.masks.patches import COLUMNS, ROWS, Patch, each, go_on, patches
from napari_olivine.section import Block

WINDOW_PX, WIDE_PX = 6.0, 12.0
"""Standard deviations of the window of a local mean, and of the one that helps out where the
first holds no pixel of a side."""

WIDE_WEIGHT = 1e-3

FEWEST = 1e-7
"""Weight of one side in the window from which its mean is used."""

CELL_PX = 4
"""Local means are computed on cells of this side."""

HALO_PX = CELL_PX * (int(np.ceil(4 * WIDE_PX / CELL_PX)) + 4)
"""Pixels around a block that its outlines depend on, a multiple of `CELL_PX`."""

Cells = NDArray[np.float32]
"""One value a cell; the first cell lies on the first pixels of the block."""

_TINY = np.float32(1e-12)
_AMOUNT = ""


@dataclass(frozen=True)
class SideMeans:
    """Means of one side on cells.

    Parameters
    ----------
    amount
        Weight of the side in the window of each cell; below `FEWEST` there is no mean.
    of
        Mean of each map, by its signal.
    """

    amount: Cells
    of: dict[str, Cells]


def side_means(
    maps: Maps,
    weights_of: Callable[[Block], Sequence[NDArray[np.float32]]],
    near: NDArray[np.bool_],
    check: Callable[[], None] = go_on,
) -> tuple[SideMeans, SideMeans]:
    """Return the local means of some maps over both sides.

    Parameters
    ----------
    maps
        Maps of a block.
    weights_of
        Gives the weight of each pixel of a part of the block in the means of the two sides.
    near
        For each patch of the block, rows by columns of patches, whether outlines lie in it. Means
        are right there, and nothing elsewhere.
    check
        Called again and again; what it raises stops the work.

    Returns
    -------
    inside, outside : SideMeans
        The means of the two sides.
    """
    shape = next(iter(maps.values())).shape
    grid = tuple(-(-side // CELL_PX) for side in shape)
    sums = [{signal: np.zeros(grid, np.float32) for signal in (_AMOUNT, *maps)} for _ in range(2)]
    # A window reaches no further than into the next patch.
    wanted = cv2.dilate(near.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0

    def add(patch: Patch) -> None:
        place = cells_of(patch.place)
        weights = [one if one.any() else None for one in weights_of(patch.place)]
        for weight, side in zip(weights, sums, strict=True):
            if weight is not None:
                side[_AMOUNT][place] = in_cells(weight)
        for signal, image in maps.items():
            values = np.asarray(image[patch.place], np.float32)
            for weight, side in zip(weights, sums, strict=True):
                if weight is not None:
                    side[signal][place] = in_cells(values * weight)

    def spread(one: tuple[int, str]) -> None:
        side, signal = one
        sums[side][signal] = _in_windows(sums[side][signal])

    each(add, chosen(shape, wanted), check)
    each(spread, product((0, 1), (_AMOUNT, *maps)), check)
    found = []
    for side in sums:
        amount = side.pop(_AMOUNT)
        for one in side.values():
            one /= np.maximum(amount, _TINY)
        found.append(SideMeans(amount, side))
    return found[0], found[1]


def near_patches(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which patches of a block hold anything.

    Parameters
    ----------
    image
        An image of 0 and 1.

    Returns
    -------
    bool array
        Rows by columns of patches.
    """
    grid = (-(-image.shape[0] // ROWS), -(-image.shape[1] // COLUMNS))
    found = [bool(image[patch.place].view(bool).any()) for patch in patches(image.shape)]
    return np.array(found, bool).reshape(grid)


def chosen(shape: tuple[int, ...], which: NDArray[np.bool_]) -> list[Patch]:
    """Return some of the patches of a block.

    Parameters
    ----------
    shape
        Rows and columns of the block.
    which
        Which of them, bool, rows by columns of patches.

    Returns
    -------
    list of Patch
        From top left to bottom right.
    """
    every = patches(shape)
    return [every[number] for number in np.flatnonzero(which)]


def cells_of(place: Block) -> Block:
    """Return the cells of a part of a block.

    Parameters
    ----------
    place
        A part that begins with whole cells.

    Returns
    -------
    tuple of slice
        Its cells.
    """
    rows, columns = (slice(one.start // CELL_PX, -(-one.stop // CELL_PX)) for one in place)
    return rows, columns


class Spots:
    """Some pixels of a block, at which images of cells are looked up.

    Parameters
    ----------
    place
        A patch of the block.
    places
        Places of the pixels in the flat patch.
    """

    _ROW = 1024
    """OpenCV takes no more than 32,767 places in a row."""

    def __init__(self, place: Block, places: NDArray[np.intp]) -> None:
        self.place, self.count = place, len(places)
        lines = -(-self.count // self._ROW)
        self._y, self._x = np.zeros((2, lines, self._ROW), np.float32)
        height, width = (one.stop - one.start for one in place)
        for line, where, one in zip(
            (self._y, self._x), _indices(height, width), place, strict=True
        ):
            flat = line.ravel()[: self.count]
            np.take(where, places, out=flat, mode="clip")
            flat += np.float32(one.start + 0.5)
            flat /= CELL_PX
            flat -= np.float32(0.5)

    def all_known(self, side: SideMeans) -> bool:
        """Tell whether a side has a mean at every pixel of the patch."""
        rows, columns = (slice(max(one.start - 1, 0), one.stop + 1) for one in cells_of(self.place))
        return bool(side.amount[rows, columns].min() >= FEWEST)

    def of(self, cells: Cells) -> NDArray[np.float32]:
        """Return the values of an image of cells at the pixels, linear between cells."""
        values = cv2.remap(
            cells, self._x, self._y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(values.ravel()[: self.count], np.float32)


@lru_cache(8)
def _indices(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return row and column of each pixel of a flat image."""
    rows, columns = np.indices((height, width), np.float32)
    return rows.ravel(), columns.ravel()


def in_cells(image: NDArray[np.float32]) -> Cells:
    """Return the mean of each cell.

    Parameters
    ----------
    image
        An image that begins with whole cells.

    Returns
    -------
    ndarray
        Cells that reach beyond its end see its last pixels.
    """
    missing = [-side % CELL_PX for side in image.shape]
    if any(missing):
        image = np.pad(image, [(0, one) for one in missing], mode="edge")
    size = (image.shape[1] // CELL_PX, image.shape[0] // CELL_PX)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def _in_windows(cells: Cells) -> Cells:
    """Return the mean in the window around each cell."""
    near, wide = (
        cv2.GaussianBlur(cells, (0, 0), sigma / CELL_PX, borderType=cv2.BORDER_REFLECT_101)
        for sigma in (WINDOW_PX, WIDE_PX)
    )
    return np.asarray(cv2.scaleAdd(wide, WIDE_WEIGHT, near), np.float32)
