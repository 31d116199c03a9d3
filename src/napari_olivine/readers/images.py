"""One TIFF per signal, each the whole section."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.tiff import read_header, read_pixels, read_rows

IMAGE_SUFFIXES = (".tif", ".tiff")


class TiffImage:
    """One signal kept as a TIFF.

    Parameters
    ----------
    name
        Name of the signal.
    file
        The TIFF; its header is judged at once.
    """

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self.files = [file]
        self.missing: list[str] = []
        header = read_header(file)
        self.shape = header.shape
        self.pixel_size_um = header.pixel_size_um
        self._dtype = header.dtype
        self._whole: NDArray[Any] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        return self._dtype

    def check(self, job: Job) -> list[str]:
        """Judge the header again: the file may have changed since it was opened."""
        job.check()
        try:
            read_header(self.files[0])
        except InputError as error:
            return [str(error)]
        return []

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        """Return rows `start` up to, not including, `stop`."""
        job.check()
        size = self.shape[0] * self.shape[1] * self.dtype.itemsize
        if size > job.memory_bytes // 4:
            return read_rows(self.files[0], start, stop)
        if self._whole is None:  # many microscopes compress an image as one piece
            self._whole = read_pixels(self.files[0])
        rows = self._whole[start:stop]
        if stop >= self.shape[0]:
            self._whole = None
        return rows
