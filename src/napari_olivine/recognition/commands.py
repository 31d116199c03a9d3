"""The commands: train, predict, compare and suggest."""

from __future__ import annotations

import json as json_file
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from napari_olivine.crystals import KIND, KINDS, OLIVINE, product_of_phase
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.recognition.classifier import CARD, Classifier
from napari_olivine.recognition.comparison import (
    as_row,
    as_text,
    divisions,
    evaluate_classifier,
    names_of,
)
from napari_olivine.recognition.images import ImageSet
from napari_olivine.recognition.kept_rows import (
    MEASURED_ON,
    KeptRows,
    fingerprint_of_comparison,
)
from napari_olivine.recognition.kinds import recognise_kinds
from napari_olivine.recognition.prediction import (
    READING,
    SCORES,
    key_of,
    open_as_trained,
    predicted,
    reading_of,
)
from napari_olivine.recognition.reading import Opened, frame_settings, is_section, open_images
from napari_olivine.recognition.registry import (
    CLASSIFIERS,
    load_classifier,
    make_classifier,
    row_of,
)
from napari_olivine.recognition.settings import (
    ReadingSettings,
    RecogniseCompareSettings,
    RecognisePredictSettings,
    RecogniseSuggestSettings,
    RecogniseTrainSettings,
)
from napari_olivine.recognition.splits import join_copies
from napari_olivine.recognition.suggestion import suggest
from napari_olivine.registry import maker_of
from napari_olivine.section import Section, write_atomically

CURVE = "curve.csv"
"""File of a model beside its card: how it learned."""


def train_classifier(
    source: Path,
    out: Path,
    settings: RecogniseTrainSettings,
    job: Job,
) -> Path:
    """Train a classifier, and write it into a folder.

    Parameters
    ----------
    source
        A folder of images, or a section.
    out
        Folder of the model; a model that is there is replaced.
    settings
        Which classifier, and how images are read.
    job
        Running job.

    Returns
    -------
    pathlib.Path
        Folder of the model.

    Raises
    ------
    InputError
        If there are no two classes, an image is damaged, or `out` holds something else.
    """
    row, _ = row_of(settings.classifier)
    if settings.refused is not None and not row.refuses:
        able = ", ".join(one.name for one in CLASSIFIERS.values() if one.refuses)
        raise InputError(
            f"{row.name} gives every image a class.",
            remedy=f"Leave {{setting:refused}} out, or take one of {able}.",
            setting="refused",
        )
    _check_place(out)
    _warn_of_stale(source, settings, job)
    opened = _open_labelled(source, settings, job)
    images = opened.images
    job.say("Images: " + ", ".join(f"{n} {count}" for n, count in images.counts().items()) + ".")
    options: dict[str, Any] = {"encoder": settings.encoder} if row.features else {}
    if settings.refused is not None:
        options["refused"] = settings.refused
    tested = _tested(settings, images, row.compared, options, job)
    classifier = make_classifier(settings.classifier, **options)
    learned = ImageSet(tuple(one for one in images.images if one.split != "test"), images.classes)
    classifier.fit(learned, job)
    files = {READING: frame_settings(settings) | {"source": opened.key}}
    if tested is not None:
        files[SCORES] = tested
    _write_model(classifier, out, files)
    job.say(f"Wrote {out}.")
    return out


def _tested(
    settings: RecogniseTrainSettings,
    images: ImageSet,
    quick: bool,
    options: dict[str, Any],
    job: Job,
) -> dict[str, Any] | None:
    """Test the classifier where that costs little, or where the images bring a test side along."""
    own = any(one.split == "test" for one in images.images)
    if not settings.folds or not (quick or own):
        return None
    fewest = min(
        len(set(images.sources()[images.targets() == place])) for place in set(images.targets())
    )
    if not own and fewest < 2:
        job.warn(
            "a class has images of one source alone, so that it cannot be said how good the "
            "classifier is",
            remedy="Add images of it from elsewhere.",
        )
        return None
    divided = divisions(images, max(2, settings.folds), job.seed, job)
    tested = evaluate_classifier(settings.classifier, images, divided, job, **options)
    how = "on its test images" if own else f"by {len(divided)} folds"
    accuracy = tested.performance.scores["accuracy"]
    job.say(
        f"{100 * accuracy.value:.1f} % right {how} (95 %: {100 * accuracy.low:.1f} to "
        f"{100 * accuracy.high:.1f} %)."
    )
    return as_row(tested, images.classes, "macro", len(divided))


def predict_classes(
    model: Path, source: Path, csv: Path | None, settings: RecognisePredictSettings, job: Job
) -> None:
    """Tell the class of each image, as a table, or of each crystal, as the product ``kinds`` too.

    Parameters
    ----------
    model
        Folder that `train_classifier` wrote.
    source
        A folder of images, or a section.
    csv
        Table to write: ``file`` or ``id``, ``class`` and ``probability``; needed where the section
        keeps no product, as of a folder.
    settings
        How images are read; the rest is as in the training.
    job
        Running job.

    Raises
    ------
    InputError
        If the model or an image is damaged, or there is no place for the result; nothing is written
        then.
    SectionError
        If the section has no crystals, or they are out of date.
    """
    _check_file(csv)
    reading, key = reading_of(model, table=settings.table)
    if is_section(source) and reading.phase == OLIVINE:
        table = recognise_kinds(Section(source), model, job)
        made = [f"{KINDS!r} of {source}"]
    elif csv is None:
        what = f"crystals of {reading.phase}" if is_section(source) else f"{source}, no section"
        raise InputError(
            f"The kinds that a section keeps are those of its olivine alone, and these are {what}.",
            remedy="Give a table to write as {setting:csv}.",
            setting="csv",
        )
    else:
        classifier = load_classifier(model)
        table = predicted(classifier, open_as_trained(source, reading, key, job), job)
        made = []
    if csv is not None:
        table = table[[key_of(table), "class", "probability"]]
        write_atomically(csv, table.to_csv(index=False, float_format="%.4f"))
        made.append(str(csv))
    counts = ", ".join(f"{name} {count}" for name, count in table["class"].value_counts().items())
    job.say(f"{counts}. Wrote {' and '.join(made)}.")


def compare_classifiers(
    source: Path,
    json: Path,
    curves: Path | None,
    settings: RecogniseCompareSettings,
    job: Job,
) -> None:
    """Compare classifiers on images that they have not learned from.

    Each row is written when it is there. Rows that an earlier run has written for the same images,
    settings and seed are kept, so that one that was stopped goes on.

    Parameters
    ----------
    source
        A folder of images, or a section.
    json
        File to write: a list, a row a classifier.
    curves
        CSV to write loss and accuracy against iteration to.
    settings
        Which classifiers, and how images are read.
    job
        Running job.

    Raises
    ------
    InputError
        If there are no two classes, or one has images of one source alone.
    """
    for file in (json, curves):
        _check_file(file)
    names = names_of(settings.classifiers)
    opened = _open_labelled(source, settings, job)
    images = opened.images
    divided = divisions(images, settings.folds, job.seed, job)
    mark = fingerprint_of_comparison(source, opened, settings, job.seed)
    kept = KeptRows(json, curves, mark)
    earlier = {} if job.force else kept.earlier(names)
    if earlier:
        job.say(f"Measured before on the same images, and kept: {', '.join(earlier)}.")
    for name in names:
        if name in earlier:
            kept.add(earlier[name])
            continue
        options = {"encoder": settings.encoder} if row_of(name)[0].features else {}
        found = evaluate_classifier(name, images, divided, job, average=settings.average, **options)
        row = as_row(found, images.classes, settings.average, len(divided))
        kept.add(row | {MEASURED_ON: mark, "curve_points": len(found.curve)}, found.curve)
        job.report("compared", **row)
    job.say(as_text(kept.rows))


def suggest_examples(
    model: Path,
    source: Path,
    csv: Path | None,
    settings: RecogniseSuggestSettings,
    job: Job,
) -> None:
    """Say which crystals or images to label next.

    Parameters
    ----------
    model
        Folder that `train_classifier` wrote.
    source
        A folder of images, or a section.
    csv
        Table to write: ``file`` or ``id``, ``because``, ``class`` and ``probability``.
    settings
        How many.
    job
        Running job.
    """
    _check_file(csv)
    classifier = load_classifier(model)
    reading, key = reading_of(model, examples=settings.examples)
    if reading.phase == OLIVINE:
        reading = reading.model_copy(update={"class_column": KIND})
    opened = open_as_trained(source, reading, key, job)
    found = suggest(classifier, opened.images, settings.most, job)
    table = pd.DataFrame(
        {
            opened.key: [opened.images.images[one.place].name for one in found],
            "because": [one.because for one in found],
            "class": [one.label for one in found],
            "probability": [f"{one.probability:.4f}" for one in found],
        }
    )
    if csv is not None:
        write_atomically(csv, table.to_csv(index=False))
    job.say(table.to_string(index=False) if found else "Every image has a class already.")


def _open_labelled(source: Path, settings: ReadingSettings, job: Job) -> Opened:
    """Open the images that have a class, with copies of one image kept together."""
    opened = open_images(source, settings, job)
    images = opened.images.labelled()
    without = len(opened.images) - len(images)
    if not len(images):
        remedy = (
            "Give crystals kinds in the window or in a sheet of {step:review}, or a table with the "
            "columns id and class as {setting:examples}, or set {setting:class_column}."
            if opened.is_section
            else "Put the images of each class into a folder of its name."
        )
        raise InputError(f"No image of {source} has a class.", remedy=remedy, file=source)
    if without:
        job.say(f"{without} images without a class are left out.")
    images.require_classes()
    few = {name: count for name, count in images.counts().items() if count < 3}
    if few:
        listed = ", ".join(f"{name} ({count})" for name, count in few.items())
        job.warn(f"classes with one or two images are hardly learned: {listed}")
    if not opened.is_section:
        images = join_copies(images, job)
    return Opened(images, opened.is_section)


def _warn_of_stale(source: Path, settings: ReadingSettings, job: Job) -> None:
    """Say that a classifier learns crystals which the section would not find again as they are."""
    if not is_section(source):
        return
    section, product = Section(source), product_of_phase(settings.phase)
    stale = [one for one in (product, "levelling") if section.state(one) == "stale"]
    if stale:
        names = " and ".join(repr(one) for one in stale)
        job.warn(
            f"{names} of {source} is out of date: the classifier learns crystals and grey as they "
            "were",
            remedy=f"Run {{step:{maker_of(stale[0])}}} again, then train again.",
        )


def _check_place(out: Path) -> None:
    if out.exists() and not (out / CARD).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"{out} is there already and holds no model of recognise.",
            remedy="Give another folder.",
            file=out,
        )


def _check_file(file: Path | None) -> None:
    """Refuse a file that cannot be written before the work is done."""
    if file is not None and (file.is_dir() or not file.resolve().parent.is_dir()):
        raise InputError(
            f"{file} cannot be written: it is a folder, or lies in a folder that is not there.",
            remedy="Give another file.",
            file=file,
        )


def _write_model(classifier: Classifier, out: Path, files: dict[str, dict[str, Any]]) -> None:
    """Write a model folder beside its place, and put it there when it is whole."""
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}-{uuid4().hex[:8]}")
    unfinished.mkdir()
    try:
        classifier.save(unfinished)
        for name, content in files.items():
            (unfinished / name).write_text(json_file.dumps(content, indent=1) + "\n", "utf-8")
        curve: Sequence[Any] = getattr(classifier, "curve", ())
        if curve:
            points = pd.DataFrame([vars(point) for point in curve])
            points.to_csv(unfinished / CURVE, index=False)
        if out.exists():
            shutil.rmtree(out)
        unfinished.replace(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
