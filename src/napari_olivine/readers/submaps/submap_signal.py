"""A signal that was measured on parts of the section, laid over the pixels of BSE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.formats import open_images
from napari_olivine.readers.submaps.submap import Submap

COLUMNS_AT_ONCE = 4096
"""Columns of a strip whose places are worked out together."""


class SubmapSignal:
    """One signal of some submaps.

    A pixel of the section has the value of the submap's pixel that holds its centre: counts stay
    what was counted. Where submaps overlap the first one counts; what no submap shows is 0.

    Parameters
    ----------
    name
        Name of the signal.
    submaps
        Submaps of the section; those without the signal are left out.
    shape
        Rows and columns of the section.
    """

    def __init__(self, name: str, submaps: Sequence[Submap], shape: tuple[int, int]) -> None:
        self.name = name
        self.shape = shape
        self.missing: list[str] = []
        self._submaps = [(one, one.maps[name]) for one in submaps if name in one.maps]
        self.files: list[Path] = [
            file for _, image in self._submaps for file in (image.file, *image.files)
        ]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        return np.result_type(*(image.dtype for _, image in self._submaps))

    def check(self, job: Job) -> list[str]:
        """Open the files again: they may have changed since they were recognised."""
        wrong = []
        for _, image in self._submaps:
            job.check()
            try:
                open_images(image.file)
            except InputError as error:
                wrong.append(str(error))
        return wrong

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        """Return rows of the section, shape (stop - start, columns).

        Parameters
        ----------
        start, stop
            First row of the section, and the one behind the last.
        job
            Running job.
        """
        strip = np.zeros((stop - start, self.shape[1]), self.dtype)
        filled = np.zeros(strip.shape, bool)
        for one, image in self._submaps:
            job.check()
            assert one.place is not None, "submaps are placed before they are read"
            whole = one.place.window(one.shape, slice(start, stop), slice(0, self.shape[1]))
            if whole is None:
                continue
            rows, columns = whole
            for left in range(columns.start, columns.stop, COLUMNS_AT_ONCE):
                part = slice(left, min(left + COLUMNS_AT_ONCE, columns.stop))
                here = (slice(rows.start - start, rows.stop - start), part)
                down, right = (
                    np.floor(place + 0.5).astype(np.int64) for place in one.place.pixels(rows, part)
                )
                inside = (down >= 0) & (down < one.shape[0])
                inside &= (right >= 0) & (right < one.shape[1]) & ~filled[here]
                if not inside.any():
                    continue
                first, last = int(down[inside].min()), int(down[inside].max())
                values = image.load(first, last + 1)
                strip[here][inside] = values[down[inside] - first, right[inside]]
                filled[here] |= inside
        return strip
