"""Pixels counted against a reference: classes, thresholds of olivine, calibration.

References
----------
Guo et al. (2017), On calibration of modern neural networks, arXiv 1706.04599: expected calibration
error, equation 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.inference import FULL, stored_threshold

REST, OLIVINE = 0, 1
"""Places of the first two classes of every reference: what is none of the others, and olivine."""

NO_LABEL = 255
"""Of pixels that count for nothing."""

BINS = 15
"""Bins of the calibration error, as Guo et al. (2017)."""

LOWEST, HIGHEST = 0.05, 0.95
"""Bounds of the best threshold, as for the best threshold of a model's card."""


@dataclass
class PixelCounts:
    """Counts of the pixels of a session, from which all pixel scores follow.

    Parameters
    ----------
    confusion
        Pixels by class of the reference and class of the network, shape (classes, classes). The
        network's is its most probable class; a class that it does not know has an empty column.
    histogram
        Pixels by whether the reference is olivine (0, 1) and by the stored probability of olivine,
        shape (2, 256).
    soft
        Sums over pixels of the probability of each class, and of the same where the reference is
        that class, shape (classes, 2).
    """

    confusion: NDArray[np.int64]
    histogram: NDArray[np.int64]
    soft: NDArray[np.float64]

    @classmethod
    def empty(cls, classes: int) -> PixelCounts:
        """Return counts of nothing."""
        return cls(
            np.zeros((classes, classes), np.int64),
            np.zeros((2, FULL + 1), np.int64),
            np.zeros((classes, 2)),
        )

    @classmethod
    def together(cls, parts: Iterable[PixelCounts]) -> PixelCounts:
        """Return the counts of several sessions as one."""
        parts = list(parts)
        return cls(
            *(np.sum([getattr(part, name) for part in parts], axis=0) for name in vars(parts[0]))
        )

    def add(
        self,
        reference: NDArray[np.uint8],
        probability: NDArray[np.uint8],
        places: Sequence[int],
    ) -> None:
        """Count the pixels of a window.

        Parameters
        ----------
        reference
            Class of each pixel, `NO_LABEL` for none, shape (rows, columns).
        probability
            Of each class that the network gives, 255 is 1, shape (given, rows, columns); what is
            left to 1 is the probability of the rest.
        places
            Class of the reference that each of them is; `REST` for one that it does not tell.
        """
        known = reference != NO_LABEL
        truth, given = reference[known], probability[:, known]
        rest = np.clip(FULL - given.sum(axis=0, dtype=np.int16), 0, FULL).astype(np.uint8)
        table = np.array([*places, REST])
        every = np.concatenate([given, rest[np.newaxis]])
        predicted = table[every.argmax(axis=0)]
        classes = len(self.confusion)
        self.confusion += np.bincount(
            truth * np.int64(classes) + predicted, minlength=classes**2
        ).reshape(classes, classes)
        for place, values in zip(table, every, strict=True):
            self.soft[place, 0] += values.sum(dtype=np.int64) / FULL
            self.soft[place, 1] += values[truth == place].sum(dtype=np.int64) / FULL
        olivine = every[list(table).index(OLIVINE)]
        key = (truth == OLIVINE) * np.int64(FULL + 1) + olivine
        self.histogram += np.bincount(key, minlength=2 * (FULL + 1)).reshape(2, FULL + 1)


def class_scores(counts: PixelCounts, known: Sequence[int]) -> pd.DataFrame:
    """Score every class by the confusion matrix.

    Parameters
    ----------
    counts
        Pixels.
    known
        Classes that the network knows; all others of the reference count as rest.

    Returns
    -------
    pandas.DataFrame
        By class: ``pixels`` of the reference, ``iou`` = TP / (TP + FP + FN), ``precision``,
        ``recall``, and ``soft_iou`` = (sum p t + 1) / (sum p + sum t - sum p t + 1), as in
        ddvika/SEM_segmentation, but over all pixels instead of a batch; NaN for a ratio of nothing.
    """
    matrix = merged(counts.confusion, known)
    hit, true, given = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    kept = sorted({REST, *known})
    # Of the rest, what the network leaves over is compared with all that it does not know.
    both = counts.soft[kept, 1].copy()
    both[0] = np.nan if len(kept) < len(counts.confusion) else both[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "pixels": true,
                "iou": hit / (true + given - hit),
                "precision": hit / given,
                "recall": hit / true,
                "soft_iou": (both + 1) / (counts.soft[kept, 0] + true - both + 1),
            },
            index=kept,
        )


def overall_accuracy(counts: PixelCounts, known: Sequence[int]) -> float:
    """Return the part of the pixels whose class is right; NaN of no pixels."""
    matrix = merged(counts.confusion, known)
    return float(matrix.trace() / matrix.sum()) if matrix.sum() else float("nan")


def merged(confusion: NDArray[np.int64], known: Sequence[int]) -> NDArray[np.int64]:
    """Count all classes of the reference that a network does not know as rest.

    Parameters
    ----------
    confusion
        Shape (classes, classes).
    known
        Classes that the network knows.

    Returns
    -------
    ndarray of int64
        Of the rest and the known classes, in their order.
    """
    kept = sorted({REST, *known})
    matrix = confusion[np.ix_(kept, kept)].copy()
    unknown = [place for place in range(len(confusion)) if place not in kept]
    matrix[0] += confusion[np.ix_(unknown, kept)].sum(axis=0)
    return matrix


def olivine_scores(histogram: NDArray[np.int64], threshold: float) -> dict[str, float]:
    """Score olivine against all else at a threshold of its probability.

    Parameters
    ----------
    histogram
        See `PixelCounts`.
    threshold
        Least probability of olivine.

    Returns
    -------
    dict
        ``iou``, ``overall_accuracy``, ``precision``, ``recall``; NaN for a ratio of nothing.
    """
    at = stored_threshold(threshold)
    (right, wrong), (missed, hit) = (
        (int(row[:at].sum()), int(row[at:].sum())) for row in histogram
    )
    return {
        "iou": _ratio(hit, hit + wrong + missed),
        "overall_accuracy": _ratio(hit + right, hit + right + wrong + missed),
        "precision": _ratio(hit, hit + wrong),
        "recall": _ratio(hit, hit + missed),
    }


def best_threshold(histogram: NDArray[np.int64]) -> float:
    """Return the threshold of the highest IoU of olivine, in the middle of equally good ones.

    Parameters
    ----------
    histogram
        See `PixelCounts`; of the val sessions.
    """
    levels = np.arange(stored_threshold(LOWEST), stored_threshold(HIGHEST) + 1)
    hit = histogram[1][::-1].cumsum()[::-1][levels]
    wrong = histogram[0][::-1].cumsum()[::-1][levels]
    iou = hit / np.maximum(histogram[1].sum() + wrong, 1)
    best = levels[iou >= iou.max() - 1e-9]
    return float(best[len(best) // 2] / FULL)


def calibration(histogram: NDArray[np.int64]) -> pd.DataFrame:
    """Compare the probability of olivine with how often it is olivine.

    Parameters
    ----------
    histogram
        See `PixelCounts`.

    Returns
    -------
    pandas.DataFrame
        A row a bin ((m - 1) / 15, m / 15] of the probability: ``pixels``, mean ``probability``,
        and ``share`` of olivine among them; NaN in an empty bin.
    """
    values = np.arange(FULL + 1)
    bins = np.clip(np.ceil(values * BINS / FULL).astype(int) - 1, 0, BINS - 1)
    pixels = np.bincount(bins, histogram.sum(axis=0), BINS)
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(
            {
                "pixels": pixels.astype(np.int64),
                "probability": np.bincount(bins, histogram.sum(axis=0) * values, BINS)
                / FULL / pixels,
                "share": np.bincount(bins, histogram[1], BINS) / pixels,
            }
        )  # fmt: skip


def calibration_error(histogram: NDArray[np.int64]) -> float:
    """Return the expected calibration error of the probability of olivine.

    ECE = sum over bins m of n_m / N |share_m - probability_m| (Guo et al. 2017, equation 3, with
    the probability of olivine instead of the confidence in the chosen class).
    """
    bins = calibration(histogram)
    gap = (bins["share"] - bins["probability"]).abs()
    pixels = int(bins["pixels"].sum())
    return float((bins["pixels"] * gap).sum() / pixels) if pixels else float("nan")


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
