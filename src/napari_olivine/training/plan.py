"""What a training run will do: settings and preset put together, sessions chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import ModelPhase, NetworkSpec, Preset, network_spec
from napari_olivine.regions import study_region
from napari_olivine.section import Section, Session, with_role
from napari_olivine.training.phases import OLIVINE_CODE, phases_of_mask, target_of
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.windows import Window, area, overlap

HELD_OUT = 0.2
"""Part of each training session that validates where no session has that role."""

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
        Outputs of the network, empty for olivine alone.
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


def make_plan(section: Section, settings: TrainSettings, job: Job) -> Plan:
    """Put settings and preset together and choose the sessions.

    Parameters
    ----------
    section
        Section with sessions.
    settings
        Settings of the person.
    job
        Its seed is used; it is warned where no session is for validation.

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
        windows, held_out = _hold_out(windows)
        job.warn(
            "No session has the role 'val': the last fifth of the rows of each training session "
            "is kept for validation, which tells less about drift than a session of its own."
        )
    return Plan(
        spec=spec,
        preset=_preset(spec.preset, settings),
        foreground=settings.foreground,
        correction_weight=settings.correction_weight,
        phases=_phases(section, settings, job),
        seed=job.seed,
        training=[session.session for session in train],
        validation=[session.session for session in validate or train],
        train_windows=windows,
        validation_windows=held_out,
    )


def _phases(section: Section, settings: TrainSettings, job: Job) -> tuple[ModelPhase, ...]:
    if target_of(settings) == "olivine":
        return ()
    found = phases_of_mask(section)
    if found is None:
        job.say(
            "The mask knows no phases but olivine (no rule book, or the outlines of the rule): the "
            "network learns olivine or not."
        )
        return ()
    return tuple(found.phases)


def _preset(preset: Preset, settings: TrainSettings) -> Preset:
    values: dict[str, Any] = {
        "epochs": settings.epochs,
        "steps": settings.steps,
        "batch": settings.batch,
        "crop_px": settings.crop_px,
        "learning_rate": settings.learning_rate,
        "patience": settings.patience,
        "minutes": settings.max_minutes,
    }
    preset = replace(preset, **{k: v for k, v in values.items() if v is not None})
    if settings.align == "none":
        preset = replace(preset, grey_levels=UNLEVELLED_GREY_LEVELS)
    return replace(preset, together=min(preset.together, preset.batch))


def _studied(section: Section, sessions: Sequence[Session]) -> list[Window]:
    """Return the windows of sessions, cut to the box around the region of study."""
    windows = [session.window for session in sessions]
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
