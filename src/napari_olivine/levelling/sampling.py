"""One pass over the images: the grey on both sides of every seam, and spots of even grey.

A spot is a square of 5 x 5 pixels whose grey scatters no more than noise does: it lies within one
grain. Spots may overlap, because few squares fit into a small grain. The mean grey of a spot, its
place in the tile and its X-ray counts are all that later parts need, so that the images are read
once, strip by strip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.levelling.mosaic import Mosaic
from napari_olivine.section import CHUNK, Raster, blocks

Floats = NDArray[np.float64]

EDGE = 2
"""Pixels on each side of a seam whose mean is compared."""

SPOT = 5
"""Side of a spot, px."""

EVEN = 1.15
"""A spot is even if its scatter is at most so many times that of the tile's evenest fifth."""

SPOTS_OF_TIE = 15_000
"""Most spots that are kept of a tile that ties sessions together."""

SPOTS_OF_TILE = 400
"""Most spots that are kept of any other tile, for its background."""

SPOTS_IN_ALL = 4_000_000
"""About how many spots are kept of a section at most."""

TIES_PER_SESSION = 200
"""Tiles of a session that tie it to the others; more bring nothing."""


@dataclass(frozen=True)
class ClippingLimits:
    """Where an image is clipped, and the noise of its pixels."""

    black: float = -np.inf
    white: float = np.inf
    noise: float = 0.0

    def is_unclipped(self, grey: Floats | float) -> NDArray[np.bool_]:
        """Tell what is so far from black and white that noise is clipped nowhere."""
        away = CLEAR * self.noise
        return np.asarray((grey > self.black + away) & (grey < self.white - away))


CLEAR = 3.5
"""Noise of a pixel by which a grey must be away from black and white."""

FLAT_SQUARES = 30
"""Squares of one and the same grey that tell of black or white within a strip."""


@dataclass(frozen=True)
class GreySamples:
    """What the images say about the grey of the tiles.

    Parameters
    ----------
    left, right
        Grey beside the vertical borders of the grid, shape (rows, borders); NaN where it is
        clipped or missing.
    above, below
        Grey beside the horizontal borders, shape (borders, columns).
    tile
        Tile of each spot, shape (n,).
    x, y
        Place of each spot in its tile, from -0.5 to 0.5.
    grey
        Mean grey of each spot.
    counts
        Mean X-ray counts of each spot, shape (n, maps).
    unit
        What one level of an 8-bit image would be in this image's grey.
    limits
        Where the image is clipped.
    """

    left: NDArray[np.float32]
    right: NDArray[np.float32]
    above: NDArray[np.float32]
    below: NDArray[np.float32]
    tile: NDArray[np.int32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    grey: NDArray[np.float32]
    counts: NDArray[np.float32]
    unit: float
    limits: ClippingLimits


def sample_grey(
    raster: Raster, maps: Mapping[str, Raster], mosaic: Mosaic, job: Job
) -> GreySamples:
    """Read the images once.

    Parameters
    ----------
    raster
        BSE image.
    maps
        Element maps of the same shape; may be none.
    mosaic
        Its tiles.
    job
        Running job.

    Returns
    -------
    GreySamples
        Grey beside seams, and spots of even grey.
    """
    edges = _Edges(raster.shape, mosaic)
    spots = _Spots(mosaic, list(maps))
    # Strips of one height whatever the memory, so that the memory does not change the result.
    strips = list(blocks(raster.shape, CHUNK))
    for done, (rows, columns) in enumerate(strips):
        job.progress(done, len(strips), "Reading the grey of the tiles")
        image = raster.read(rows, columns)
        job.check()
        edges.add(image, rows)
        counts = {}
        for name, element in maps.items():
            counts[name] = element.read(rows, columns)
            job.check()
        spots.add(image, rows, counts, job)
    tile, x, y, grey, shares = spots.gathered()
    return GreySamples(
        left=edges.left,
        right=edges.right,
        above=edges.above,
        below=edges.below,
        tile=tile,
        x=x,
        y=y,
        grey=grey,
        counts=shares,
        unit=grey_unit(raster),
        limits=spots.limits(raster.dtype, grey),
    )


def grey_unit(raster: Raster) -> float:
    """Grey that corresponds to one level of an 8-bit image: 1, or from the image's own range."""
    if raster.dtype == np.uint8:
        return 1.0
    coarse = np.asarray(raster.levels[-1][:, :], np.float64)
    finite = coarse[np.isfinite(coarse)]
    if not finite.size:
        return 1.0
    low, high = np.percentile(finite, [0.5, 99.5])
    return max(float(high - low) / 200.0, 1e-9)


def clipping(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Black and white of an image's type, beyond which there is no grey."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return float(max(limits.min, 0)), float(limits.max)
    return -np.inf, np.inf


def usable(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell where an image holds a measured grey: finite, and not clipped at black or white."""
    if np.issubdtype(image.dtype, np.integer):
        black, white = clipping(image.dtype)
        return np.asarray((image > black) & (image < white))
    return np.asarray(np.isfinite(image))


class _Edges:
    """Means of the pixels beside the borders of the grid."""

    def __init__(self, shape: tuple[int, int], mosaic: Mosaic) -> None:
        self.there = len(mosaic.vertical_seams()) + len(mosaic.horizontal_seams()) > 0
        self.acrosses = mosaic.column_edges[1:-1] if self.there else np.zeros(0, np.int64)
        self.downs = mosaic.row_edges[1:-1] if self.there else np.zeros(0, np.int64)
        self.left, self.right = np.zeros((2, shape[0], self.acrosses.size), np.float32)
        self.above, self.below = np.zeros((2, self.downs.size, shape[1]), np.float32)

    def add(self, image: NDArray[Any], rows: slice) -> None:
        for step in range(EDGE):
            for side, columns in (
                (self.left, self.acrosses - 1 - step),
                (self.right, self.acrosses + step),
            ):
                side[rows] += _part(image[:, columns])
            for side, at in ((self.above, self.downs - 1 - step), (self.below, self.downs + step)):
                here = (at >= rows.start) & (at < rows.stop)
                side[here] += _part(image[at[here] - rows.start])


def _part(lines: NDArray[Any]) -> NDArray[np.float32]:
    grey = lines.astype(np.float32) / np.float32(EDGE)
    grey[~usable(lines)] = np.nan
    return np.asarray(grey, np.float32)


class _Spots:
    """Spots of even grey, chosen tile by tile."""

    def __init__(self, mosaic: Mosaic, maps: list[str]) -> None:
        self.mosaic, self.maps = mosaic, maps
        ties = spread_tiles(mosaic.session_of_tile)
        of_tie = min(SPOTS_OF_TIE, SPOTS_IN_ALL // max(1, int(ties.sum())))
        self.most = np.where(ties, max(of_tie, SPOTS_OF_TILE), SPOTS_OF_TILE)
        self.own_rows, self.own_columns = mosaic.own_parts(0), mosaic.own_parts(1)
        self.parts: list[tuple[NDArray[Any], ...]] = []
        self.scatters: list[float] = []
        self.flats: set[float] = set()

    def add(
        self,
        image: NDArray[Any],
        rows: slice,
        counts: Mapping[str, NDArray[Any]],
        job: Job,
    ) -> None:
        """Choose the spots of a strip."""
        mean, scatter, flat = _moments(image)
        self._note_flat(image, flat)
        job.check()
        means = []
        for name in self.maps:
            means.append(_mean(counts[name]))
            job.check()
        height, bounds = rows.stop - rows.start, self.mosaic.tiles.bounds
        for (row_place, column_place), tile in np.ndenumerate(self.mosaic.place):
            first, last = self.own_rows[row_place]
            if tile < 0 or last <= rows.start or first >= rows.stop:
                continue
            job.check()
            # Squares about these pixels lie within the tile and within the strip.
            top = max(int(first) - rows.start, 0) + MARGIN
            bottom = min(int(last) - rows.start, height) - MARGIN
            left = max(int(self.own_columns[column_place, 0]), 0) + MARGIN
            right = min(int(self.own_columns[column_place, 1]), image.shape[1]) - MARGIN
            if bottom <= top or right <= left:
                continue
            down, across = _even(scatter[top:bottom, left:right], int(tile), int(self.most[tile]))
            if down.size:
                even = scatter[top:bottom, left:right][down, across]
                self.scatters.append(float(np.median(even)))
            down, across = down + top, across + left
            row0, row1, column0, column1 = bounds[tile]
            self.parts.append(
                (
                    np.full(down.size, tile, np.int32),
                    _within(across, column0, column1),
                    _within(down + rows.start, row0, row1),
                    mean[down, across],
                    _columns([m[down, across] for m in means], down.size),
                )
            )

    def _note_flat(self, image: NDArray[Any], flat: NDArray[np.bool_]) -> None:
        greys, number = np.unique(image[flat], return_counts=True)
        self.flats.update(greys[number >= FLAT_SQUARES].astype(np.float64).tolist())

    def limits(self, dtype: np.dtype[Any], grey: NDArray[np.float32]) -> ClippingLimits:
        """Black and white: of the type, or nearer, where whole squares have one grey."""
        black, white = clipping(dtype)
        if not grey.size:
            return ClippingLimits(black, white)
        low, high = np.percentile(grey, [1, 99])
        black = max([black, *(flat for flat in self.flats if flat < low)])
        white = min([white, *(flat for flat in self.flats if flat > high)])
        return ClippingLimits(black, white, float(np.median(self.scatters)))

    def gathered(self) -> tuple[NDArray[Any], ...]:
        """All spots, tile by tile."""
        if not self.parts:
            empty = np.zeros(0, np.float32)
            no_counts = np.zeros((0, len(self.maps)), np.float32)
            return np.zeros(0, np.int32), empty, empty, empty, no_counts
        return tuple(np.concatenate([part[k] for part in self.parts]) for k in range(5))


MARGIN = SPOT // 2 + 1
"""Pixels between a spot's middle and the border of its tile, at least."""


def spread_tiles(session_of_tile: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Choose the tiles that tie sessions together: evenly over each."""
    chosen = np.zeros(session_of_tile.size, bool)
    for session in range(int(session_of_tile.max(initial=-1)) + 1):
        tiles = np.flatnonzero(session_of_tile == session)
        chosen[tiles[:: max(1, -(-tiles.size // TIES_PER_SESSION))]] = True
    return chosen


def _columns(values: list[NDArray[np.float32]], size: int) -> NDArray[np.float32]:
    return np.stack(values, axis=1) if values else np.zeros((size, 0), np.float32)


def _within(pixel: NDArray[np.int64], first: int, last: int) -> NDArray[np.float32]:
    return np.asarray((pixel + 0.5 - first) / (last - first) - 0.5, np.float32)


def _even(
    scatter: NDArray[np.float32], tile: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the spots with little scatter, `most` at random if there are more."""
    sample = scatter[::3, ::3]
    sample = sample[np.isfinite(sample)]
    if sample.size < FEWEST:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    limit = max(EVEN * float(np.percentile(sample, 20)), 1e-9)
    places = np.flatnonzero(scatter <= limit)
    if places.size > most:
        # Seeded by the tile, so that the order and the names of sessions change nothing.
        chosen = np.random.default_rng(tile).choice(places.size, most, replace=False)
        places = places[np.sort(chosen)]
    down, right = np.divmod(places, scatter.shape[1])
    return down, right


FEWEST = 100
"""Usable pixels that a tile must have in a strip, every ninth counted."""


def _mean(image: NDArray[Any]) -> NDArray[np.float32]:
    """Mean of the spot about every pixel."""
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        image = image.astype(np.float32)
    return np.asarray(cv2.boxFilter(np.ascontiguousarray(image), cv2.CV_32F, (SPOT, SPOT)))


def _moments(
    image: NDArray[Any],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Mean and standard deviation of the spot about every pixel, and whether it has one grey.

    The scatter is NaN where a spot is unusable.
    """
    good = usable(image)
    if image.dtype == np.uint8:
        grey: NDArray[Any] = np.ascontiguousarray(image)
        middle = np.float32(0)
    else:
        grey = np.where(good, image, 0).astype(np.float32)
        middle = np.float32(np.mean(grey[good])) if good.any() else np.float32(0)
        grey -= middle  # keeps the squares counts enough for single precision
    mean = _mean(grey)
    scatter = np.asarray(cv2.sqrBoxFilter(grey, cv2.CV_32F, (SPOT, SPOT)), np.float32)
    scatter -= mean * mean
    np.sqrt(np.maximum(scatter, 0, out=scatter), out=scatter)
    square = np.ones((SPOT, SPOT), np.uint8)
    if not good.all():
        scatter[cv2.dilate((~good).astype(np.uint8), square) > 0] = np.nan
    # A measured grey has noise: what has none was clipped at another grey, masked or filled up.
    flat = cv2.erode(grey, square) == cv2.dilate(grey, square)
    scatter[flat] = np.nan
    return mean + middle, scatter, flat
