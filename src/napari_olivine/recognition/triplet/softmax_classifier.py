"""The softmax beside the triplet network: the same encoder, cross-entropy, a tuned threshold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor
from torch.nn.functional import cross_entropy
from typing_extensions import override

from napari_olivine.recognition.triplet.crop_classifier import (
    ClassVotes,
    CropClassifier,
    Doubles,
    Votes,
)
from napari_olivine.recognition.triplet.settings import CropSettings


class SoftmaxClassifier(CropClassifier):
    """Softmax over the classes; none of these where the highest mean over the crops is low.

    Hendrycks & Gimpel 2017 (arXiv 1610.02136) propose the highest probability as the measure of
    whether an image is like the training images.
    """

    settings_model = CropSettings

    threshold = 0.0
    """Highest mean probability below which an image is none of these."""

    def outputs(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    @override
    def loss(self, found: Tensor, targets: Tensor, done: float) -> Tensor:
        """Return the cross-entropy."""
        del done
        return cross_entropy(found, targets)

    def learn_regions(self, learned: ClassVotes, held_out: ClassVotes) -> None:
        """Choose the highest threshold that calls no more held-out images none than allowed."""
        highest = np.sort([_mean(one).max() for one in held_out.votes])
        allowed = min(int(self.settings.refused * len(highest)), len(highest) - 1)
        self.threshold = float(highest[allowed])

    def image_probabilities(self, votes: Votes) -> Doubles:
        """Return the mean over the crops, and the threshold as the weight of none of these."""
        found = np.append(_mean(votes), self.threshold)
        return np.asarray(found / found.sum())

    def crop_probabilities(self, votes: Votes) -> Doubles:
        """Return the softmax of each crop, and the threshold as the weight of none of these."""
        each = softmax(votes.outputs, axis=1)
        found = np.hstack([each, np.full((len(each), 1), self.threshold)])
        return np.asarray(found / found.sum(1, keepdims=True))

    def class_score(self, outputs: Tensor, place: int) -> Tensor:
        """Return the logit of the class."""
        return outputs[0, place]

    def regions_to_arrays(self) -> dict[str, Tensor]:
        """Return the threshold."""
        return {"threshold": torch.tensor(self.threshold, dtype=torch.float64)}

    def regions_from_arrays(self, arrays: Mapping[str, Tensor]) -> None:
        """Take the threshold."""
        self.threshold = float(arrays["threshold"])


def _mean(votes: Votes) -> Doubles:
    return np.asarray(softmax(votes.outputs, axis=1).mean(0))
