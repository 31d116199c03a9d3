"""The BSE image of a source at a smaller scale, read strip by strip and kept for a while."""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.readers.base import SignalReader

Floats = NDArray[np.float32]

STRIP = 512
"""Rows of the section that are read together, about."""

KEPT_BYTES = 256 << 20
"""Memory for strips that may be needed again by the next submap."""


class Reduced:
    """BSE with `factor` x `factor` pixels averaged to one.

    Parameters
    ----------
    bse
        The image.
    factor
        How many times smaller; 1 leaves it.
    job
        Running job.
    """

    def __init__(self, bse: SignalReader, factor: int, job: Job) -> None:
        self.bse, self.factor, self.job = bse, factor, job
        self.shape = (max(bse.shape[0] // factor, 1), max(bse.shape[1] // factor, 1))
        self._high = max(STRIP // factor, 1)
        self._kept: OrderedDict[int, Floats] = OrderedDict()

    def read(self, rows: slice, columns: slice) -> Floats:
        """Return a window, in pixels of the reduced image."""
        parts = []
        for number in range(rows.start // self._high, -(-rows.stop // self._high)):
            first = number * self._high
            strip = self._strip(number)
            parts.append(strip[max(rows.start - first, 0) : rows.stop - first, columns])
        return np.concatenate(parts)

    def whole(self) -> Floats:
        """Return all of it."""
        return self.read(slice(0, self.shape[0]), slice(0, self.shape[1]))

    def _strip(self, number: int) -> Floats:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        high = min(self._high, self.shape[0] - number * self._high)
        first, factor = number * self._high * self.factor, self.factor
        last = min(first + high * factor, self.bse.shape[0])
        strip = np.nan_to_num(self.bse.read(first, last, self.job).astype(np.float32))
        if factor > 1:
            strip = strip[:, : self.shape[1] * factor]
            if strip.shape == (high * factor, self.shape[1] * factor):
                size = (self.shape[1], high)
                strip = np.asarray(cv2.resize(strip, size, interpolation=cv2.INTER_AREA))
            else:  # the section is smaller than a pixel of the reduced image
                strip = np.full((high, self.shape[1]), strip.mean(), np.float32)
        self._kept[number] = strip
        while len(self._kept) > 1 and sum(s.nbytes for s in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)
        return strip
