"""The grey that a calibration reads: levelled, or as the instrument wrote it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.levelling import LevelledRaster, LevelSettings, level, open_levelled
from napari_olivine.section import Raster, Section, Session


@dataclass(frozen=True)
class CalibrationGrey:
    """BSE grey of a section.

    Parameters
    ----------
    raster
        BSE image.
    sessions
        Sessions of the section.
    scale_errors
        Largest standard errors that the levelling left: of a session's gain (a fraction) and of its
        grey in the middle of the range; `None` where the grey is not levelled.
    """

    raster: Raster | LevelledRaster
    sessions: list[Session]

    scale_errors: tuple[float, float] | None = None

    @property
    def levelled(self) -> bool:
        """Whether tiles and sessions are on one scale."""
        return isinstance(self.raster, LevelledRaster)

    def window(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Read a window that lies within the image."""
        return self.raster.read(rows, columns).astype(np.float32, copy=False)


def open_grey(section: Section, *, levelled: bool) -> CalibrationGrey:
    """Open the BSE image.

    Parameters
    ----------
    section
        Section with images.
    levelled
        Whether to read it through the product ``levelling``.
    """
    if not levelled:
        return CalibrationGrey(section.raster("images", "BSE"), section.measured_sessions())
    scales = section.require("levelling", stale_ok=True).notes.get("sessions", {}).values()
    gain = max((float(one["gain_error"]) for one in scales), default=0.0)
    grey = max((float(one["middle_grey_error"]) for one in scales), default=0.0)
    return CalibrationGrey(open_levelled(section), section.measured_sessions(), (gain, grey))


def require_levelling(section: Section, job: Job) -> None:
    """Make the product ``levelling`` unless there is one that is up to date."""
    if section.state("levelling") != "fresh":
        job.say("Levelling the grey of tiles and sessions first.")
        level(section, LevelSettings(), replace(job, force=False))
