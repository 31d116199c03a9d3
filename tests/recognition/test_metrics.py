"""Scores against those of scikit-learn, and what their intervals say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from napari_olivine.recognition import measure_performance


def predictions(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    targets = random.choice(classes, count, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    logits = random.normal(0, 1, (count, classes))
    logits[np.arange(count), targets] += 1
    return targets, np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_scores_are_those_of_scikit_learn(average: str) -> None:
    targets, found = predictions(150, 4, 0)
    single = np.arange(150).astype(str)
    scores = measure_performance(targets, found, 4, single, average=average).scores  # type: ignore[arg-type]
    guessed = found.argmax(1)
    precision, recall, f1, _ = precision_recall_fscore_support(targets, guessed, average=average)
    assert scores["precision"].value == pytest.approx(precision)
    assert scores["recall"].value == pytest.approx(recall)
    assert scores["f1"].value == pytest.approx(f1)
    auc = roc_auc_score(targets, found, multi_class="ovr", average=average)
    assert scores["auc"].value == pytest.approx(auc)
    assert scores["accuracy"].value == pytest.approx((guessed == targets).mean())
    for one in scores.values():
        assert 0 <= one.low < one.value < one.high <= 1


def test_none_of_these_is_wrong_for_an_image_of_a_class() -> None:
    targets = np.array([0, 0, 1, 1])
    found = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 0]], float)
    made = measure_performance(targets, found, 2, np.array(list("abcd")))
    assert made.confusion.tolist() == [[1, 0, 1], [0, 2, 0]]
    assert made.scores["accuracy"].value == 0.75
    assert made.scores["recall"].value == 0.75
    assert made.scores["precision"].value == 1


def test_images_of_one_source_count_as_little_as_one() -> None:
    """Ten images that are right or wrong together tell as much as one."""
    targets, found = predictions(20, 2, 1)
    alone = measure_performance(targets, found, 2, np.arange(20).astype(str))
    many = np.repeat(np.arange(20), 10)
    together = measure_performance(targets[many], found[many], 2, many.astype(str))
    as_if_apart = measure_performance(targets[many], found[many], 2, np.arange(200).astype(str))

    def length(made) -> float:
        return made.scores["accuracy"].high - made.scores["accuracy"].low

    assert length(together) == pytest.approx(length(alone), rel=0.3)
    assert length(as_if_apart) < 0.5 * length(together)
