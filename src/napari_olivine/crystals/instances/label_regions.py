"""Numbering the connected regions of a section, strip by strip."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import CrystalsSettings, Labels
from napari_olivine.crystals.instances.components import (
    Strip,
    join_strips,
    label_strip,
    summarize_strip,
)
from napari_olivine.job import Job
from napari_olivine.section import CHUNK, Draft, Raster, blocks

BYTES_PER_PIXEL = 48
"""Mask, labels, positions of the phase's pixels and their sums while a strip is labelled."""

STRIP_PX = 64_000_000
"""Pixels of a strip at most, so that the step can be stopped within a second or two."""

PHASE = 1
"""Value of the phase in masks and segmentations."""


def number_regions(
    phase: Labels, labels: Raster, draft: Draft, settings: CrystalsSettings
) -> pd.DataFrame:
    """Write the ids of all connected regions, in reading order of their first pixels.

    Parameters
    ----------
    phase
        Pixels of the phase, 1 where it is.
    labels
        Image of ids to be written, 0 for none.
    draft
        Draft of the product; strips that are done are not repeated.
    settings
        Connectivity and the smallest region.

    Returns
    -------
    pandas.DataFrame
        See :func:`~napari_olivine.crystals.instances.components.join_strips`.
    """
    strips = strips_of(phase, draft.job)
    # Names tell the extent: a run that goes on may have another bound on its memory.
    files = [draft.path / "parts" / f"strip-{rows.start}-{rows.stop}.npz" for rows in strips]
    places = {("find", rows.start, rows.stop): place for place, rows in enumerate(strips)}
    for part in draft.pending(places, f"Finding {settings.phase}"):
        rows = strips[places[part]]
        summarize_strip(_label(phase, rows, settings), rows.start).save(files[places[part]])
    min_area_px = settings.min_area_um2 / phase.pixel_size_um**2
    numbers, table = join_strips(
        [Strip.load(file) for file in files],
        diagonals=settings.join_diagonals, min_area_px=min_area_px,
    )  # fmt: skip
    places = {("number", rows.start, rows.stop): place for place, rows in enumerate(strips)}
    for part in draft.pending(places, "Numbering regions"):
        rows = strips[places[part]]
        found = _label(phase, rows, settings)
        labels.write(rows.start, 0, numbers[places[part]][found])
    return table


def strips_of(raster: Labels, job: Job) -> list[slice]:
    """Cut an image into strips of rows that the job's memory holds."""
    return [rows for rows, _ in blocks(raster.shape, _strip_height(job, raster.shape[1]))]


def _strip_height(job: Job, columns: int) -> int:
    """Rows of a strip: whole chunks where the memory allows, else fewer rows."""
    rows = min(job.memory_bytes // BYTES_PER_PIXEL, STRIP_PX) // columns
    step = CHUNK if rows >= CHUNK else 64
    return int(max(step, rows // step * step))


def _label(phase: Labels, rows: slice, settings: CrystalsSettings) -> NDArray[np.int32]:
    """Label one strip, the same way in each call."""
    mask = phase.read(rows, slice(0, phase.shape[1])) == PHASE
    return label_strip(mask, diagonals=settings.join_diagonals)
