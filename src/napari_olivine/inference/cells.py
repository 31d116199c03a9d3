"""What is known of finished cells besides their pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.windows import Place

Histogram = NDArray[np.int64]


class Cells:
    """The finished cells of an unfinished probability, noted one by one.

    A cell is noted after its pixels are on disk, with the histogram of its first class, so that
    the area of any threshold is known at once.

    Parameters
    ----------
    folder
        Folder of the draft.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / CELLS
        self.histogram: Histogram = np.zeros(256, np.int64)
        self.done: set[Place] = set()
        for line in self._file.read_text().splitlines() if self._file.exists() else []:
            try:
                cell, counts = json.loads(line)
                self._count((cell[0], cell[1]), np.array(counts, np.int64))
            except (ValueError, TypeError, IndexError):  # killed while it wrote this line
                continue

    def note(self, cell: Place, counts: Histogram) -> None:
        """Note a cell whose pixels are on disk."""
        there = np.flatnonzero(counts)
        pairs = [there.tolist(), counts[there].tolist()]
        with self._file.open("a") as file:
            file.write(json.dumps([cell, pairs]) + "\n")
        self._count(cell, np.array(pairs, np.int64))

    def close(self) -> Histogram:
        """Take the notes away when all cells are there; return the histogram of the section."""
        self._file.unlink(missing_ok=True)
        return self.histogram

    def _count(self, cell: Place, pairs: NDArray[np.int64]) -> None:
        if cell not in self.done:
            np.add.at(self.histogram, pairs[0], pairs[1])
            self.done.add(cell)


CELLS = "cells.jsonl"
