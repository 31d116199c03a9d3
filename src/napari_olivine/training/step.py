"""The step `train`: a network learns the reference mask from BSE."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.regions import REGIONS_INPUT
from napari_olivine.section import Product, Section, fingerprint_of_bytes, software_versions
from napari_olivine.training.phases import MaskPhases, phases_of_mask, target_of
from napari_olivine.training.review_labels import Corrections, corrections_fingerprint
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.what_is_shown import show_phases, weights_of

if TYPE_CHECKING:
    from napari_olivine.networks import ModelCard, Normalisation
    from napari_olivine.training.loop import State
    from napari_olivine.training.losses import SegmentationScores
    from napari_olivine.training.plan import Plan
    from napari_olivine.training.samples import Samples


def train(
    section: Section, settings: TrainSettings | None = None, job: Job | None = None
) -> Product:
    """Train a network on the sessions with the role ``train`` and keep the best weights.

    Outside the region of study nothing is learned and nothing scored by the mask.
    Where a person corrected crystals (product ``corrections``), that counts instead of the mask;
    this, and what was corrected in the mask by hand, counts more.
    Best is the lowest binary cross-entropy on the sessions with the role ``val``. The product is
    ``models/NAME`` with ``weights.safetensors``, ``card.json``, ``history.csv`` (validations) and
    ``losses.csv`` (training loss by steps). A run that was stopped goes on at the step where it
    was. A model that learns on (`TrainSettings.weights` is its folder) is scored before the first
    step, and its weights are kept if no later ones are better.

    Parameters
    ----------
    section
        Section with ``images``, ``mask`` and sessions.
    settings
        What is trained and how.
    job
        Running job. Its seed decides on weights, crops and augmentation.

    Returns
    -------
    Product
        The model.

    Raises
    ------
    SectionError
        If the images or the mask are missing or out of date, or the corrections are out of date.
    InputError
        If no session is for training, the mask has no olivine there, or the start weights
        cannot be used.
    """
    settings = settings or TrainSettings()
    job = job or Job()
    name = f"models/{_model_name(settings)}"
    inputs = ["images", "mask", "annotations/sessions"]
    by_hand = corrections_fingerprint(section, settings)
    recipe = section.recipe(
        "train", settings, inputs, seed=job.seed,
        extra=_start_fingerprint(settings) | by_hand | _region_fingerprint(section)
        | _target_fingerprint(section, settings),
    )  # fmt: skip
    if done := section.finished(name, recipe, job):
        return done

    from napari_olivine.networks import build_network, choose_device, save_model, start_weights
    from napari_olivine.training.appearance import measure_appearance
    from napari_olivine.training.loop import CHECKPOINT, TAKEN_AT, Training
    from napari_olivine.training.plan import make_plan

    device = choose_device(job.device)
    plan = make_plan(section, settings, job)
    with section.draft(name, recipe, job) as draft:
        corrections = Corrections(section, plan) if by_hand else None
        phases = phases_of_mask(section)
        pieces = show_phases(section, phases, plan, job) if phases else {}
        samples, validation = _make_samples(section, settings, plan, phases, corrections, job)
        if plan.phases:
            samples.balance(pieces)
        network = build_network(plan.spec.name, seed=job.seed, classes=len(plan.phases) or 1)
        weights_from = _weights_from(draft.path)
        if not (draft.path / CHECKPOINT).exists():
            weights_from = start_weights(network, plan.spec, settings.weights, job, plan.phases)
            (draft.path / WEIGHTS_FROM).write_text(weights_from, encoding="utf-8")
        training = Training(
            *(network, plan, samples, validation, draft.path, device, job),
            weights=weights_of(plan.phases, pieces),
        )
        if not training.state.history and Path(settings.weights).expanduser().is_dir():
            training.score_start()  # the folder of a model: it learns on
        state = training.run()
        scores = training.best()
        card = _card(
            section, settings, plan, samples.normalisation, state, scores, weights_from, job
        ).model_copy(update={
            "taken": {k: round(v, 5) for k, v in training.taken(scores).items()},
            "appearance": measure_appearance(section, plan, samples.normalisation, job),
        })  # fmt: skip
        save_model(draft.path, network, card)
        pd.DataFrame(state.history).to_csv(draft.path / "history.csv", index=False)
        pd.DataFrame(state.losses).to_csv(draft.path / "losses.csv", index=False)
        # A time limit makes the weights depend on the machine, not on the recipe alone.
        draft.content = fingerprint_of_bytes((draft.path / "weights.safetensors").read_bytes())
        draft.notes.update(card.scores, best_step=card.best_step, weights_from=weights_from)
        draft.notes["corrected_crystals"] = corrections.crystals if corrections else 0
        if corrections and len(corrections) > corrections.crystals:
            draft.notes["corrected_tiles"] = len(corrections) - corrections.crystals
        (draft.path / CHECKPOINT).unlink()
        (draft.path / WEIGHTS_FROM).unlink()
    job.say(
        f"Best after step {state.step_of_best} of {state.step}: IoU "
        f"{card.scores['iou_0.1']:.3f} at threshold 0.1, {card.scores['iou_best']:.3f} at "
        f"{card.best_threshold:.2f} against the mask of session {', '.join(plan.validation)}."
    )
    if card.taken:
        told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in card.taken.items())
        job.say(f"Taken for olivine there at threshold {TAKEN_AT:g}: {told}.")
    return section.require(name)


def _region_fingerprint(section: Section) -> dict[str, str]:
    """Fingerprint of the region of study: another one is another training.

    As a source it is not followed: a network that learned in another region is still a network, and
    what it segmented stays up to date.
    """
    mark = section.fingerprint(REGIONS_INPUT)
    return {"source/regions": mark} if mark else {}


def _target_fingerprint(section: Section, settings: TrainSettings) -> dict[str, str]:
    """Note that a network learns the phases of the mask; not of one of olivine, as of before."""
    learned = target_of(settings) == "phases" and phases_of_mask(section) is not None
    return {"source/target": "phases"} if learned else {}


WEIGHTS_FROM = "weights_from.txt"


def _make_samples(
    section: Section,
    settings: TrainSettings,
    plan: Plan,
    phases: MaskPhases | None,
    corrections: Corrections | None,
    job: Job,
) -> tuple[Samples, Samples]:
    """Open the crops for training and for validation."""
    from napari_olivine.networks import measure_normalisation
    from napari_olivine.training.samples import Samples

    sessions = [one for one in section.sessions() if one.session in plan.training]
    spec = plan.spec
    normalisation = measure_normalisation(
        section, sessions, settings.align, spec.channels, spec.imagenet_normalisation, job
    )
    corrected = corrections.share(settings.corrected) if corrections else 0.0
    samples = Samples(
        *(section, plan.train_windows, normalisation, settings.cracks, job),
        *(corrections, corrected, phases if plan.phases else None),
    )
    samples.require_both_labels()
    validation = Samples(
        *(section, plan.validation_windows, normalisation, settings.cracks, job), phases=phases
    )
    return samples, validation


def _model_name(settings: TrainSettings) -> str:
    name = settings.name or settings.network
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name[0] == ".":
        raise InputError(
            f"A model's name must be letters, digits, '-', '_' and '.' only, not {name!r}.",
            setting="name",
        )
    return name


def _start_fingerprint(settings: TrainSettings) -> dict[str, str]:
    """Size and time of a start weights file, so that another file is another recipe."""
    if settings.weights in ("auto", "none"):
        return {}
    path = Path(settings.weights).expanduser()
    file = path / "weights.safetensors" if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"There is no file {file} to start from.",
            remedy="Give {setting:weights} as auto, none or a file.",
            setting="weights",
            file=file,
        )
    found = file.stat()
    return {"source/weights": f"{found.st_size} {found.st_mtime_ns}"}


def _weights_from(folder: Path) -> str:
    file = folder / WEIGHTS_FROM
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _card(
    section: Section,
    settings: TrainSettings,
    plan: Plan,
    normalisation: Normalisation,
    state: State,
    scores: SegmentationScores,
    weights_from: str,
    job: Job,
) -> ModelCard:
    from napari_olivine.networks import ModelCard

    best = scores.best_threshold()
    epoch = next(row["epoch"] for row in state.history if row["step"] == state.step_of_best)
    mask = section.require("mask").recipe.settings
    return ModelCard(
        network=plan.spec.name,
        title=plan.spec.title,
        channels=plan.spec.channels,
        phases=list(plan.phases),
        pixel_size_um=section.pixel_size_um,
        grey_type=str(section.raster("images", "BSE").dtype),
        normalisation=normalisation,
        section=section.record.name,
        training_sessions=plan.training,
        validation_sessions=plan.validation,
        label_rule=str(mask.get("rule", "")),
        weights_from=weights_from,
        best_epoch=int(epoch),
        best_step=state.step_of_best,
        scores={
            "cross_entropy": round(scores.cross_entropy, 5),
            "iou_0.1": round(scores.iou(0.1), 5),
            "iou_0.5": round(scores.iou(0.5), 5),
            "iou_best": round(scores.iou(best), 5),
            "overall_accuracy_0.1": round(scores.overall_accuracy(0.1), 5),
        },
        best_threshold=best,
        settings=settings.model_dump(mode="json") | {"preset": asdict(plan.preset)},
        seed=job.seed,
        versions=software_versions(),
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
