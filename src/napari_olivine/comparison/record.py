"""What is kept of a run: counts and times, as values for a file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_olivine.comparison.pixel_counts import (
    OLIVINE,
    PixelCounts,
    best_threshold,
    olivine_scores,
)
from napari_olivine.section import write_atomically

FORMAT = 1
"""Number of the way in which runs are made and scored; those of another one are made anew."""


class _Values(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


class SizeCount(_Values):
    """Crystals of the reference with an area in one range."""

    from_um2: float
    to_um2: float | None
    true: int
    found: int


class Outlines(_Values):
    """Outlines and crystals of a session at one threshold of olivine."""

    threshold: float
    boundary_shared: int
    """Pixels within 2 px of an outline that reference and network share."""
    boundary_either: int
    sizes: list[SizeCount]
    regions: int
    """Connected regions of the network, of at least the smallest size."""
    false_regions: int
    """Of these, regions that touch no olivine of the reference."""


class SessionRecord(_Values):
    """Counts of a session."""

    session: str
    role: str
    confusion: list[list[int]]
    histogram: list[list[int]]
    soft: list[list[float]]
    outlines: list[Outlines] = []

    @property
    def counts(self) -> PixelCounts:
        """Counts of its pixels."""
        return PixelCounts(
            np.array(self.confusion, np.int64),
            np.array(self.histogram, np.int64),
            np.array(self.soft, np.float64),
        )

    @classmethod
    def of(cls, session: str, role: str, counts: PixelCounts) -> SessionRecord:
        """Write the counts of a session down.

        Parameters
        ----------
        session, role
            Its name and role.
        counts
            Its pixels.
        """
        return cls(
            session=session,
            role=role,
            confusion=counts.confusion.tolist(),
            histogram=counts.histogram.tolist(),
            soft=counts.soft.tolist(),
        )


class Picture(_Values):
    """What a run takes for olivine at one place."""

    session: str
    row0: int
    """Rows from `row0` up to, not including, `row1`, px of the section; columns likewise."""
    row1: int
    col0: int
    col1: int
    jpeg: str
    """In base 64."""

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.row0, self.row1), slice(self.col0, self.col1)


class Effort(_Values):
    """Time and memory that something took."""

    clock_s: float
    processor_s: float
    """Of all cores together."""
    peak_mb: float | None = None
    """Largest memory of the process up to its end, resident set size."""
    gpu_peak_mb: float | None = None
    """Largest memory that tensors held on the graphics card meanwhile."""


class Training(_Values):
    """How a training went."""

    effort: Effort
    steps: int
    """Of the optimiser; 0 of a forest."""
    best_step: int
    validations: list[dict[str, float]]
    """``step``, ``val_loss`` and ``val_iou`` (threshold 0.5) of each validation."""


class Prediction(_Values):
    """How the scored sessions were segmented."""

    effort: Effort
    engine: str
    megapixels: float


class RunRecord(_Values):
    """A run, as far as it has come."""

    format: int = FORMAT
    name: str
    group: str
    """What runs that differ by their seed alone have in common."""
    network: str
    size: int
    start: str
    seed: int
    state: Literal["trained", "finished", "failed"]
    reason: str = ""
    """Why it failed."""
    model: str = ""
    """Folder of the model; one that was trained here lies in the folder of the comparison."""
    doubt: str = ""
    """What speaks against its scores."""
    weights_from: str = ""
    trained_from: str
    """Fingerprint of settings, images, mask and sessions of the training, or of the model."""
    scored_by: str = ""
    """Fingerprint of the reference and of the settings of scoring."""
    device: str = ""
    threads: int = 0
    training: Training | None = None
    prediction: Prediction | None = None
    classes: list[str] = []
    """Classes of the reference."""
    known: list[int] = []
    """Places of those that the network knows."""
    threshold: float | None = None
    """Best threshold of olivine on the val sessions."""
    sessions: list[SessionRecord] = []
    pictures: list[Picture] = []
    """Of the reported sessions, at the best threshold."""

    def pooled(self, role: str) -> PixelCounts | None:
        """Return the counts of all sessions of a role together; `None` without any."""
        parts = [one.counts for one in self.sessions if one.role == role]
        return PixelCounts.together(parts) if parts else None

    @property
    def val_iou(self) -> float:
        """IoU of olivine on the val sessions at the best threshold; -1 if it has none."""
        counts = self.pooled("val")
        if counts is None or self.threshold is None:
            return -1.0
        iou = olivine_scores(counts.histogram, self.threshold)["iou"]
        return -1.0 if math.isnan(iou) else iou

    @property
    def reported(self) -> str:
        """Role whose sessions tell how good it is: test, or val where there is no test."""
        return "test" if any(one.role == "test" for one in self.sessions) else "val"

    def write(self, folder: Path) -> None:
        """Write it into the folder of runs."""
        write_atomically(folder / f"{self.name}.json", self.model_dump_json() + "\n")


def read_record(folder: Path, name: str) -> RunRecord | None:
    """Read the record of a run; `None` without one, or if it is damaged or of another format.

    Such a run is made again, which loses nothing but its time.
    """
    try:
        record = RunRecord.model_validate_json((folder / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError, ValidationError):
        return None
    return record if record.format == FORMAT else None


def val_threshold(sessions: Iterable[SessionRecord]) -> float:
    """Return the best threshold of olivine on the val sessions together."""
    counts = [one.counts for one in sessions if one.role == "val"]
    return best_threshold(PixelCounts.together(counts).histogram)


def olivine_known(record: RunRecord) -> list[str]:
    """Return the names of the classes that a network knows beside olivine."""
    return [record.classes[place] for place in record.known if place != OLIVINE]
