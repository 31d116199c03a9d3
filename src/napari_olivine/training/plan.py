"""What a training run will do: settings and preset put together, sessions chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import ModelPhase, NetworkSpec, Preset, network_spec
from napari_olivine.regions import study_region
from napari_olivine.section import Section, Session, image_by_image, lie_apart, with_role
from napari_olivine.training.phases import (
    OLIVINE_CODE,
    MaskPhases,
    join_phases,
    phases_of_mask,
    target_of,
)
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.windows import Window, area, overlap

HELD_OUT = 0.2
"""Part of each training session that validates where no session has that role."""

FOCUSING = 2.0
"""Exponent of the focal loss, as Lin et al. (2017, arXiv 1708.02002) advise."""

UNLEVELLED_GREY_LEVELS = 1.5
"""Brightness augmentation, in spreads of grey, where drift between sessions is not levelled."""


@dataclass(frozen=True)
class Plan:
    """Everything decided before training starts.

    Parameters
    ----------
    spec
        The network.
    preset
        How it is trained, with the person's settings in place.
    foreground
        Part of the crops laid over olivine.
    correction_weight
        Weight of labels by a person in the loss.
    phases
        Outputs of the network, empty for olivine alone; those of all sections of the training.
    frozen
        Whether the encoder stays as its start weights are.
    seed
        Of weights, crops and augmentation.
    training, validation
        Names of sessions.
    train_windows, validation_windows
        Their rows and columns.
    """

    spec: NetworkSpec
    preset: Preset
    foreground: float
    correction_weight: float
    phases: tuple[ModelPhase, ...]
    frozen: bool
    seed: int
    training: list[str]
    validation: list[str]
    train_windows: list[Window]
    validation_windows: list[Window]

    @property
    def olivine(self) -> int:
        """Number of olivine among the outputs."""
        codes = [phase.code for phase in self.phases]
        return codes.index(OLIVINE_CODE) if codes else 0


@dataclass(frozen=True)
class TrainingSection:
    """A section of a training.

    Parameters
    ----------
    section
        The section.
    name
        What it is called in messages and in the model card; no other of the training has it.
    plan
        What is learned and validated in it.
    phases
        Phases of its mask among those of all sections; `None` where its mask has none.
    """

    section: Section
    name: str
    plan: Plan
    phases: MaskPhases | None


def plan_sections(
    sections: Sequence[Section], settings: TrainSettings, job: Job
) -> list[TrainingSection]:
    """Plan a training on several sections: what is learned in each.

    Parameters
    ----------
    sections
        That of the model first.
    settings
        Settings of the person.
    job
        See `make_plan`.

    Returns
    -------
    list of TrainingSection
        In the same order.

    Raises
    ------
    InputError
        See `make_plan`.
    """
    found = [phases_of_mask(section) for section in sections]
    told = iter(join_phases([phases for phases in found if phases is not None]))
    joined = [next(told) if phases is not None else None for phases in found]
    names = _names(sections)
    outputs = _outputs(joined, names, settings, job)
    return [
        TrainingSection(section, name, make_plan(section, settings, job, outputs), phases)
        for section, name, phases in zip(sections, names, joined, strict=True)
    ]


def _names(sections: Sequence[Section]) -> list[str]:
    """Names of the sections; with their folders where two have the same."""
    names = [section.record.name for section in sections]
    return [
        name if names.count(name) == 1 else f"{name} ({section.path})"
        for name, section in zip(names, sections, strict=True)
    ]


def _outputs(
    found: Sequence[MaskPhases | None], names: Sequence[str], settings: TrainSettings, job: Job
) -> tuple[ModelPhase, ...]:
    """Return the outputs of the network; says where a mask has no phases."""
    if target_of(settings) == "olivine":
        return ()
    phases = next((tuple(one.phases) for one in found if one is not None), ())
    without = [name for name, one in zip(names, found, strict=True) if one is None]
    if not phases:
        job.say(
            "The mask knows no phases but olivine (no rule book, or the outlines of the rule): the "
            "network learns olivine or not."
        )
    elif without:
        job.say(
            f"The mask of {', '.join(without)} knows no phases but olivine (no rule book, or the "
            "outlines of the rule): there the network learns only what is olivine and what is not."
        )
    return phases


def make_plan(
    section: Section, settings: TrainSettings, job: Job, phases: tuple[ModelPhase, ...] = ()
) -> Plan:
    """Put settings and preset together and choose the sessions of a section.

    Parameters
    ----------
    section
        Section with sessions.
    settings
        Settings of the person.
    job
        Its seed is used; it is warned where no session is for validation.
    phases
        Outputs of the network, empty for olivine alone.

    Returns
    -------
    Plan
        All that is decided before training starts.

    Raises
    ------
    InputError
        If no session is for training, or those of a role lie outside the region of study.
    """
    spec = network_spec(settings.network)
    train, validate = (with_role(section.sessions(), role) for role in ("train", "val"))
    if not train:
        raise InputError(
            f"No session of {section.path} has the role 'train'.",
            remedy="Give at least one session the role 'train'.",
        )
    windows, held_out = (_studied(section, sessions) for sessions in (train, validate))
    if not validate:
        apart = lie_apart(section) and len(windows) > 1
        windows, held_out = (_hold_out_images if apart else _hold_out)(windows)
        part = "every fifth image of the" if apart else "the last fifth of the rows of each"
        job.warn(
            f"No session of {section.path} has the role 'val': {part} training session is kept for "
            "validation, which tells less about drift than a session of its own."
        )
    return Plan(
        spec=spec,
        preset=_preset(spec.preset, settings),
        foreground=settings.foreground,
        correction_weight=settings.correction_weight,
        phases=phases,
        frozen=settings.frozen,
        seed=job.seed,
        training=[session.session for session in train],
        validation=[session.session for session in validate or train],
        train_windows=windows,
        validation_windows=held_out,
    )


def _preset(preset: Preset, settings: TrainSettings) -> Preset:
    values: dict[str, Any] = {
        "epochs": settings.epochs,
        "steps": settings.steps,
        "batch": settings.batch,
        "crop_px": settings.crop_px,
        "learning_rate": settings.learning_rate,
        "patience": settings.patience,
        "hard": settings.hard,
        "minutes": settings.max_minutes,
        "time": settings.time,
    }
    for name in ("optimiser", "schedule", "outlines_from"):
        values[name] = chosen if (chosen := getattr(settings, name)) != "auto" else None
    values |= _LOSSES[settings.loss] | {"outlines": settings.outlines}
    if settings.loss == "dice_focal":
        values["entropy"] = settings.focal_share
    preset = replace(preset, **{k: v for k, v in values.items() if v is not None})
    if settings.align == "none":
        preset = replace(preset, grey_levels=UNLEVELLED_GREY_LEVELS)
    return replace(preset, together=min(preset.together, preset.batch))


_LOSSES: dict[str, dict[str, Any]] = {
    "auto": {},
    "cross_entropy": {"entropy": 1.0, "focusing": 0.0, "dice": 0.0},
    "focal": {"entropy": 1.0, "focusing": FOCUSING, "dice": 0.0},
    "dice": {"entropy": 0.0, "dice": 1.0, "dice_of": "all"},
    "dice_cross_entropy": {"entropy": 1.0, "focusing": 0.0, "dice": 1.0, "dice_of": "olivine"},
    "dice_focal": {"focusing": FOCUSING, "dice": 1.0, "dice_of": "all"},
}
"""What each loss is, see `napari_olivine.training.losses.LossShape`."""


def _studied(section: Section, sessions: Sequence[Session]) -> list[Window]:
    """Return the windows of sessions, image by image, cut to the box of the region of study."""
    windows = image_by_image(section, [session.window for session in sessions])
    region = study_region(section)
    if region is None:
        return windows
    studied = [one for window in windows if area(one := overlap(window, region.box))]
    if windows and not studied:
        names = ", ".join(session.session for session in sessions)
        raise InputError(
            f"The region of study of {section.path} has nothing of session {names}, which has the "
            f"role '{sessions[0].role}'.",
            remedy="Change the region of study or the sessions' roles in the Section dock.",
        )
    return studied


def _hold_out(windows: Sequence[Window]) -> tuple[list[Window], list[Window]]:
    train, held_out = [], []
    for rows, columns in windows:
        cut = rows.stop - max(1, int((rows.stop - rows.start) * HELD_OUT))
        train.append((slice(rows.start, max(cut, rows.start + 1)), columns))
        held_out.append((slice(cut, rows.stop), columns))
    return train, held_out


def _hold_out_images(windows: Sequence[Window]) -> tuple[list[Window], list[Window]]:
    """Keep whole images for validation, every fifth or the last: parts of an image are alike."""
    every = min(round(1 / HELD_OUT), len(windows))
    held_out = list(windows[every - 1 :: every])
    return [one for one in windows if one not in held_out], held_out
