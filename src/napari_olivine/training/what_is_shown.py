"""What the sessions of a training show, told before it begins: pieces and area of each phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_olivine.job import Job
from napari_olivine.networks import ModelPhase
from napari_olivine.regions import study_region
from napari_olivine.section import Section
from napari_olivine.training.phases import MaskPhases
from napari_olivine.training.pieces import Pieces, pieces_of
from napari_olivine.training.plan import Plan
from napari_olivine.training.windows import Window

FEWEST_PIECES = 3
"""Pieces in the training sessions below which a phase is warned of (ours)."""

LEAST_PERCENT = 0.05
"""Percentage of the section from which a phase is there; less may be noise of the maps (ours)."""

HEAVIEST = 2.0
"""Largest and, inverted, smallest weight of a phase in the loss (ours)."""


def show_phases(section: Section, phases: MaskPhases, plan: Plan, job: Job) -> dict[int, Pieces]:
    """Tell what the sessions for training and validation show, and what is missing there.

    Parameters
    ----------
    section
        Section with ``mask``.
    phases
        Its phases.
    plan
        Sessions and their windows.
    job
        Running job, whose log gets a line a phase; reported as the event ``shown`` too.

    Returns
    -------
    dict
        Pieces in the training sessions, by code of the phase.
    """
    region, codes = study_region(section), [phase.code for phase in phases.phases]

    def find(windows: Sequence[Window]) -> dict[int, Pieces]:
        return pieces_of(phases.image, codes, windows, region, job)

    train, validation = find(plan.train_windows), find(plan.validation_windows)
    job.say(
        f"What the mask shows in session {', '.join(plan.training)} (training) and "
        f"{', '.join(plan.validation)} (validation):"
    )
    rows, pixel_mm2 = [], section.pixel_size_um**2 / 1e6
    for phase in phases.phases:
        counts = [some[phase.code].count for some in (train, validation)]
        areas = [some[phase.code].pixels * pixel_mm2 for some in (train, validation)]
        told = [_words(*pair) for pair in zip(counts, areas, strict=True)]
        job.say(f"  {phase.name}: {told[0]}; validation {told[1]}")
        rows.append({"name": phase.name, "pieces": counts, "mm2": areas})
    job.report("shown", rows=rows)
    percent = {m["code"]: m["percent"] for m in section.require("mask").notes["modes"]}
    few = [
        f"{phase.name} ({train[phase.code].count})"
        for phase in phases.phases
        if phase.code
        and percent[phase.code] >= LEAST_PERCENT
        and train[phase.code].count < FEWEST_PIECES
    ]
    if few:
        job.warn(
            f"The training sessions hardly show {', '.join(few)}, which the section has: the "
            "network may take it for olivine elsewhere.",
            remedy="Give a session that shows it the role 'train'.",
        )
    return train


def weights_of(phases: Sequence[ModelPhase], pieces: Mapping[int, Pieces]) -> list[float]:
    """Weigh the phases in the loss by the root of how rare they are, within bounds.

    Crops are laid over rare phases as often as over common ones, but most of a crop is its
    surroundings.

    Parameters
    ----------
    phases
        Outputs of the network.
    pieces
        Of each phase in the training sessions, by its code.

    Returns
    -------
    list of float
        Weight of each phase; 1 for one as common as the mean, and for one that is not there.
    """
    pixels = [pieces[phase.code].pixels for phase in phases]
    mean = sum(pixels) / max(1, sum(count > 0 for count in pixels))
    return [
        min(HEAVIEST, max(1 / HEAVIEST, (mean / count) ** 0.5)) if count else 1.0
        for count in pixels
    ]


def _words(pieces: int, mm2: float) -> str:
    return f"{pieces:,} {'piece' if pieces == 1 else 'pieces'}, {mm2:.3g} mm2"
