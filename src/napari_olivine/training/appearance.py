"""What the sessions of a training look like, for the model card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.networks import (
    CELL_PX,
    MEASURES,
    Appearance,
    LevelledGrey,
    Normalisation,
    grid_of_cells,
    measure_cells,
)
from napari_olivine.regions import study_region
from napari_olivine.section import Section
from napari_olivine.training.plan import TrainingSection
from napari_olivine.training.windows import Window, area

MOST_CELLS = 4000
"""About so many cells of the sessions of a role are measured (ours)."""


def measure_appearance(
    sections: Sequence[TrainingSection], normalisation: Normalisation, job: Job
) -> Appearance | None:
    """Measure what the sessions for training and for validation look like.

    Parameters
    ----------
    sections
        What was learned from.
    normalisation
        Grey scale of the network.
    job
        Running job; told where the sessions are too small.

    Returns
    -------
    Appearance or None
        `None` where they are too small.
    """
    training, validation = [], []
    most = MOST_CELLS // len(sections)
    for one in sections:
        grey = LevelledGrey(one.section, normalisation, job)
        training.append(_cells(one.section, grey, one.plan.train_windows, most, job))
        validation.append(_cells(one.section, grey, one.plan.validation_windows, most, job))
    found = Appearance.learn(np.concatenate(training), np.concatenate(validation))
    if found is None:
        job.say(
            "The sessions for training are too small to keep what they look like: this model "
            "cannot tell whether another section is of the same kind."
        )
    return found


def _cells(
    section: Section, grey: LevelledGrey, windows: Sequence[Window], most: int, job: Job
) -> NDArray[np.float64]:
    """Measure cells of some windows, overlapping by half where there is room for all."""
    region = study_region(section)
    pixels = sum(area(window) for window in windows)
    step = max(CELL_PX // 2, round((pixels / most) ** 0.5))
    found = [np.zeros((0, len(MEASURES)))]
    for rows, columns in windows:
        if min(rows.stop - rows.start, columns.stop - columns.start) < CELL_PX:
            continue  # a cell would reach beyond
        places = grid_of_cells(rows, columns, step)
        measured = measure_cells(
            grey, places, section.tiles(), region.pixels if region else None, job
        )
        found.append(measured.reshape(-1, len(MEASURES)))
    every = np.concatenate(found)
    return every[np.isfinite(every).all(axis=1)]
