"""How good a classifier is: accuracy, AUC, F1, precision and recall, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Average = Literal["macro", "weighted"]
Floats = NDArray[np.float64]
Whole = NDArray[np.intp]

SCORES = ("accuracy", "auc", "f1", "precision", "recall")

FEW_SOURCES = 10
"""Sources below which the bootstrap draws their images anew too (ours)."""

RESAMPLES = 400
"""Resamples of the bootstrap (ours): the ends of its intervals are certain to about a tenth of
their length."""

NORMAL_975 = 1.959964
"""Quantile 0.975 of the normal distribution."""


@dataclass(frozen=True)
class Interval:
    """A score and its interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Performance:
    """Scores of a classifier on images that it has not learned from.

    Parameters
    ----------
    scores
        By the names of `SCORES`, 0 to 1.
    confusion
        Images by true class (row) and predicted class (column); a further last column where the
        classifier knows "none of these".
    images
        Images that were predicted.
    """

    scores: dict[str, Interval]
    confusion: Whole
    images: int

    def as_fields(self) -> dict[str, Any]:
        """Return the scores as ``accuracy``, ``accuracy_low``, ``accuracy_high`` and so on."""
        fields = {}
        for name, one in self.scores.items():
            fields[name] = round(one.value, 4)
            fields[f"{name}_low"], fields[f"{name}_high"] = round(one.low, 4), round(one.high, 4)
        return fields


def measure_performance(
    targets: Whole,
    probabilities: Floats,
    classes: int,
    sources: NDArray[np.str_],
    *,
    average: Average = "macro",
    seed: int = 0,
) -> Performance:
    """Compare predictions with the truth.

    Intervals are of the bootstrap over sources, because images of one source are alike; of fewer
    than `FEW_SOURCES`, whose spread says little, their images are drawn anew as well. The interval
    of the accuracy is Wilson's where each image is a source of its own.

    Parameters
    ----------
    targets
        True class of each image, shape (images,).
    probabilities
        Shape (images, classes) or (images, classes + 1), see `Classifier.probabilities`.
    classes
        Number of classes.
    sources
        Source of each image.
    average
        Mean of the scores of the classes: each counts the same (``"macro"``), or as much as it has
        images (``"weighted"``, as Orange and Dell'Aversana 2021 have it: there the recall is the
        accuracy). Classes without an image are left out.
    seed
        Of the bootstrap.

    Returns
    -------
    Performance
        The scores.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22, 209-212. doi 10.1080/01621459.1927.10502953
    """
    predicted = probabilities.argmax(axis=1)
    columns = probabilities.shape[1]
    confusion = np.zeros((classes, columns), np.intp)
    np.add.at(confusion, (targets, predicted), 1)
    values = _scores(targets, predicted, probabilities, classes, average)
    names, group = np.unique(sources, return_inverse=True)
    members = [np.flatnonzero(group == one) for one in range(len(names))]
    random = np.random.default_rng(seed)
    resampled = []
    for _ in range(RESAMPLES):
        drawn = random.integers(len(members), size=len(members))
        chosen = np.concatenate([members[one] for one in drawn])
        if len(members) < FEW_SOURCES:
            chosen = np.concatenate(
                [random.choice(members[one], len(members[one])) for one in drawn]
            )
        if len(set(targets[chosen])) > 1:
            resampled.append(
                _scores(targets[chosen], predicted[chosen], probabilities[chosen], classes, average)
            )
    low, high = np.nanquantile(resampled, [0.025, 0.975], axis=0) if resampled else (values, values)
    scores = {
        name: Interval(float(v), min(float(a), float(v)), max(float(b), float(v)))
        for name, v, a, b in zip(SCORES, values, low, high, strict=True)
    }
    if len(names) == len(targets):
        scores["accuracy"] = wilson(int((predicted == targets).sum()), len(targets))
    return Performance(scores, confusion, len(targets))


def wilson(right: int, count: int) -> Interval:
    """Return a share and its interval of 95 % (Wilson 1927).

    Examples
    --------
    >>> one = wilson(9, 10)
    >>> round(one.value, 2), round(one.low, 3), round(one.high, 3)
    (0.9, 0.596, 0.982)
    """
    share, z2 = right / count, NORMAL_975**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL_975 * (share * (1 - share) / count + z2 / (4 * count**2)) ** 0.5
    half /= 1 + z2 / count
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def _scores(
    targets: Whole, predicted: Whole, probabilities: Floats, classes: int, average: Average
) -> Floats:
    there = np.unique(targets)
    count = np.bincount(targets, minlength=classes)[there].astype(np.float64)
    given = np.bincount(predicted, minlength=classes)[there]
    right = np.bincount(targets[predicted == targets], minlength=classes)[there]
    recall = right / count
    precision = right / np.maximum(given, 1)
    f1 = 2 * right / np.maximum(count + given, 1)
    auc = np.array([_auc(probabilities[:, one], targets == one) for one in there])
    weight = count if average == "weighted" else np.ones(len(there))
    means = [float(np.average(one, weights=weight)) for one in (auc, f1, precision, recall)]
    return np.array([float((predicted == targets).mean()), *means])


def _auc(score: Floats, positive: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, by ranks: the Mann-Whitney statistic."""
    from scipy.stats import rankdata

    yes = int(positive.sum())
    no = len(positive) - yes
    if not yes or not no:
        return float("nan")
    return float((rankdata(score)[positive].sum() - yes * (yes + 1) / 2) / (yes * no))
