"""Which images to label next: those that a classifier doubts, and those unlike its examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.recognition.classical import ClassicalClassifier
from napari_olivine.recognition.classifier import Classifier
from napari_olivine.recognition.images import NONE_OF_THESE, ImageSet

Because = Literal["uncertain", "unlike the examples"]


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
    """Choose images to label, alternately the most uncertain and the most unlike.

    Uncertain is an image whose two most probable classes are near each other. Unlike is one far
    from all examples in the features of a classical classifier; what was chosen before counts as an
    example, so that the choice spreads (farthest-first, Gonzalez 1985). For other classifiers, how
    probable ``none of these`` is counts as unlike.

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

    References
    ----------
    Gonzalez, T. F. (1985). Clustering to minimize the maximum intercluster distance. Theoretical
    Computer Science 38, 293-306. doi 10.1016/0304-3975(85)90224-5
    """
    open_places = np.flatnonzero(images.targets() < 0)
    chosen_from = images.select(open_places)
    if not len(chosen_from):
        return []
    points: NDArray[np.float64] | None = None
    if isinstance(classifier, ClassicalClassifier):
        values = classifier.measure(chosen_from, job)
        found = classifier.of_features(values)
        points = classifier.embedded(values)
        far = _distances(points, classifier.embedded(classifier.values))
    else:
        found = classifier.probabilities(chosen_from, job)
        far = found[:, -1].copy() if classifier.knows_none else np.zeros(len(found))
    ordered = np.sort(found, axis=1)
    doubt = 1 - (ordered[:, -1] - ordered[:, -2])
    names = [*classifier.classes, NONE_OF_THESE]
    suggestions: list[Suggestion] = []
    left = np.ones(len(found), bool)
    while len(suggestions) < min(most, len(found)):
        unlike = len(suggestions) % 2 == 1 and float(far[left].max()) > 0
        score = far if unlike else doubt
        best = int(np.argmax(np.where(left, score, -np.inf)))
        left[best] = False
        suggestions.append(
            Suggestion(
                int(open_places[best]),
                "unlike the examples" if unlike else "uncertain",
                names[int(found[best].argmax())],
                float(found[best].max()),
            )
        )
        if points is not None:
            far = np.minimum(far, _distances(points, points[best : best + 1]))
    return suggestions


def _distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each point to the nearest of others."""
    from sklearn.metrics import pairwise_distances_argmin_min

    return np.asarray(pairwise_distances_argmin_min(points, others)[1], np.float64)
