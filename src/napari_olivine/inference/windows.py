"""Overlapping windows over an image, and their results blended into strips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError

Blend = Literal["cosine", "mean"]
FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class Axis:
    """Windows along one side of an image.

    Parameters
    ----------
    length
        Pixels of the image along it.
    window
        Pixels of a window.
    starts
        First pixel of each window; negative where a window begins before the image.
    weights
        Weight of each pixel of a window, shape (window,).
    """

    length: int
    window: int
    starts: list[int]
    weights: FloatImage

    @property
    def total(self) -> FloatImage:
        """Sum of the weights on each pixel of the image, shape (length,)."""
        total = np.zeros(self.length, np.float32)
        for start in self.starts:
            first, last = max(0, start), min(self.length, start + self.window)
            total[first:last] += self.weights[first - start : last - start]
        return total


def make_axis(length: int, window: int, overlap: int, blend: Blend) -> Axis:
    """Lay windows along one side of an image.

    The first begins half an overlap before the image and the last ends at least so far beyond it,
    so that the image's edge is not at a window's edge; what lies outside is a reflection.

    Parameters
    ----------
    length
        Pixels of the image.
    window, overlap
        Pixels of a window, and shared by two neighbours. The window becomes smaller, in steps of
        32 pixels, where the image is.
    blend
        ``"mean"`` for equal weights, ``"cosine"`` for a raised cosine over the overlap.

    Raises
    ------
    InputError
        If the overlap is not smaller than the window.
    """
    margin = overlap // 2
    window = min(window, -(-(length + 2 * margin) // 32) * 32)
    if overlap >= window:
        raise InputError(
            f"overlap_px: {overlap} px must be less than the window, which is {window} px here."
        )
    starts = [-margin]
    while starts[-1] + window < length + margin:
        starts.append(starts[-1] + window - overlap)
    return Axis(length, window, starts, _weights(window, overlap, blend))


class Strip:
    """The rows of an image that windows still add to; its memory is one window's height.

    Parameters
    ----------
    rows, columns
        Windows along both sides.
    first
        First row that is wanted; what windows add above it is dropped.
    """

    def __init__(self, rows: Axis, columns: Axis, first: int = 0) -> None:
        self._rows = rows
        self._columns = columns
        self._first = first
        self._sum = np.zeros((rows.window, columns.length), np.float32)
        self._row_weights, self._column_weights = rows.total, columns.total

    @staticmethod
    def bytes(rows: Axis, columns: Axis) -> int:
        """Memory that a strip takes with the result that it hands out."""
        return 12 * rows.window * columns.length

    def add(self, start: int, column: int, values: FloatImage) -> None:
        """Add a window's result with its first pixel at (start, column) of the image."""
        weights = self._rows.weights[:, None] * self._columns.weights[None, :]
        top = max(self._first, start)
        bottom = min(self._rows.length, start + self._rows.window)
        left = max(0, column)
        right = min(self._columns.length, column + self._columns.window)
        if top >= bottom:
            return
        part = (slice(top - start, bottom - start), slice(left - column, right - column))
        self._sum[top - self._first : bottom - self._first, left:right] += (
            values[part] * weights[part]
        )

    def take(self, stop: int) -> FloatImage:
        """Hand out the rows before `stop`, which no window adds to any more.

        Returns
        -------
        ndarray of float32, shape (rows handed out, columns)
        """
        count = stop - self._first
        done = self._sum[:count] / (
            self._row_weights[self._first : stop, None] * self._column_weights[None, :]
        )
        self._sum[: -count or None] = self._sum[count:]
        self._sum[len(self._sum) - count :] = 0
        self._first = stop
        return done


def _weights(window: int, overlap: int, blend: Blend) -> FloatImage:
    weights = np.ones(window, np.float32)
    if blend == "cosine" and overlap:
        rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(overlap) + 0.5) / overlap)
        ramp = min(overlap, window // 2)
        weights[:ramp] = rise[:ramp]
        weights[window - ramp :] = np.minimum(weights[window - ramp :], rise[:ramp][::-1])
    return weights
