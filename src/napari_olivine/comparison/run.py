"""One run of a comparison, in this process: a network is trained, then scored."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pandas as pd
import torch

from napari_olivine.comparison.effort import gpu_peak_mb, peak_mb
from napari_olivine.comparison.evaluation import (
    known_places,
    measure_outlines,
    predict_sessions,
    thresholds_of,
)
from napari_olivine.comparison.fingerprints import fingerprints
from napari_olivine.comparison.folder import MODELS, ComparisonFolder
from napari_olivine.comparison.pictures import take_pictures
from napari_olivine.comparison.plan import Run
from napari_olivine.comparison.record import (
    Effort,
    RunRecord,
    Training,
    read_record,
    val_threshold,
)
from napari_olivine.comparison.reference import Reference
from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.inference import choose_models
from napari_olivine.job import Job
from napari_olivine.networks import CARD, ModelCard, choose_device, network_spec, read_card
from napari_olivine.section import Product, Section
from napari_olivine.training import train

TRAINING, SCORING = "training", "scoring"
"""Parts of a run. A training that is stopped keeps its last step; scoring begins anew."""


def make_run(
    section: Section,
    run: Run,
    reference: Reference,
    settings: CompareSettings,
    folder: ComparisonFolder,
    job: Job,
) -> RunRecord:
    """Train a network, or go on with its training, and score it.

    Parameters
    ----------
    section
        Section with ``images``, ``mask`` and sessions.
    run
        What is made.
    reference
        What is right.
    settings
        Of the comparison.
    folder
        Gets the model and the record.
    job
        Running job; it reports the events ``part`` beside those of the training.

    Returns
    -------
    RunRecord
        The finished record, as it was written.
    """
    trained_from, scored_by = fingerprints(section, run, reference, settings)
    record = None if job.force else read_record(folder.runs, run.name)
    if record is None or record.trained_from != trained_from or not _is_there(record, folder):
        job.report("part", part=TRAINING)
        record = _trained(section, run, reference, trained_from, folder, job)
        record.write(folder.runs)
    job.report("part", part=SCORING)
    record = _scored(section, record, reference, settings, folder, job)
    record = record.model_copy(update={"scored_by": scored_by, "state": "finished"})
    record.write(folder.runs)
    return record


def _is_there(record: RunRecord, folder: ComparisonFolder) -> bool:
    """Tell whether a training is done and its model is still there to be scored."""
    return bool(record.model) and (folder.place_of(record.model) / CARD).is_file()


def _trained(
    section: Section,
    run: Run,
    reference: Reference,
    trained_from: str,
    folder: ComparisonFolder,
    job: Job,
) -> RunRecord:
    record = RunRecord(
        name=run.name, group=run.group, network=run.network, size=run.size, start=run.start,
        seed=run.seed, state="trained", trained_from=trained_from,
    )  # fmt: skip
    if run.given is not None:
        card = run.given.card
        given = {"model": str(run.given.folder), "weights_from": card.weights_from}
        return record.model_copy(update=given | {"doubt": _seen_before(card, section, reference)})
    assert run.training is not None
    name = f"models/{run.training.name}"
    before = section.product(name)
    product = train(section, run.training, replace(job, seed=run.seed))
    new = before is None or before.created != product.created
    training = _training_of(product, run.network, peak_mb() if new else None)
    place = folder.take_model(product.path, run.name)
    said = read_card(place).weights_from
    return record.model_copy(
        update={"model": f"{MODELS}/{place.name}", "weights_from": said, "training": training}
    )


def _seen_before(card: ModelCard, section: Section, reference: Reference) -> str:
    """Say which scored sessions a model learned from, or chose its weights by, in another role."""
    told = []
    for one in reference.sessions if card.section == section.record.name else ():
        if one.role != "train" and one.session in card.training_sessions:
            told.append(f"learned from session {one.session}")
        elif one.role == "test" and one.session in card.validation_sessions:
            told.append(f"chose its weights by session {one.session}")
    return f"It {' and '.join(told)}, which is scored here as unseen." if told else ""


def _training_of(product: Product, network: str, peak: float | None) -> Training:
    forest = network_spec(network).architecture == "forest"  # its steps are trees
    history = pd.read_csv(product.path / "history.csv")
    columns = ["step", "val_loss", "val_iou"]
    rows = history[columns].to_numpy(float).tolist()
    notes = product.notes
    return Training(
        effort=Effort(
            clock_s=notes["clock_s"], processor_s=notes["processor_s"], peak_mb=peak,
            gpu_peak_mb=gpu_peak_mb() if peak is not None else None,
        ),
        steps=0 if forest else notes["steps"],
        best_step=0 if forest else notes["best_step"],
        validations=[] if forest else [dict(zip(columns, row, strict=True)) for row in rows],
    )  # fmt: skip


def _scored(
    section: Section,
    record: RunRecord,
    reference: Reference,
    settings: CompareSettings,
    folder: ComparisonFolder,
    job: Job,
) -> RunRecord:
    (model,) = choose_models(section, str(folder.place_of(record.model)), "all")
    work = folder.work / record.name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        sessions, stored, prediction = predict_sessions(
            section, model, reference, settings, work, job
        )
        best = val_threshold(sessions)
        for one, session in zip(sessions, reference.sessions, strict=True):
            one.outlines = measure_outlines(
                stored, session, reference, thresholds_of(best), settings, job
            )
        told = record.model_copy(update={"sessions": sessions}).reported
        shown = [session for session in reference.sessions if session.role == told]
        pictures = take_pictures(section, stored, reference, shown, best, job)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return record.model_copy(
        update={
            "sessions": sessions,
            "pictures": pictures,
            "prediction": prediction,
            "threshold": best,
            "classes": reference.names,
            "known": known_places(model, reference),
            "device": str(choose_device(job.device)),
            "threads": torch.get_num_threads(),
        }
    )
