"""What the sessions of a training show, told before it begins: pieces and area of each phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_olivine.job import Job
from napari_olivine.networks import ModelPhase
from napari_olivine.regions import study_region
from napari_olivine.training.pieces import Pieces, pieces_of
from napari_olivine.training.plan import TrainingSection
from napari_olivine.training.windows import Window

FEWEST_PIECES = 3
"""Pieces in the training sessions below which a phase is warned of (ours)."""

LEAST_PERCENT = 0.05
"""Percentage of the section from which a phase is there; less may be noise of the maps (ours)."""

HEAVIEST = 2.0
"""Largest and, inverted, smallest weight of a phase in the loss (ours)."""


def show_phases(sections: Sequence[TrainingSection], job: Job) -> list[dict[int, Pieces]]:
    """Tell what the sessions for training and validation show, and what is missing there.

    Parameters
    ----------
    sections
        Sections of the training; those whose masks have no phases are left out.
    job
        Running job, whose log gets a line a phase; reported as the event ``shown`` too.

    Returns
    -------
    list of dict
        Of each section: pieces in its training sessions, by code of the phase.
    """
    phases = next((one.phases.phases for one in sections if one.phases is not None), ())
    train = [_find(one, one.plan.train_windows, job) for one in sections]
    if not phases:
        return train
    validation = [_find(one, one.plan.validation_windows, job) for one in sections]
    where = " and ".join(
        f"session {', '.join(one.plan.training)} (training) and "
        f"{', '.join(one.plan.validation)} (validation)"
        + (f" of {one.name}" if len(sections) > 1 else "")
        for one in sections
    )
    job.say(f"What the mask shows in {where}:")
    rows = []
    for phase in phases:
        sums = [_sum(sections, found, phase.code) for found in (train, validation)]
        told = [_words(*pair) for pair in sums]
        job.say(f"  {phase.name}: {told[0]}; validation {told[1]}")
        pieces, mm2 = ([pair[k] for pair in sums] for k in range(2))
        rows.append({"name": phase.name, "colour": phase.colour, "pieces": pieces, "mm2": mm2})
    job.report("shown", rows=rows)
    _warn_of_few(sections, phases, train, job)
    return train


def _find(one: TrainingSection, windows: Sequence[Window], job: Job) -> dict[int, Pieces]:
    """Find the pieces of the phases that a section has, by their codes in the training."""
    if one.phases is None:
        return {}
    codes = {
        own: phase.code
        for phase, own in zip(one.phases.phases, one.phases.codes, strict=True)
        if own is not None
    }
    found = pieces_of(one.phases.image, list(codes), windows, study_region(one.section), job)
    return {codes[own]: pieces for own, pieces in found.items()}


def _sum(
    sections: Sequence[TrainingSection], found: Sequence[Mapping[int, Pieces]], code: int
) -> tuple[int, float]:
    """Pieces and area (mm2) of a phase in all sections."""
    there = [
        (some[code], one.section.pixel_size_um)
        for one, some in zip(sections, found, strict=True)
        if code in some
    ]
    mm2 = [pieces.pixels * pixel_um**2 / 1e6 for pieces, pixel_um in there]
    return sum(pieces.count for pieces, _ in there), sum(mm2)


def _warn_of_few(
    sections: Sequence[TrainingSection],
    phases: Sequence[ModelPhase],
    train: Sequence[Mapping[int, Pieces]],
    job: Job,
) -> None:
    """Warn of phases that a section has and that hardly any training session shows."""
    few = []
    for place, phase in enumerate(phases):
        count = _sum(sections, train, phase.code)[0]
        percent = max(_percent(one, place) for one in sections)
        if phase.code and percent >= LEAST_PERCENT and count < FEWEST_PIECES:
            few.append(f"{phase.name} ({count})")
    if few:
        have = "the section has" if len(sections) == 1 else "a section has"
        job.warn(
            f"The training sessions hardly show {', '.join(few)}, which {have}: the "
            "network may take it for olivine elsewhere.",
            remedy="Give a session that shows it the role 'train'.",
        )


def _percent(one: TrainingSection, place: int) -> float:
    """Percentage of a section that is one of the phases of the training."""
    code = one.phases.codes[place] if one.phases is not None else None
    modes = one.section.require("mask").notes["modes"] if code is not None else []
    return next((float(mode["percent"]) for mode in modes if mode["code"] == code), 0.0)


def weights_of(phases: Sequence[ModelPhase], pieces: Sequence[Mapping[int, Pieces]]) -> list[float]:
    """Weigh the phases in the loss by the root of how rare they are, within bounds.

    Crops are laid over rare phases as often as over common ones, but most of a crop is its
    surroundings.

    Parameters
    ----------
    phases
        Outputs of the network.
    pieces
        Of each section: of each phase in its training sessions, by its code.

    Returns
    -------
    list of float
        Weight of each phase; 1 for one as common as the mean, and for one that is not there.
    """
    pixels = [
        sum(some[phase.code].pixels for some in pieces if phase.code in some) for phase in phases
    ]
    mean = sum(pixels) / max(1, sum(count > 0 for count in pixels))
    return [
        min(HEAVIEST, max(1 / HEAVIEST, (mean / count) ** 0.5)) if count else 1.0
        for count in pixels
    ]


def _words(pieces: int, mm2: float) -> str:
    return f"{pieces:,} {'piece' if pieces == 1 else 'pieces'}, {mm2:.3g} mm2"
