"""The BSE grey of rock, apart from that of vesicles, resin and charging.

Vesicles, the resin around grains and the resin that fills a frame beside a crystal are one thing to
a detector: far darker than any mineral. What is measured of the grey of a section (its median, its
spread) must not follow how much of it there is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

LEVELS = 256
"""Classes of the histogram of greys."""

SAMPLE = 1_000_000
"""Pixels that the bright end of the histogram is taken from, and that are counted at one time."""

SMOOTHING = 2.0
"""Standard deviation of the smoothing of the histogram, classes (ours)."""

LEAST_VESICLES = 0.001
"""A dark mode with a smaller share of the section is not taken for vesicles (ours)."""

VALLEY = 0.25
"""The histogram between vesicles and rock falls to less than this of the lower mode (ours)."""

SEPARATION = 2.5
"""Vesicles are darker than the median of the rock by more than this times its spread (ours)."""

DARKEST_ROCK = 0.6
"""Vesicles have less than this share of the median grey of the rock (ours): epoxy backscatters
0.5 times as much as basalt, plagioclase 0.93 times, and a raised black level lowers both."""


def vesicle_threshold(grey: NDArray[Any], seen: NDArray[np.bool_] | None = None) -> float | None:
    """Find the BSE grey below which a pixel is a vesicle, from the histogram.

    Vesicles, empty or filled with epoxy, make a mode of their own far darker than any mineral.
    The threshold is half-way between it and the median of the rock, where a blurred outline
    encloses the right area.

    Parameters
    ----------
    grey
        BSE, shape (rows, columns), in any unit that is 0 for black.
    seen
        Pixels that have been imaged; all if not given.

    Returns
    -------
    float or None
        In units of `grey`; None where no dark mode stands apart.
    """
    values = np.ravel(grey) if seen is None else grey[seen]
    if not values.size:
        return None
    high, low = _brightest(values), float(values.min())
    if high == values.max() and low < high:
        # Saturated oxides make a bright mode, beside which all rock looks like vesicles.
        values = values[values < high]
        high = _brightest(values)
    if low >= high:
        return None
    counts = np.zeros(LEVELS, np.int64)
    for start in range(0, values.size, SAMPLE):
        some = np.minimum(values[start : start + SAMPLE], high)
        counts += np.histogram(some, LEVELS, (low, high))[0]
    centres = low + (high - low) * (np.arange(LEVELS) + 0.5) / LEVELS
    # With a margin of empty classes the smoothing keeps the modes at the ends, where greys clip.
    padded = np.pad(counts.astype(np.float64), LEVELS // 8)
    smooth = cv2.GaussianBlur(padded[None], (0, 0), SMOOTHING, borderType=cv2.BORDER_CONSTANT)[0]
    smooth = smooth[LEVELS // 8 : -(LEVELS // 8)]
    for valley in _valleys(smooth):
        share = counts[:valley].sum() / values.size
        lower = min(smooth[:valley].max(), smooth[valley:].max())
        if share < LEAST_VESICLES or smooth[valley] > VALLEY * lower:
            continue
        dark = float(centres[int(smooth[:valley].argmax())])
        below, middle, above = _quantiles(centres[valley:], counts[valley:], (0.16, 0.5, 0.84))
        apart = middle - dark > SEPARATION * (above - below) / 2
        if apart and dark < DARKEST_ROCK * middle:
            return (dark + middle) / 2
    return None


def usable_grey(values: NDArray[Any]) -> NDArray[Any]:
    """Return the greys that are measured: neither a gap or black, nor saturated.

    Parameters
    ----------
    values
        BSE greys, any shape.

    Returns
    -------
    NDArray
        One dimension.
    """
    flat = np.ravel(values)
    if np.issubdtype(flat.dtype, np.integer):
        usable = (flat > 0) & (flat < np.iinfo(flat.dtype).max)
    else:
        usable = np.isfinite(flat) & (flat > 0)
    return np.asarray(flat[usable])


def rock_only(values: NDArray[Any]) -> NDArray[Any]:
    """Return the greys of rock: without black, saturated ones, vesicles and resin.

    Parameters
    ----------
    values
        BSE greys, any shape; 0 is a gap of the mosaic or black.

    Returns
    -------
    NDArray
        One dimension; the values as they are where nothing of them is rock.
    """
    flat = np.ravel(values)
    usable = usable_grey(flat)
    if not usable.size:
        return flat
    threshold = vesicle_threshold(usable)
    return usable if threshold is None else usable[usable >= threshold]


def _brightest(values: NDArray[Any]) -> float:
    """Return the grey of the bright end: a few hot pixels must not stretch the histogram."""
    return float(np.quantile(values[:: max(values.size // SAMPLE, 1)], 0.999))


def _valleys(smooth: NDArray[np.float64]) -> Iterator[int]:
    """Lowest class between each mode and the next, from dark to bright."""
    falls = np.diff(smooth) < 0
    peaks = np.flatnonzero(np.diff(np.concatenate([[False], falls]).astype(np.int8)) > 0)
    for first, second in itertools.pairwise(peaks):
        yield int(first + smooth[first : second + 1].argmin())


def _quantiles(
    centres: NDArray[np.float64], counts: NDArray[np.int64], shares: tuple[float, ...]
) -> list[float]:
    below = np.cumsum(counts) / max(int(counts.sum()), 1)
    return [float(value) for value in np.interp(shares, below, centres)]
