"""The card of a model that was trained, and what the log says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from napari_olivine.job import Job
from napari_olivine.networks import Appearance, LearnedSection, ModelCard
from napari_olivine.section import Section, software_versions
from napari_olivine.training.losses import SegmentationScores
from napari_olivine.training.plan import TrainingSection
from napari_olivine.training.scored import TAKEN_AT, ScoredTraining
from napari_olivine.training.settings import TrainSettings


def make_card(
    sections: Sequence[TrainingSection],
    settings: TrainSettings,
    training: ScoredTraining,
    by_section: Sequence[SegmentationScores],
    appearance: Appearance | None,
    weights_from: str,
) -> ModelCard:
    """Write the card of a model.

    Parameters
    ----------
    sections
        What was learned from, the section of the model first.
    settings
        Settings of the person.
    training
        The training, at its end.
    by_section
        Scores on the validation sessions of each section.
    appearance
        What the sessions of all sections look like.
    weights_from
        What the training started from.

    Returns
    -------
    ModelCard
        With the scores over all sections and of each.
    """
    home, plan, state = sections[0].section, sections[0].plan, training.state
    scores = SegmentationScores.pooled(by_section)
    best = scores.best_threshold()
    epoch = next(row["epoch"] for row in state.history if row["step"] == state.step_of_best)
    return ModelCard(
        network=plan.spec.name,
        title=plan.spec.title,
        channels=plan.spec.channels,
        phases=list(plan.phases),
        pixel_size_um=home.pixel_size_um,
        grey_type=str(home.raster("images", "BSE").dtype),
        normalisation=training.samples.normalisation,
        section=home.record.name,
        training_sessions=plan.training,
        validation_sessions=plan.validation,
        sections=[_learned(*one, best) for one in zip(sections, by_section, strict=True)],
        appearance=appearance,
        label_rule=_rule(home),
        weights_from=weights_from,
        best_epoch=int(epoch),
        best_step=state.step_of_best,
        scores=_scores(scores, best),
        iou_of_phases={name: round(iou, 5) for name, iou in training.iou_of_phases(scores).items()},
        taken={name: round(share, 5) for name, share in training.taken(scores).items()},
        best_threshold=best,
        outlines_from=plan.preset.outlines_from,
        settings=settings.model_dump(mode="json") | {"preset": asdict(plan.preset)},
        seed=plan.seed,
        versions=software_versions(),
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
    )


def _learned(one: TrainingSection, scores: SegmentationScores, best: float) -> LearnedSection:
    modes = one.section.require("mask", stale_ok=True).notes.get("modes") or []
    return LearnedSection(
        name=one.name,
        folder=str(one.section.path),
        training_sessions=one.plan.training,
        validation_sessions=one.plan.validation,
        label_rule=_rule(one.section),
        modes={mode["name"]: round(float(mode["percent"]), 2) for mode in modes},
        scores=_scores(scores, best),
    )


def _rule(section: Section) -> str:
    return str(section.require("mask", stale_ok=True).recipe.settings.get("rule", ""))


def _scores(scores: SegmentationScores, best: float) -> dict[str, float]:
    return {
        "cross_entropy": round(scores.cross_entropy, 5),
        "iou_0.1": round(scores.iou(0.1), 5),
        "iou_0.5": round(scores.iou(0.5), 5),
        "iou_best": round(scores.iou(best), 5),
        "overall_accuracy_0.1": round(scores.overall_accuracy(0.1), 5),
    }


def tell_scores(card: ModelCard, steps: int, job: Job) -> None:
    """Say how good a network is, over all sections and in each, and what it takes for olivine.

    Parameters
    ----------
    card
        Its card.
    steps
        Steps of the training.
    job
        Running job.
    """
    where = f"session {', '.join(card.validation_sessions)}"
    if len(card.sections) > 1:
        where = f"the validation sessions of {len(card.sections)} sections"
    job.say(
        f"Best after step {card.best_step} of {steps}: IoU {_iou_in_words(card.scores, card)} "
        f"against the mask of {where}."
    )
    if len(card.sections) > 1:
        worst = min(card.sections, key=lambda one: one.scores["iou_best"])
        for one in card.sections:
            mark = ", the worst" if one is worst else ""
            sessions = ", ".join(one.validation_sessions)
            job.say(f"  {one.name}, session {sessions}: {_iou_in_words(one.scores, card)}{mark}")
    if card.taken:
        told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in card.taken.items())
        job.say(f"Taken for olivine there at threshold {TAKEN_AT:g}: {told}.")


def _iou_in_words(scores: dict[str, float], card: ModelCard) -> str:
    return (
        f"{scores['iou_0.1']:.3f} at threshold 0.1, {scores['iou_best']:.3f} at "
        f"{card.best_threshold:.2f}"
    )
