"""The crops of a training, opened: those of all its sections, and those it is validated on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_olivine.job import Job
from napari_olivine.networks import Normalisation, measure_normalisation
from napari_olivine.training.pieces import Pieces
from napari_olivine.training.plan import TrainingSection
from napari_olivine.training.review_labels import Corrections, corrections_fingerprint
from napari_olivine.training.samples import KEPT, CropSource, Samples
from napari_olivine.training.section_samples import require_both_labels, together
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.validation import ValidatedSection


@dataclass(frozen=True)
class Crops:
    """The crops of a training.

    Parameters
    ----------
    training
        What is learned from.
    validation
        What the network is scored on, by sections.
    corrected_crystals, corrected_tiles
        Places of all sections that a person judged in the review, and in the mask.
    """

    training: CropSource
    validation: list[ValidatedSection]
    corrected_crystals: int
    corrected_tiles: int


def open_crops(
    sections: Sequence[TrainingSection],
    settings: TrainSettings,
    pieces: Sequence[Mapping[int, Pieces]],
    job: Job,
) -> Crops:
    """Open the crops of all sections, on the grey of the first.

    Parameters
    ----------
    sections
        Sections of the training, that of the model first.
    settings
        Settings of the person.
    pieces
        Of each section: pieces of the phases in its training sessions, by code.
    job
        Running job; its memory is shared by the sections.

    Returns
    -------
    Crops
        For training and validation.

    Raises
    ------
    InputError
        If no mask has olivine, or all have nothing else.
    """
    normalisation, kept = _normalisation(sections[0], settings, job), KEPT / len(sections)
    by_hand = [_corrections(one, settings) for one in sections]
    training, validation = [], []
    for one, corrections, found in zip(sections, by_hand, pieces, strict=True):
        plan, phases = one.plan, one.phases
        samples = Samples(
            *(one.section, plan.train_windows, normalisation, settings.cracks, job),
            corrections=corrections,
            corrected=corrections.share(settings.corrected) if corrections else 0.0,
            phases=phases if plan.phases else None,
            kept=kept,
        )
        if plan.phases:
            samples.balance(found)
        training.append(samples)
        validated = Samples(
            *(one.section, plan.validation_windows, normalisation, settings.cracks, job),
            phases=phases,
            kept=kept,
        )
        validation.append(ValidatedSection(one.name, validated, plan))
    require_both_labels(training)
    crystals = sum(one.crystals for one in by_hand if one)
    every = sum(len(one) for one in by_hand if one)
    return Crops(together(training), validation, crystals, every - crystals)


def _corrections(one: TrainingSection, settings: TrainSettings) -> Corrections | None:
    there = corrections_fingerprint(one.section, settings)
    return Corrections(one.section, one.plan) if there else None


def _normalisation(home: TrainingSection, settings: TrainSettings, job: Job) -> Normalisation:
    sessions = [one for one in home.section.sessions() if one.session in home.plan.training]
    spec = home.plan.spec
    return measure_normalisation(
        *(home.section, sessions, settings.align, spec.channels, spec.imagenet_normalisation, job)
    )
