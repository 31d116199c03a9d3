"""Maps of numbers as text, one file per signal (XMapTools, JEOL and Oxford exports)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.section.raster import CHUNK

SUFFIXES = (".txt", ".csv", ".tsv", ".asc", ".dat")


def is_text_map(file: Path) -> bool:
    """Tell whether a file's first line is a row of numbers."""
    if file.suffix.lower() not in SUFFIXES:
        return False
    first = next(_lines(file), "")
    cells = first.split(_separator(first))
    return len(cells) > 1 and all(_is_number(cell) for cell in cells)


class TextMap:
    """One signal kept as rows of numbers.

    Parameters
    ----------
    name
        Name of the signal.
    file
        Text file; numbers separated by tabs, spaces, commas or semicolons.
    """

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self.files = [file]
        self.missing: list[str] = []
        first = next(_lines(file), "")
        self._separator = _separator(first)
        self.shape = (sum(1 for _ in _lines(file)), len(first.split(self._separator)))
        self._dtype: np.dtype[Any] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Smallest unsigned type that holds all counts; 32 bit float where they are not whole."""
        if self._dtype is None:
            self._dtype = self._find_dtype(Job())
        return self._dtype

    def check(self, job: Job) -> list[str]:
        """Read all numbers once, to find their type and what is no number."""
        try:
            self._dtype = self._find_dtype(job)
        except InputError as error:
            return [str(error)]
        return []

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        """Return rows `start` up to, not including, `stop`."""
        job.check()
        return self._numbers(start, stop).astype(self.dtype)

    def _find_dtype(self, job: Job) -> np.dtype[Any]:
        whole, largest, smallest = True, 0.0, 0.0
        for start in range(0, self.shape[0], CHUNK):
            job.check()
            numbers = self._numbers(start, min(start + CHUNK, self.shape[0]))
            whole = whole and bool((numbers == np.round(numbers)).all())
            largest = max(largest, float(numbers.max(initial=0)))
            smallest = min(smallest, float(numbers.min(initial=0)))
        if smallest < 0:
            raise InputError(
                f"{self.files[0]} holds negative numbers ({smallest:g}); counts expected"
            )
        if not whole or largest > np.iinfo(np.uint32).max:
            return np.dtype(np.float32)
        return np.min_scalar_type(int(largest))

    def _numbers(self, start: int, stop: int) -> NDArray[np.float64]:
        file = self.files[0]
        rows = islice(_lines(file), start, stop)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # no rows: told below
                numbers = np.loadtxt(
                    rows, dtype=np.float64, delimiter=self._separator, ndmin=2, comments=None
                )
        except ValueError as error:
            where = f", rows counted from row {start + 1} of the file" if start else ""
            raise InputError(f"{file} is no map of numbers ({error}{where})") from error
        if numbers.shape != (stop - start, self.shape[1]):
            raise InputError(
                f"{file} has {numbers.shape[1]} numbers in rows {start + 1} to {stop}, its first "
                f"row has {self.shape[1]}"
            )
        if not np.isfinite(numbers).all():
            row, column = np.argwhere(~np.isfinite(numbers))[0]
            raise InputError(f"{file}: row {start + row + 1}, number {column + 1} is not finite")
        return numbers


def _lines(file: Path) -> Iterator[str]:
    """Go through the lines of a file that hold something, without what trails them."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            for line in stream:
                text = line.strip(" \t\r\n,;")
                if text:
                    yield text.replace(",", ".") if ";" in text else text
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error}).") from error


def _separator(line: str) -> str | None:
    """Return what separates the numbers; `None` for any white space."""
    return next((mark for mark in ";," if mark in line), None)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
