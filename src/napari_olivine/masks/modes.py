"""Modal percentages of a mask, with the error of what a section of this size can know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_olivine.job import Job
from napari_olivine.masks.phase_codes import (
    ALTERED,
    ALTERED_COLOUR,
    ALTERED_NAME,
    IGNORE,
    UNKNOWN,
    UNKNOWN_NAME,
)
from napari_olivine.masks.phases import Phase
from napari_olivine.section import Raster, blocks

BLOCK_PX = 512
"""Side of the parts of the section whose scatter gives the error."""


@dataclass(frozen=True)
class Mode:
    """Share of the measured pixels.

    Parameters
    ----------
    code, name, colour
        See `napari_olivine.masks.phases.Phase`.
    percent
        Share, per cent.
    error
        Its standard error, per cent, by the scatter between parts of the section of 512 x 512 px;
        `None` if there is only one part.
    pixels
        Number of pixels.
    """

    code: int
    name: str
    colour: str
    percent: float
    error: float | None
    pixels: int


def modes_of(image: Raster, phases: Sequence[Phase], job: Job) -> list[Mode]:
    """Count the phases at full resolution: an overview shows thin crystals thicker.

    Parameters
    ----------
    image
        uint8, codes of phases.
    phases
        The phases.
    job
        Running job.

    Returns
    -------
    list of Mode
        Of every phase and of what has none, in the order of codes; of altered olivine where there
        is any.
    """
    counts = []
    for rows, columns in blocks(image.shape, BLOCK_PX):
        job.check()
        strip = image.read(rows, columns)
        for part in blocks(strip.shape, BLOCK_PX, BLOCK_PX):
            counts.append(np.bincount(strip[part].ravel(), minlength=IGNORE + 1))
    table = np.array(counts)
    measured = table[:, :IGNORE].sum(axis=1)
    table, measured = table[measured > 0], measured[measured > 0]
    total, parts = max(1, int(measured.sum())), len(measured)
    found = []
    named = [(UNKNOWN, UNKNOWN_NAME, "#9c9c9c"), *((p.code, p.name, p.colour) for p in phases)]
    if table[:, ALTERED].any():
        named.append((ALTERED, ALTERED_NAME, ALTERED_COLOUR))
    for code, name, colour in named:
        share = table[:, code].sum() / total
        error = None
        if parts > 1:
            # Ratio estimator: parts at the rim are smaller (Cochran 1977, section 6.4).
            off = table[:, code] - share * measured
            error = round(100 * float(np.sqrt((off**2).sum() * parts / (parts - 1)) / total), 3)
        percent, pixels = round(100 * float(share), 3), int(table[:, code].sum())
        found.append(Mode(code, name, colour, percent, error, pixels))
    return found
