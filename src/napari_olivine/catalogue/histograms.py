"""mg# of all pixels, counted by class of crystal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import CLASS_COLOURS, class_codes
from napari_olivine.job import Job
from napari_olivine.section import Section, blocks, strip_height

BINS = 1000
"""Bins between mg# 0 and 1."""


@dataclass(frozen=True)
class MgHistogram:
    """Pixels by class of crystal and mg#.

    Parameters
    ----------
    counts
        Shape (classes, bins): classes in the order of `CLASS_COLOURS`, bins of equal width
        between 0 and 1.
    """

    counts: NDArray[np.int64]

    def of(self, name: str) -> NDArray[np.int64]:
        """Give the counts of one class."""
        return np.asarray(self.counts[list(CLASS_COLOURS).index(name)])

    def range(self, names: Iterable[str], percent: float) -> tuple[float, float]:
        """mg# that bounds all but some percent of each class's pixels at each end, to 0.01."""
        ends = []
        for name in names:
            below = np.cumsum(self.of(name))
            if below[-1]:
                share = below[-1] * np.array([percent, 100 - percent]) / 100
                ends.append(np.searchsorted(below, share) + np.array([0, 1]))
        if not ends:
            return 0.0, 1.0
        low, high = np.min(ends) / BINS, np.max(ends) / BINS
        return float(np.floor(low * 100) / 100), float(np.ceil(high * 100) / 100)


def count_mg(section: Section, table: pd.DataFrame, job: Job) -> MgHistogram:
    """Count the pixels of the mg# map, strip by strip.

    Parameters
    ----------
    section
        Section with ``crystals`` and ``mg``.
    table
        Crystals and their classes.
    job
        Running job.

    Returns
    -------
    MgHistogram
        Pixels of the crystals by class and mg#.
    """
    codes = class_codes(table)
    labels, mg = section.raster("crystals", "crystals"), section.raster("mg", "mg")
    counts = np.zeros((len(CLASS_COLOURS) + 1, BINS), np.int64)
    strips = list(blocks(section.shape, strip_height(job, section.shape[1] * 32)))
    for done, (rows, columns) in enumerate(strips):
        job.progress(done, len(strips), "Counting mg#")
        of, values = codes[labels.read(rows, columns)], mg.read(rows, columns)
        there = (of > 0) & np.isfinite(values)
        places = of[there].astype(np.int64)
        bins = np.clip(values[there] * BINS, 0, BINS - 1).astype(np.int64)
        counts += np.bincount(places * BINS + bins, minlength=counts.size).reshape(counts.shape)
    job.progress(len(strips), len(strips), "Counting mg#")
    return MgHistogram(counts[1:])
