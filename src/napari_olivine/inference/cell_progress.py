"""The finished cells of several probabilities that are filled together.

Its reports name cells and histograms (event ``"cells"``), for a layer that grows; `Job.progress`
says how far the step is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from threading import Lock

import numpy as np

from napari_olivine.inference.cell_store import FinishedCells, Histogram
from napari_olivine.inference.windows import Place
from napari_olivine.job import Job

REPORT_S = 0.25
"""Seconds between two reports at least."""


class CellProgress:
    """The cells of a section, and in which of the probabilities each is finished.

    Parameters
    ----------
    every
        All cells of the section.
    cells
        Finished cells, by the name of the probability.
    job
        Running job.
    """

    def __init__(
        self, every: Iterable[Place], cells: Mapping[str, FinishedCells], job: Job
    ) -> None:
        self._cells, self._job = dict(cells), job
        every = set(every)
        self.total = len(every)
        self.unfinished = {
            cell for cell in every if any(cell not in c.done for c in cells.values())
        }
        self._new: list[Place] = []
        self._reported = 0.0
        self._lock = Lock()

    @property
    def done(self) -> int:
        """How many cells are finished in all probabilities."""
        return self.total - len(self.unfinished)

    def note(self, name: str, cell: Place, counts: Histogram) -> None:
        """Note that a cell of one probability is on disk; from any thread.

        Parameters
        ----------
        name
            Name of the probability.
        cell
            Row and column of the cell.
        counts
            Its histogram, shape (256,).
        """
        with self._lock:
            self._cells[name].note(cell, counts)
            if cell in self.unfinished and all(cell in c.done for c in self._cells.values()):
                self.unfinished.discard(cell)
                self._new.append(cell)

    def note_empty(self, cell: Place) -> None:
        """Note a cell that lies in a gap of the mosaic: there is nothing to predict."""
        for name in self._cells:
            self.note(name, cell, np.zeros(256, np.int64))

    def report(self, last: bool = False) -> None:
        """Report the cells that were finished since the last time, not too often."""
        now = time.monotonic()
        with self._lock:
            if not self._new or (now - self._reported < REPORT_S and not last):
                return
            new, self._new = self._new, []
            histograms = {name: c.histogram.tolist() for name, c in self._cells.items()}
        self._reported = now
        self._job.report(
            "cells", cells=new, done=self.done, total=self.total, histograms=histograms
        )
