"""Which images to label next: those that a classifier doubts, and those unlike its examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.recognition.classifier import Classifier
from napari_olivine.recognition.description import Described, describe_images
from napari_olivine.recognition.images import NONE_OF_THESE, ImageSet

Because = Literal["uncertain", "unlike the examples"]

SPREAD = 500
"""Suggestions that are spread over what is unlike the examples; a person labels no more between two
trainings (ours)."""


@dataclass(frozen=True)
class Suggestion:
    """An image to label.

    Parameters
    ----------
    place
        Its place in the set.
    because
        Why.
    label, probability
        The class that the classifier gives, and how probable it is.
    """

    place: int
    because: Because
    label: str
    probability: float


def suggest(classifier: Classifier, images: ImageSet, most: int, job: Job) -> list[Suggestion]:
    """Choose images to label: see `order_suggestions`.

    Parameters
    ----------
    classifier
        Trained classifier.
    images
        Images; those that have a class are left out.
    most
        Suggestions.
    job
        Running job.

    Returns
    -------
    list of Suggestion
        The first is the most useful.
    """
    open_places = np.flatnonzero(images.targets() < 0)
    chosen_from = images.select(open_places)
    if not len(chosen_from):
        return []
    described = describe_images(classifier, chosen_from, job)
    names = [*classifier.classes, NONE_OF_THESE]
    found = described.probabilities
    return [
        Suggestion(
            int(open_places[place]),
            because,
            names[int(found[place].argmax())],
            float(found[place].max()),
        )
        for place, because in order_suggestions(described, classifier.knows_none, most)
    ]


def order_suggestions(
    described: Described, knows_none: bool, most: int
) -> list[tuple[int, Because]]:
    """Put images into the order in which to label them, alternately uncertain and unlike.

    Uncertain is an image whose two most probable classes are near each other. Unlike is one far
    from all examples in the features of the classifier, where it keeps those; what was chosen
    before counts as an example, so that the choice spreads (farthest-first, Gonzalez 1985). Else,
    how probable ``none of these`` is counts as unlike.

    Parameters
    ----------
    described
        Images without a class.
    knows_none
        Whether the last column of the probabilities is none of the classes.
    most
        Images to choose.

    Returns
    -------
    list of (int, str)
        Place and reason; the first is the most useful.

    References
    ----------
    Gonzalez, T. F. (1985). Clustering to minimize the maximum intercluster distance. Theoretical
    Computer Science 38, 293-306. doi 10.1016/0304-3975(85)90224-5
    """
    found = described.probabilities
    points = None
    if described.examples is not None:
        points = described.descriptors
        far = _distances(points, described.examples)
    else:
        far = found[:, -1].copy() if knows_none else np.zeros(len(found))
    doubt = 1 - _margins(found)
    chosen: list[tuple[int, Because]] = []
    left = np.ones(len(found), bool)
    while len(chosen) < min(most, len(found)):
        unlike = len(chosen) % 2 == 1 and float(far[left].max()) > 0
        score = far if unlike else doubt
        best = int(np.argmax(np.where(left, score, -np.inf)))
        left[best] = False
        chosen.append((best, "unlike the examples" if unlike else "uncertain"))
        if points is not None:
            far = np.minimum(far, _distances(points, points[best : best + 1]))
    return chosen


def ranks(described: Described, knows_none: bool, is_open: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rank images for a person who labels one after the other.

    Parameters
    ----------
    described
        All images.
    knows_none
        See `order_suggestions`.
    is_open
        Which of them have no class, shape (images,).

    Returns
    -------
    numpy.ndarray
        1 for the first to label, 0 for images that have a class. The first `SPREAD` are those of
        `order_suggestions`; the others follow by how near their two most probable classes are.
    """
    open_places = np.flatnonzero(is_open)
    found = np.zeros(len(is_open), np.int64)
    if not len(open_places):
        return found
    part = Described(
        described.probabilities[open_places], described.descriptors[open_places], described.examples
    )
    first = [place for place, _ in order_suggestions(part, knows_none, SPREAD)]
    nearest = np.argsort(_margins(part.probabilities), kind="stable")
    order = np.concatenate([first, nearest[~np.isin(nearest, first)]]).astype(np.intp)
    found[open_places[order]] = np.arange(1, len(order) + 1)
    return found


def _margins(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much the most probable class of each image is ahead of the next."""
    ordered = np.sort(probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def _distances(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the distance of each point to the nearest of others."""
    from sklearn.metrics import pairwise_distances_argmin_min

    return np.asarray(pairwise_distances_argmin_min(points, others)[1], np.float64)
