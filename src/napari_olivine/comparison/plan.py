"""What a comparison runs: every network with every crop size, start and seed, and given models."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.errors import InputError
from napari_olivine.inference import SelectedModel, choose_models
from napari_olivine.job import Job
from napari_olivine.networks import START_WEIGHTS, network_spec
from napari_olivine.section import Section, with_role
from napari_olivine.training import TrainSettings

VALIDATE_EVERY = 100
"""Steps between two validations, about."""

NO_LIMIT_MINUTES = 1e6
"""Time limit of a training whose budget are steps: no preset of a network ends it before."""

NO_LIMIT_EPOCHS = 100_000
"""Epochs of a training whose budget is time, and its patience: nothing else ends it."""

GIVEN_BY_PLAN = (
    "network", "name", "weights", "crop_px", "batch", "target", "max_minutes", "time", "epochs",
    "steps", "patience", "others",
)  # fmt: skip
"""Settings of a training that the comparison sets itself, or that would make trainings unlike."""


@dataclass(frozen=True)
class Run:
    """A network that is trained, or a model that is there, to be scored.

    Parameters
    ----------
    name
        Name of its files, the only one of the comparison.
    network, size, start
        Network, side of its training crops (px) and its start weights.
    seed
        Seed of the training.
    training
        Settings of the training; `None` for a model that is there.
    given
        The model that is there; `None` for a training.
    """

    name: str
    network: str
    size: int
    start: str
    seed: int
    training: TrainSettings | None = None
    given: SelectedModel | None = None

    @property
    def group(self) -> str:
        """What trainings that differ by their seed alone are called."""
        return self.name.rpartition("-")[0] if self.given is None else self.name


def plan_runs(section: Section, settings: CompareSettings, job: Job) -> list[Run]:
    """Lay out all runs of a comparison.

    Parameters
    ----------
    section
        Section with ``images`` and ``mask``.
    settings
        Settings of the person.
    job
        It is told which trainings are left out because they would be the same as others.

    Returns
    -------
    list of Run
        In the order in which they are made: seeds last, so that every network has been trained
        once before any is trained again.

    Raises
    ------
    InputError
        If nothing is to be compared, the budget is missing or given twice, a crop is larger than
        the training sessions, or a further setting cannot be used.
    SectionError
        If a model is not there.
    """
    if not settings.networks and not settings.models:
        raise InputError(
            "There is nothing to compare.",
            remedy="Name networks in {setting:networks}, or models in {setting:models}.",
            setting="networks",
        )
    if settings.networks:
        _check_budget(settings)
        _check_sizes(section, settings)
    runs = [*_trainings(settings, job), *_given(section, settings)]
    names = [run.name.casefold() for run in runs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"Two runs would have the same name: {', '.join(twice)}.",
            remedy="Rename a folder of {setting:models} or a file of {setting:starts}.",
            setting="models",
        )
    return runs


def _trainings(settings: CompareSettings, job: Job) -> list[Run]:
    unlike: dict[tuple[str, int, str, int], None] = {}
    for seed, network, size, start in itertools.product(
        settings.seeds, settings.networks, settings.sizes, settings.starts
    ):
        unlike[network, size, _real_start(network, start), seed] = None
    asked = len(settings.seeds) * len(settings.networks) * len(settings.sizes)
    if same := asked * len(settings.starts) - len(unlike):
        job.say(
            f"{same} trainings are left out because others are the same: a network without weights "
            "of its own starts from random ones with auto as with none, and a forest from nothing."
        )
    return [_training(*one, settings) for one in unlike]


def _training(network: str, size: int, start: str, seed: int, settings: CompareSettings) -> Run:
    name = f"{network}-{size}-{_in_name(start)}-{seed}"
    if settings.max_steps is not None:
        epochs = -(-settings.max_steps // VALIDATE_EVERY)
        steps, minutes = -(-settings.max_steps // epochs), NO_LIMIT_MINUTES
    else:
        epochs, steps = NO_LIMIT_EPOCHS, VALIDATE_EVERY
        minutes = settings.max_minutes or NO_LIMIT_MINUTES
    if wrong := sorted(set(settings.training) & set(GIVEN_BY_PLAN)):
        raise InputError(
            f"{', '.join(wrong)} cannot be set for all trainings: the comparison does.",
            remedy="Take it out of {setting:training}; it takes any other setting of {step:train}.",
            setting="training",
        )
    training = TrainSettings(
        **settings.training, network=network_spec(network).name, name=f"compare-{name}",
        weights=start, crop_px=size, batch=settings.batch, target=settings.target,
        max_minutes=minutes, time="processor", epochs=epochs, steps=steps, patience=epochs + 1,
    )  # fmt: skip
    return Run(name, network, size, start, seed, training)


def _given(section: Section, settings: CompareSettings) -> list[Run]:
    runs = []
    for name in dict.fromkeys(settings.models):
        (model,) = choose_models(section, name, "all")
        card = model.card
        size = int(card.settings.get("preset", {}).get("crop_px", 0))
        start = str(card.settings.get("weights", ""))
        runs.append(Run(_in_name(name), card.network, size, start, card.seed, given=model))
    return runs


def _real_start(network: str, start: str) -> str:
    """Return the start weights of a network: auto is none where it has no weights of its own."""
    spec = network_spec(network)
    own = bool(spec.own_weights or spec.published_weights)
    return "none" if start == "auto" and not own else start


def _in_name(start: str) -> str:
    """Shorten a file or folder to what a name of a file can hold."""
    if start in START_WEIGHTS:
        return start
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", Path(start).expanduser().resolve().name).strip("._")


def _check_budget(settings: CompareSettings) -> None:
    if (settings.max_minutes is None) == (settings.max_steps is None):
        given = "no budget" if settings.max_steps is None else "two budgets"
        raise InputError(
            f"The trainings have {given}; a comparison is fair under one.",
            remedy="Give {setting:max_minutes} or {setting:max_steps}.",
            setting="max_minutes",
        )


def _check_sizes(section: Section, settings: CompareSettings) -> None:
    """Refuse crops that no training session can fill: most of them would be a mirror image."""
    windows = [session.window for session in with_role(section.sessions(), "train")]
    if not windows:
        return  # the training says so
    longest = max(min(axis.stop - axis.start for axis in window) for window in windows)
    if large := [size for size in settings.sizes if size > longest]:
        raise InputError(
            f"Crops of {max(large)} px do not fit: the largest training session of {section.path} "
            f"is {longest} px on its shorter side.",
            remedy=f"Give {{setting:sizes}} up to {longest // 32 * 32}.",
            setting="sizes",
            expected=f"at most {longest} px",
        )
