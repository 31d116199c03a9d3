"""Numbering the crystals of a section, strip by strip."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.components import Strip, join_strips, label_strip, summarize_strip
from napari_olivine.crystals.settings import CrystalsSettings
from napari_olivine.job import Job
from napari_olivine.section import Draft, Raster, blocks
from napari_olivine.section.raster import CHUNK

BYTES_PER_PIXEL = 48
"""Mask, labels, positions of the olivine pixels and their sums while a strip is labelled."""

STRIP_PX = 64_000_000
"""Pixels of a strip at most, so that the step can be stopped within a second or two."""

OLIVINE = 1
"""Value of olivine in masks and segmentations."""


def number_crystals(
    phase: Raster, labels: Raster, draft: Draft, settings: CrystalsSettings, job: Job
) -> pd.DataFrame:
    """Write the ids of all crystals, in reading order of their first pixels.

    Parameters
    ----------
    phase
        Olivine, 1 where it is.
    labels
        Image of ids to be written, 0 for none.
    draft
        Draft of the product; strips that are done are not repeated.
    settings
        What belongs together, and the smallest crystal.
    job
        Running job.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``area_px``, ``row``, ``col`` (centroid) and ``row0, row1, col0, col1``.
    """
    strips = [rows for rows, _ in blocks(phase.shape, _strip_height(job, phase.shape[1]))]
    # Names tell the extent: a run that goes on may have another bound on its memory.
    files = [draft.path / "parts" / f"strip-{rows.start}-{rows.stop}.npz" for rows in strips]
    places = {("find", rows.start, rows.stop): place for place, rows in enumerate(strips)}
    for part in draft.pending(places, "Finding crystals"):
        rows = strips[places[part]]
        found, top, bottom = _label(phase, rows, settings)
        summarize_strip(found, top, bottom, rows.start).save(files[places[part]])
    min_area_px = settings.min_area_um2 / phase.pixel_size_um**2
    numbers, table = join_strips(
        [Strip.load(file) for file in files],
        diagonals=settings.join_diagonals, min_area_px=min_area_px,
    )  # fmt: skip
    places = {("number", rows.start, rows.stop): place for place, rows in enumerate(strips)}
    for part in draft.pending(places, "Numbering crystals"):
        rows = strips[places[part]]
        found, _, _ = _label(phase, rows, settings)
        labels.write(rows.start, 0, numbers[places[part]][found])
    labels.build_pyramid(job)
    return table


def _strip_height(job: Job, columns: int) -> int:
    """Rows of a strip: whole chunks where the memory allows, else fewer rows."""
    rows = min(job.memory_bytes // BYTES_PER_PIXEL, STRIP_PX) // columns
    step = CHUNK if rows >= CHUNK else 64
    return int(max(step, rows // step * step))


def _label(
    phase: Raster, rows: slice, settings: CrystalsSettings
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Label one strip, the same way each time it is asked for."""
    everything = slice(0, phase.shape[1])
    radius = round(settings.bridge_um / phase.pixel_size_um / 2 + 0.25) if settings.bridge_um else 0
    if not radius:
        mask = phase.read(rows, everything) == OLIVINE
        return label_strip(mask, diagonals=settings.join_diagonals)
    # Closing sees twice its radius: with these rows around it the strip is as in the whole image.
    start = max(rows.start - 2 * radius, 0)
    mask = phase.read(slice(start, rows.stop + 2 * radius), everything) == OLIVINE
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, brush).astype(bool)
    inside = slice(rows.start - start, rows.stop - start)
    return label_strip(mask[inside], diagonals=settings.join_diagonals, bridged=closed[inside])
