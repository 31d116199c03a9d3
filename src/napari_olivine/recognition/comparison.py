"""Classifiers side by side, on images of sources that they have not learned from."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_olivine.job import Job
from napari_olivine.recognition.images import ImageSet
from napari_olivine.recognition.metrics import SCORES, Average, Performance, measure_performance
from napari_olivine.recognition.registry import GROUPS, make_classifier, row_of
from napari_olivine.recognition.splits import Fold, folds, own_split


@dataclass(frozen=True)
class Compared:
    """One classifier of a comparison.

    Parameters
    ----------
    classifier
        Its name.
    performance
        Scores on images that it has not learned from.
    seconds
        Time of learning, all folds together.
    curve
        Loss and accuracy against iteration, a row each with the fold; empty where nothing iterates.
    """

    classifier: str
    performance: Performance
    seconds: float
    curve: list[dict[str, Any]] = field(default_factory=list)


def divisions(images: ImageSet, count: int, seed: int, job: Job) -> list[Fold]:
    """Return the test side that the images bring along, else folds by source.

    Parameters
    ----------
    images
        Images.
    count
        Folds, at most.
    seed
        Of the folds.
    job
        Running job.

    Returns
    -------
    list of Fold
        One where there is a test side.
    """
    images.require_classes()
    own = own_split(images)
    return [own] if own is not None else folds(images, count, seed, job)


def evaluate_classifier(
    name: str,
    images: ImageSet,
    divided: Sequence[Fold],
    job: Job,
    *,
    average: Average = "macro",
    **options: Any,
) -> Compared:
    """Let a classifier learn each division, and score its predictions together.

    Parameters
    ----------
    name
        Name of the classifier.
    images
        Images.
    divided
        See `divisions`.
    job
        Running job.
    average
        See `measure_performance`.
    **options
        Further keywords of the classifier.

    Returns
    -------
    Compared
        What was found.
    """
    tested = np.concatenate([fold.test for fold in divided])
    parts, curve, seconds = [], [], 0.0
    for number, fold in enumerate(divided, 1):
        job.say(f"{name}: part {number} of {len(divided)}")
        classifier = make_classifier(name, **options)
        started = time.monotonic()
        classifier.fit(images.select(fold.train), job)
        seconds += time.monotonic() - started
        parts.append(classifier.probabilities(images.select(fold.test), job))
        for point in getattr(classifier, "curve", ()):
            curve.append({"classifier": name, "fold": number} | vars(point))
    probabilities = np.concatenate(parts)
    performance = measure_performance(
        images.targets()[tested],
        probabilities,
        len(images.classes),
        images.sources()[tested],
        average=average,
        seed=job.seed,
    )
    return Compared(name, performance, seconds, curve)


def names_of(wanted: Sequence[str]) -> list[str]:
    """Return the classifiers that names and groups of names stand for, each once.

    Raises
    ------
    InputError
        If there is none of a name.
    """
    names = [name for one in wanted for name in GROUPS.get(one, (one,))]
    for name in names:
        row_of(name)
    return list(dict.fromkeys(names))


def as_row(one: Compared, classes: Sequence[str], average: Average, parts: int) -> dict[str, Any]:
    """Return a classifier as a row of the JSON file.

    Parameters
    ----------
    one
        What was found.
    classes
        Names of the classes.
    average
        Mean over the classes.
    parts
        Divisions: 1 is a test side that the images brought along.

    Returns
    -------
    dict
        ``classifier``, the scores with their intervals, and what they were measured on.
    """
    return {
        "classifier": one.classifier,
        **one.performance.as_fields(),
        "average": average,
        "images": one.performance.images,
        "folds": parts,
        "train_seconds": round(one.seconds, 2),
        "classes": list(classes),
        "confusion": one.performance.confusion.tolist(),
    }


def as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of the JSON file as a table for a person, the best accuracy first."""
    lines = [f"{'classifier':26s}" + "".join(f"{name:>22s}" for name in SCORES)]
    for row in sorted(rows, key=lambda one: -one["accuracy"]):
        cells = (f"{row[n]:.3f} ({row[f'{n}_low']:.3f}-{row[f'{n}_high']:.3f})" for n in SCORES)
        lines.append(f"{row['classifier']:26s}" + "".join(f"{cell:>22s}" for cell in cells))
    return "\n".join(lines)
