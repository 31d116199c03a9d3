"""Which cells of a probability are finished, and the histogram of their olivine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.windows import Place

Histogram = NDArray[np.int64]


class FinishedCells:
    """Cells that are finished, and the histogram of olivine; in memory.

    Parameters
    ----------
    done
        Cells that count as finished from the beginning, with nothing in the histogram.
    """

    def __init__(self, done: Iterable[Place] = ()) -> None:
        self.histogram: Histogram = np.zeros(256, np.int64)
        self.done: set[Place] = set(done)

    def note(self, cell: Place, counts: Histogram) -> None:
        """Note a cell whose pixels are on disk; one that was noted before stays as it is."""
        if cell not in self.done:
            self.histogram += counts
            self.done.add(cell)


class CellStore(FinishedCells):
    """The finished cells of an unfinished probability, noted one by one in its draft.

    A cell is noted after its pixels are on disk, with the histogram of olivine, so that
    the area of any threshold is known at once.

    Parameters
    ----------
    folder
        Folder of the draft.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder / CELLS
        for line in self._file.read_text().splitlines() if self._file.exists() else []:
            try:
                cell, pairs = json.loads(line)
                super().note((cell[0], cell[1]), from_pairs(pairs))
            except (ValueError, TypeError, IndexError):  # killed while it wrote this line
                continue

    def note(self, cell: Place, counts: Histogram) -> None:
        """Note a cell whose pixels are on disk; one that was noted before stays as it is."""
        if cell not in self.done:
            with self._file.open("a") as file:
                file.write(json.dumps([cell, to_pairs(counts)]) + "\n")
        super().note(cell, counts)

    def close(self) -> Histogram:
        """Take the notes away when all cells are there; return the histogram of the section."""
        self._file.unlink(missing_ok=True)
        return self.histogram


def to_pairs(counts: Histogram) -> list[list[int]]:
    """Write a histogram shortly: the values that occur, and how often each does."""
    there = np.flatnonzero(counts)
    return [there.tolist(), counts[there].tolist()]


def from_pairs(pairs: Sequence[Sequence[int]]) -> Histogram:
    """Undo `to_pairs`."""
    counts = np.zeros(256, np.int64)
    counts[np.array(pairs[0], np.int64)] = np.array(pairs[1], np.int64)
    return counts


CELLS = "cells.jsonl"
