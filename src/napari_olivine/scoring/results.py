"""Results of scoring, as values for a file.

Leichter et al. (2022) is doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Values(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PhaseScores(_Values):
    """Pixels of olivine, or of another phase, against the truth; `None` for a ratio of nothing."""

    iou: float | None
    """Intersection over union."""
    overall_accuracy: float | None
    """Fraction of pixels that are right."""
    precision: float | None
    recall: float | None
    orthopyroxene_percent: float | None
    """Orthopyroxene that is taken for olivine, percent of its pixels; of olivine only."""
    boundary_iou: float | None = None
    """Boundary IoU within 2 px of the outlines (Cheng et al. 2021); of the whole section only."""


class MgScores(_Values):
    """mg# of the map against the truth, on pixels where both have a value."""

    rmse: float | None
    bias: float | None
    """Mean of map minus truth."""
    pixels: int


class SessionScores(_Values):
    """Scores within one session."""

    session: str
    role: str
    mask: PhaseScores | None = None
    segmentation: PhaseScores | None = None
    joint: PhaseScores | None = None
    final: PhaseScores | None = None
    mg: MgScores | None = None


class SizeScores(_Values):
    """True crystals of one size class."""

    true: int
    found: int


class CrystalScores(_Values):
    """Labels against true crystals.

    A true crystal is found if it and one label have an intersection over union above
    ``found_iou``. It is merged if its larger part lies in a label that holds the larger part
    of another true crystal too, and split if two or more labels that lie mostly in it make up
    at least a twentieth of it each. A label is spurious if less than half of it lies in
    true crystals.
    """

    true: int
    found: int
    missed: int
    by_size: dict[str, SizeScores]
    merged: int
    split: int
    labels: int
    spurious: int


class SizeClassScores(_Values):
    """True crystals with an area in one range."""

    from_um2: float
    to_um2: float | None
    """Not included; `None` for no bound."""
    true: int
    found: int
    area_ratio: float | None
    """Median of found area over true area, of those that are found."""


class SizesScores(_Values):
    """True crystals by size, without those that touch the edge of the section."""

    classes: list[SizeClassScores]
    labels: int
    """Labels of at least the smallest area."""
    false_labels: int
    """Of these, labels that touch no true crystal."""


class ZoningScores(_Values):
    """Zoning classes of true phenocrysts that do not touch the edge of the section.

    A true phenocryst gets the class of the label that finds it. Broken
    crystals count under the zoning they grew with. Crystals with other patterns (``complex``: a
    magnesian mantle between poorer core and rim) have no right answer among normal, reversed
    and none, so that `accuracy` leaves them out; `accuracy_with_others` counts them and takes
    none for right, where Leichter et al. (2022, section 5.2) found most of them.
    """

    phenocrysts: int
    """Of kind normal, reversed or none."""
    right: int
    accuracy: float | None
    """Right among all, where missed ones count as wrong."""
    accuracy_of_classified: float | None
    """Right among those that have a class."""
    accuracy_with_others: float | None
    confusion: dict[str, dict[str, int]]
    """True kind -> class given -> count; ``missed``: not found, ``unclassified``: no class."""


class Scores(_Values):
    """A section against a known truth; `None` for products that the section lacks."""

    section: str
    mask: PhaseScores | None = None
    segmentation: PhaseScores | None = None
    """By BSE alone: what is claimed of a network."""
    joint: PhaseScores | None = None
    """By BSE and element maps together."""
    final: PhaseScores | None = None
    """Pixels of the crystals that count."""
    mg: MgScores | None = None
    mask_sizes: SizesScores | None = None
    """Connected regions of the mask."""
    segmentation_sizes: SizesScores | None = None
    """Connected regions by BSE alone; only where there is a joint segmentation to compare with."""
    joint_sizes: SizesScores | None = None
    """Connected regions by BSE and element maps together."""
    crystal_sizes: SizesScores | None = None
    """Crystals that count."""
    sessions: list[SessionScores] = []
    traverses: dict[str, dict[str, Any]] = {}
    """Scores of calibration and test traverses, filtered and raw, against the microprobe."""
    crystals: CrystalScores | None = None
    zoning: ZoningScores | None = None
    other_phases: dict[str, dict[str, PhaseScores]] = {}
    """Phases other than olivine, by name and by the product that tells them: ``"segmentation"`` by
    BSE alone, ``"mask"``, ``"crystals"``."""
    missing: list[str] = []
    """Products that could not be scored, and why."""
