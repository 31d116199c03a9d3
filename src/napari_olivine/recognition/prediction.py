"""What a trained classifier says of images that are read as those of its training were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError, first_line
from napari_olivine.job import Job
from napari_olivine.recognition.classifier import Classifier, ModelCard
from napari_olivine.recognition.description import describe_images, map_descriptors
from napari_olivine.recognition.images import NONE_OF_THESE, ImageSet
from napari_olivine.recognition.reading import Opened, open_images
from napari_olivine.recognition.settings import ReadingSettings
from napari_olivine.recognition.suggestion import ranks

READING, SCORES = "reading.json", "scores.json"
"""Files of a model beside its card: how its images were read, how good it is."""

SCALES_APART = 2.0
"""Factor by which pixels may be larger or smaller than in the training without a warning (ours)."""


def reading_of(model: Path, **tables: Path | None) -> tuple[ReadingSettings, str]:
    """Tell how images must be read for a model.

    Parameters
    ----------
    model
        Folder of the model.
    **tables
        Settings of the images now, e.g. `table` or `examples`.

    Returns
    -------
    settings, key
        How they are read, and what the training's images were named by: ``"id"`` or ``"file"``.

    Raises
    ------
    InputError
        If the folder is no model, or it does not tell.
    """
    ModelCard.read(model)
    file = model / READING
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        key = str(told.pop("source"))
        return ReadingSettings(**{**told, **tables}), key
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{file} is missing or damaged: {first_line(error)}", file=file) from error


def open_as_trained(source: Path, settings: ReadingSettings, key: str, job: Job) -> Opened:
    """Open images as those of a training, and warn where these are of another sort.

    Parameters
    ----------
    source
        A folder of images, or a section.
    settings, key
        See `reading_of`.
    job
        Running job.

    Returns
    -------
    Opened
        The images.
    """
    opened = open_images(source, settings, job)
    if opened.key != key:
        known = {"id": "crystals of a section", "file": "images of files"}
        job.warn(
            f"the classifier learned from {known[key]}, whose grey and frame are others than those "
            f"of {known[opened.key]}"
        )
    return opened


def predicted(classifier: Classifier, opened: Opened, job: Job) -> pd.DataFrame:
    """Tell the most probable class of each image.

    Parameters
    ----------
    classifier
        Trained classifier.
    opened
        The images.
    job
        Running job.

    Returns
    -------
    pandas.DataFrame
        ``file`` (str) or ``id`` (int), ``class`` and ``probability`` (0 to 1); crystals by id.
    """
    _warn_of_scale(classifier, opened.images, job)
    return table_of(classifier, opened, classifier.probabilities(opened.images, job))


def mapped(classifier: Classifier, opened: Opened, job: Job) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Do the same, and tell where each crystal lies in the classifier's features.

    Parameters
    ----------
    classifier
        Trained classifier.
    opened
        Crystals of a section.
    job
        Running job.

    Returns
    -------
    table, notes
        The table of `predicted` with ``x`` and ``y``, the place in the plane of `DescriptorMap`,
        and ``next``, the rank of a crystal without a class for who labels (see `ranks`; 0 where
        there is one); and the notes of that plane.
    """
    _warn_of_scale(classifier, opened.images, job)
    described = describe_images(classifier, opened.images, job)
    plane = map_descriptors(classifier, described)
    job.check()
    rank = ranks(described, classifier.knows_none, opened.images.targets() < 0)
    table = table_of(
        classifier, opened, described.probabilities,
        {"x": plane.x, "y": plane.y, "next": rank},
    )  # fmt: skip
    return table, dict(plane.notes)


def table_of(
    classifier: Classifier,
    opened: Opened,
    found: NDArray[np.float64],
    further: Mapping[str, NDArray[Any]] | None = None,
) -> pd.DataFrame:
    """Put probabilities into the table of `predicted`.

    Parameters
    ----------
    classifier
        Trained classifier.
    opened
        The images.
    found
        See `Classifier.probabilities`.
    further
        Further columns, a value an image.

    Returns
    -------
    pandas.DataFrame
        See `predicted`.
    """
    names = np.array([*classifier.classes, NONE_OF_THESE], dtype=object)
    best = found.argmax(axis=1) if len(found) else np.zeros(0, np.intp)
    table = pd.DataFrame(
        {
            opened.key: [one.name for one in opened.images.images],
            "class": names[best],
            "probability": found.max(axis=1) if len(found) else np.zeros(0),
            **(further or {}),
        }
    )
    if opened.is_section:
        table = table.assign(id=table["id"].astype(np.int64)).sort_values("id")
    return table.reset_index(drop=True)


def key_of(table: pd.DataFrame) -> str:
    """Return the column by which a table of `predicted` names images."""
    return "id" if "id" in table else "file"


def _warn_of_scale(classifier: Classifier, images: ImageSet, job: Job) -> None:
    """Say where images are far coarser or finer than those of the training."""
    learned = getattr(classifier, "um_per_px", None)
    known = [one.um_per_px for one in images.images if one.um_per_px is not None]
    if learned is None or not known:
        return
    low, high = learned[0] / SCALES_APART, learned[1] * SCALES_APART
    away = sum(not low <= um <= high for um in known)
    if away:
        job.warn(
            f"{away} of {len(images)} images have pixels more than {SCALES_APART:g} times smaller "
            f"or larger than those of the training ({learned[0]:.3g} to {learned[1]:.3g} um)",
            remedy="Do not trust their classes before you have looked at some.",
        )
