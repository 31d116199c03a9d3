"""How far two overlapping tiles are shifted against each other, to a fraction of a pixel.

Three steps. The tiles are whitened: a band-pass leaves grain boundaries and cracks and takes the
shading, the session's grey and most of the noise away. The normalised cross-correlation of the
parts that may overlap is computed for every whole shift at once by the Fourier transform, at half
the resolution and over the pixels that both tiles have at that shift alone, so that an overlap
narrower than the stage error is found too [1]_ (with rectangles for masks). The best shift is
refined by maximising the enhanced correlation coefficient [2]_, which no gain and offset between
the tiles disturbs.

References
----------
.. [1] Padfield 2012, doi:10.1109/TIP.2011.2181402.
.. [2] Evangelidis & Psarakis 2008, doi:10.1109/TPAMI.2008.113.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float32]

FINE_PX, COARSE_PX = 1.0, 2.5
"""Standard deviations of the two Gaussians whose difference is the band-pass.

A wider one lets the edge of the tile reach into a narrow overlap; a finer one lets noise through.
"""

CLIP = 6.0
"""Whitened values are cut at this many times their median deviation: one crack is not the image."""

NARROWEST_PX = 8
"""Narrowest strip that two tiles may share."""

MARGIN_PX = 3
"""Pixels at a tile's edge that the blur of the band-pass falsifies; not used for the refinement."""

ECC_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-5)
FARTHEST_REFINED_PX = 2.0


@dataclass(frozen=True)
class Whitened:
    """A tile, band-passed, at its own and at half the resolution; zero mean.

    Parameters
    ----------
    fine, coarse
        Band-passed grey, shape (rows, columns) and half of it.
    """

    fine: Floats
    coarse: Floats

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.fine.nbytes + self.coarse.nbytes


@dataclass(frozen=True)
class Shift:
    """The place of tile b against tile a.

    Parameters
    ----------
    drow, dcol
        First pixel of b minus first pixel of a, px.
    peak
        Correlation of the whitened grey of the common pixels, -1 to 1.
    strength
        Peak times the square root of the number of common pixels of the coarse image: comparable
        between overlaps of different sizes.
    error
        Standard error of the shift, px, from the correlation and the gradients alone.
    """

    drow: float
    dcol: float
    peak: float
    strength: float
    error: float


def whiten(tile: NDArray[Any]) -> Whitened:
    """Band-pass a tile."""
    grey = np.nan_to_num(tile.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    fine = cv2.GaussianBlur(grey, (0, 0), FINE_PX) - cv2.GaussianBlur(grey, (0, 0), COARSE_PX)
    spread = float(np.median(np.abs(fine[::3, ::3]))) * CLIP
    if spread > 0:
        np.clip(fine, -spread, spread, out=fine)
    rows, columns = (max(side // 2, 1) for side in fine.shape)
    even = fine[: rows * 2, : columns * 2]
    coarse = cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA)
    return Whitened(np.asarray(fine), np.asarray(coarse, np.float32))


def find_shift(
    a: Whitened, b: Whitened, expected: tuple[float, float], search: int, *, refine: bool = True
) -> Shift | None:
    """Find the shift of tile b against tile a.

    Parameters
    ----------
    a, b
        The tiles.
    expected
        Row and column (px) of b's first pixel minus a's by the stage.
    search
        How far off that may be in rows and in columns, px.
    refine
        Go on to a fraction of a pixel; without, the strength alone is of use.

    Returns
    -------
    Shift or None
        The strongest shift, whether or not it means anything; `None` if no pixels are shared or
        the tiles are blank.
    """
    found = _coarse_shift(a.coarse, b.coarse, expected, search)
    if found is None:
        return None
    row, column, peak, strength = found
    if not refine:
        return Shift(2.0 * row, 2.0 * column, peak, strength, np.inf)
    fine = _refined(a.fine, b.fine, 2 * row, 2 * column)
    if fine is None:
        return Shift(2.0 * row, 2.0 * column, peak, strength, 1.0)
    return Shift(*fine[:3], strength, fine[3])


def common(
    shape: tuple[int, int], row: int, column: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Return the pixels that two tiles share when b is shifted against a by whole pixels.

    Parameters
    ----------
    shape
        Rows and columns of either tile.
    row, column
        First pixel of b minus first pixel of a, px.

    Returns
    -------
    tuple or None
        Rows and columns of a, and of b; `None` if no pixel is shared.
    """
    height, width = shape[0] - abs(row), shape[1] - abs(column)
    if height < 1 or width < 1:
        return None
    top, left = max(row, 0), max(column, 0)
    in_a = (slice(top, top + height), slice(left, left + width))
    in_b = (
        slice(top - row, top - row + height),
        slice(left - column, left - column + width),
    )
    return in_a, in_b


def _coarse_shift(
    a: Floats, b: Floats, expected: tuple[float, float], search: int
) -> tuple[int, int, float, float] | None:
    """Return the strongest whole shift of the coarse images, its correlation and strength."""
    narrow = NARROWEST_PX // 2
    reach = -(-search // 2)
    spans, bands_a, bands_b, origin = [], [], [], []
    for axis in (0, 1):
        side = a.shape[axis]
        middle = round(expected[axis] / 2)
        first = max(middle - reach, narrow - side)
        last = min(middle + reach, side - narrow)
        if last < first:
            return None
        spans.append(np.arange(first, last + 1))
        # The pixels of each tile that the other may reach at any of these shifts.
        bands_a.append(slice(max(first, 0), min(side, side + last)))
        bands_b.append(slice(max(-last, 0), min(side, side - first)))
        origin.append(bands_b[axis].start - bands_a[axis].start)
    part_a, part_b = a[tuple(bands_a)], b[tuple(bands_b)]
    moves = [span + start for span, start in zip(spans, origin, strict=True)]
    products = _cross_correlation(part_a, part_b, moves)
    energy, count = _shared_energy(part_a, part_b, moves)
    floor = 1e-3 * max(float(energy.max()), 1e-12)
    with np.errstate(invalid="ignore", divide="ignore"):
        peak = np.where(energy > floor, products / np.sqrt(energy), 0)
    strength = peak * np.sqrt(count)
    best = np.unravel_index(int(np.argmax(strength)), strength.shape)
    if strength[best] <= 0:
        return None
    row, column = int(spans[0][best[0]]), int(spans[1][best[1]])
    return row, column, float(min(peak[best], 1.0)), float(strength[best])


def _cross_correlation(a: Floats, b: Floats, moves: list[NDArray[np.int64]]) -> NDArray[np.float32]:
    """Sum of a[r + move] b[r] for each move of rows and of columns."""
    sides = [
        fft.next_fast_len(int(max(a.shape[k] - moves[k][0], b.shape[k] + moves[k][-1])), real=True)
        for k in (0, 1)
    ]
    spectrum = fft.rfft2(a, sides) * np.conj(fft.rfft2(b, sides))
    whole = fft.irfft2(spectrum, sides)
    return np.asarray(whole[np.ix_(moves[0] % sides[0], moves[1] % sides[1])], np.float32)


def _shared_energy(
    a: Floats, b: Floats, moves: list[NDArray[np.int64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energy of a times energy of b, and number, of the pixels shared at each move."""
    starts = [np.maximum(move, 0) for move in moves]
    stops = [np.minimum(a.shape[k], b.shape[k] + moves[k]) for k in (0, 1)]
    lengths = [np.maximum(stop - start, 0) for start, stop in zip(starts, stops, strict=True)]
    stops = [start + length for start, length in zip(starts, lengths, strict=True)]
    energy_a = _box_sums(a, starts, stops)
    back = [[place - move for place, move in zip(p, moves, strict=True)] for p in (starts, stops)]
    energy_b = _box_sums(b, back[0], back[1])
    return energy_a * energy_b, np.outer(*lengths).astype(np.float64)


def _box_sums(
    image: Floats, starts: list[NDArray[np.int64]], stops: list[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Sum the squares in rectangles by an integral image."""
    integral = np.asarray(cv2.integral(image * image), np.float64)
    rows = integral[stops[0]] - integral[starts[0]]
    return np.asarray(rows[:, stops[1]] - rows[:, starts[1]])


def _refined(
    a: Floats, b: Floats, row: int, column: int
) -> tuple[float, float, float, float] | None:
    """Refine a shift that is known to two pixels; row, column, correlation, error."""
    shared = common((a.shape[0], a.shape[1]), row, column)
    if shared is None:
        return None
    inner = tuple(
        slice(MARGIN_PX, -MARGIN_PX if part.stop - part.start > 4 * MARGIN_PX else None)
        for part in shared[0]
    )
    fixed, moving = a[shared[0]][inner], b[shared[1]][inner]
    warp: Any = np.eye(2, 3, dtype=np.float32)
    no_mask: Any = None
    try:
        peak, warp = cv2.findTransformECC(
            fixed, moving, warp, cv2.MOTION_TRANSLATION, ECC_STOP, no_mask, 1
        )
    except cv2.error:  # it did not converge: nothing is in common
        return None
    right, down = float(warp[0, 2]), float(warp[1, 2])
    if not np.isfinite(peak) or max(abs(right), abs(down)) > 2 * FARTHEST_REFINED_PX:
        return None
    # A pixel of a at (r, c) shows what b shows at (r + down, c + right).
    return row - down, column - right, float(peak), _error(fixed, float(peak))


def _error(image: Floats, peak: float) -> float:
    """Estimate the standard error of a shift: noise over gradients (Cramer-Rao), px."""
    energy = float((image * image).sum())
    down = float((np.diff(image, axis=0) ** 2).sum())
    right = float((np.diff(image, axis=1) ** 2).sum())
    if peak <= 0 or energy <= 0 or min(down, right) <= 0:
        return 1.0
    noise = (1 - min(peak, 0.9999) ** 2) / peak**2 * energy / image.size
    # The band-pass leaves about one independent value in 4 pi FINE_PX^2 pixels.
    return float(np.sqrt(noise * 4 * np.pi * FINE_PX**2 * (1 / down + 1 / right)))
