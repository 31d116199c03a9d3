"""Grow a random forest on pixels of crops: the first look, in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from typing_extensions import override

from napari_olivine.networks import DEPTH, TREES, ForestBody, load_weights, measures_of
from napari_olivine.training.scored import ScoredTraining, State
from napari_olivine.training.windows import (
    BY_HAND,
    FIRST_PHASE,
    MOST_PHASES,
    PHASE_BY_HAND,
    class_of_label,
)

CROPS = 48
PIXELS_OF_A_CROP = 1000
"""Together some 50,000 pixels; more change next to nothing (ours)."""

TREES_AT_ONCE = 4
"""Between them the job can be cancelled."""

LEAST_LEAF = 5
"""Pixels of a leaf at least, against learning single pixels by heart (ours)."""

BY_PERSON = np.zeros(256, bool)
"""Whether a label is one that a person gave."""
BY_PERSON[[BY_HAND, BY_HAND + 1]] = True
BY_PERSON[FIRST_PHASE + PHASE_BY_HAND : FIRST_PHASE + PHASE_BY_HAND + MOST_PHASES] = True


class ForestTraining(ScoredTraining):
    """A random forest, grown on crops like those of a network.

    The crops are drawn as for a network, over all phases alike; of each a part of the pixels
    counts. It is grown in one go, and begins anew if it was stopped. See `ScoredTraining`.
    """

    @override
    def run(self) -> State:
        with self.timed():
            measures, labels, weights = self._pixels()
            body = self.network.body
            assert isinstance(body, ForestBody)
            fill_forest(body, self._grow(measures, labels, weights), _outputs(self.plan.phases))
            self.state.step = TREES
            self.validate(self.network, epoch=1, rate=0.0)
        load_weights(self.best_weights, self.network)
        return self.state

    def _pixels(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
        """Measures, number of the class, and weight of the pixels that are learned."""
        plan, crops = self.plan, -(-CROPS // self.plan.preset.batch)
        measures, labels, weights = [], [], []
        for step in range(crops):
            self.job.progress(step, crops, "Measuring pixels")
            images, label = self.samples.batch(plan.seed, step, plan.preset, plan.foreground)
            random = np.random.default_rng([plan.seed, step, 1])
            found = class_of_label(label, plan.olivine, single=not plan.phases)
            at = np.flatnonzero(found >= 0)
            most = PIXELS_OF_A_CROP * len(images)
            at = random.choice(at, min(most, len(at)), replace=False)
            with torch.inference_mode():
                values = measures_of(torch.from_numpy(images)).permute(0, 2, 3, 1).numpy()
            by_hand = BY_PERSON[label.ravel()[at]]
            measures.append(values.reshape(-1, values.shape[-1])[at])
            labels.append(found.ravel()[at])
            weights.append(np.where(by_hand, plan.correction_weight, 1.0))
        return np.concatenate(measures), np.concatenate(labels), np.concatenate(weights)

    def _grow(
        self, measures: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> RandomForestClassifier:
        forest = RandomForestClassifier(
            n_estimators=0, max_depth=DEPTH, min_samples_leaf=LEAST_LEAF, warm_start=True,
            random_state=self.plan.seed, n_jobs=torch.get_num_threads(),
        )  # fmt: skip
        for trees in range(0, TREES, TREES_AT_ONCE):
            self.job.progress(trees, TREES, "Growing trees")
            forest.n_estimators = trees + TREES_AT_ONCE
            forest.fit(measures, labels, weights)
        return forest


def _outputs(phases: Sequence[object]) -> int:
    return len(phases) or 2


def fill_forest(body: ForestBody, forest: RandomForestClassifier, outputs: int) -> None:
    """Write the trees of a forest into the tables of complete binary trees.

    Parameters
    ----------
    body
        Classifier of `outputs` classes, with as many trees.
    forest
        Grown forest, no deeper than `DEPTH`; its classes are numbers of outputs.
    outputs
        Outputs; one that the forest does not know has no share in any leaf.
    """
    classes = forest.classes_.astype(int)
    for number, grown in enumerate(forest.estimators_):
        tree = grown.tree_
        shares = np.zeros((tree.node_count, outputs), np.float32)
        values = tree.value[:, 0, :]
        shares[:, classes] = values / values.sum(1, keepdims=True)
        at = np.zeros(1, np.int64)  # the node of the grown tree at each place of a level
        measure, limit = [], []
        for _ in range(DEPTH):
            leaf = tree.children_left[at] < 0
            measure.append(np.where(leaf, 0, tree.feature[at]))
            limit.append(np.where(leaf, np.inf, tree.threshold[at]))
            pair = np.stack([tree.children_left[at], tree.children_right[at]], axis=1)
            at = np.where(leaf[:, None], at[:, None], pair).ravel()
        body.measure[number] = torch.from_numpy(np.concatenate(measure))
        body.limit[number] = torch.from_numpy(np.concatenate(limit).astype(np.float32))
        body.shares[number] = torch.from_numpy(shares[at])
