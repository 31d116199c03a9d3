"""Pixels against a reference: every figure worked out by hand on a few pixels."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.comparison.pixel_counts import (
    NO_LABEL,
    OLIVINE,
    PixelCounts,
    best_threshold,
    calibration,
    calibration_error,
    class_scores,
    olivine_scores,
    overall_accuracy,
)

# Classes: 0 rest, 1 olivine, 2 plagioclase. Eight pixels, and one without a label.
REFERENCE = np.array([[1, 1, 1, 2, 2, 0, 0, 0, NO_LABEL]], np.uint8)
# The network gives glass (which the reference does not name), plagioclase and olivine.
GIVEN = (0, 2, OLIVINE)
PROBABILITY = np.array(
    [
        [[0, 0, 0, 0, 255, 204, 0, 0, 0]],
        [[0, 0, 255, 255, 0, 0, 0, 255, 0]],
        [[255, 153, 0, 0, 0, 51, 0, 0, 255]],
    ],
    np.uint8,
)
# So it calls them: olivine, olivine, plagioclase, plagioclase, glass, glass, nothing, plagioclase.


def counted(reference: np.ndarray = REFERENCE, parts: int = 1) -> PixelCounts:
    """Count the pixels, in so many windows."""
    counts = []
    pieces = zip(
        np.array_split(reference, parts, axis=1),
        np.array_split(PROBABILITY, parts, axis=2),
        strict=True,
    )
    for some, probability in pieces:
        counts.append(PixelCounts.empty(3))
        counts[-1].add(some, probability, GIVEN)
    return PixelCounts.together(counts)


@pytest.mark.parametrize("parts", [1, 4])
def test_classes_are_scored_by_one_confusion_matrix(parts: int) -> None:
    counts = counted(parts=parts)
    assert counts.confusion.tolist() == [[2, 0, 1], [0, 2, 1], [1, 0, 1]]
    scores = class_scores(counts, [1, 2])
    assert scores["pixels"].tolist() == [3, 3, 2]
    assert scores["iou"].tolist() == pytest.approx([2 / 4, 2 / 3, 1 / 4])
    assert scores["precision"].tolist() == pytest.approx([2 / 3, 1, 1 / 3])
    assert scores["recall"].tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 2])
    assert overall_accuracy(counts, [1, 2]) == pytest.approx(5 / 8)
    # Olivine: sum p t = 1.6, sum p = 1.8 (pixel without a label left out), sum t = 3.
    assert scores["soft_iou"][OLIVINE] == pytest.approx((1.6 + 1) / (1.8 + 3 - 1.6 + 1))


def test_what_a_network_does_not_know_counts_as_rest() -> None:
    counts = PixelCounts.empty(3)
    counts.add(REFERENCE, PROBABILITY[2:], (OLIVINE,))
    assert counts.confusion.tolist() == [[3, 0, 0], [1, 2, 0], [2, 0, 0]]
    scores = class_scores(counts, [OLIVINE])
    assert scores.index.tolist() == [0, 1]
    assert scores["iou"].tolist() == pytest.approx([5 / 6, 2 / 3])
    assert overall_accuracy(counts, [OLIVINE]) == pytest.approx(7 / 8)


def test_olivine_at_a_threshold() -> None:
    histogram = counted().histogram
    low = olivine_scores(histogram, 0.1)  # the pixel of 0.2 is olivine too
    assert low == pytest.approx(
        {"iou": 2 / 4, "overall_accuracy": 6 / 8, "precision": 2 / 3, "recall": 2 / 3}
    )
    assert olivine_scores(histogram, 0.8)["recall"] == pytest.approx(1 / 3)
    # From above 0.2 to 0.6 it is as good as it gets: the middle of that.
    assert best_threshold(histogram) == pytest.approx(0.4, abs=1 / 255)
    nothing = olivine_scores(np.zeros((2, 256), np.int64), 0.5)
    assert all(np.isnan(value) for value in nothing.values())


def test_calibration_error_is_that_of_guo() -> None:
    histogram = np.zeros((2, 256), np.int64)
    histogram[0, 51], histogram[1, 51] = 60, 20  # 0.2, the upper end of bin 3: 25 % are olivine
    histogram[0, 204], histogram[1, 204] = 5, 15  # 0.8, that of bin 12: 75 % are
    bins = calibration(histogram)
    assert bins["pixels"].to_numpy().nonzero()[0].tolist() == [2, 11]
    assert bins.loc[2, ["probability", "share"]].tolist() == pytest.approx([0.2, 0.25])
    assert calibration_error(histogram) == pytest.approx((80 * 0.05 + 20 * 0.05) / 100)
    perfect = np.zeros((2, 256), np.int64)
    perfect[0, 0], perfect[1, 255] = 90, 10
    assert calibration_error(perfect) == 0
