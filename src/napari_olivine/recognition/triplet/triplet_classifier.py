"""The triplet network: descriptors of crops, a Gaussian a class, and none of these outside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_olivine.recognition.triplet.crop_classifier import CropClassifier, Doubles, Votes
from napari_olivine.recognition.triplet.loss import triplet_loss
from napari_olivine.recognition.triplet.mixture import DescriptorMixture, fit_mixture
from napari_olivine.recognition.triplet.settings import TripletSettings


class TripletClassifier(CropClassifier):
    """Larmuseau et al. 2021, doi 10.1016/j.scriptamat.2020.10.026."""

    settings_model = TripletSettings
    mixture: DescriptorMixture

    def outputs(self) -> int:
        """Return the dimensions of a descriptor."""
        return int(self.settings.dimensions)

    def loss(self, found: Tensor, targets: Tensor) -> Tensor:
        """Return the triplet loss."""
        return triplet_loss(found, targets, self.settings.margin)

    def learn_regions(self, votes: list[Votes], targets: NDArray[np.intp]) -> None:
        """Fit the mixture to the crops of the training images."""
        descriptors = np.concatenate([one.outputs for one in votes])
        each = np.repeat(targets, [len(one.outputs) for one in votes])
        self.mixture = fit_mixture(descriptors, each, len(self.classes))

    def choose_threshold(self, votes: list[Votes], most: float) -> None:
        """Choose the highest threshold at which at most that share of these images is none.

        An image is none of these where that has the largest share of its crops' votes, so a
        threshold is tried at each of many quantiles of the crops' log-likelihood.
        """
        likelihoods = np.concatenate([self.mixture.log_likelihood(one.outputs) for one in votes])
        best = -np.inf
        for threshold in np.quantile(likelihoods, np.linspace(0, 0.9, 181)):
            mixture = self.mixture.with_threshold(threshold)
            shares = [mixture.probabilities(one.outputs).mean(0) for one in votes]
            none = np.mean([share.argmax() == len(self.classes) for share in shares])
            if none > most:
                break
            best = float(threshold)
        self.mixture = self.mixture.with_threshold(best)

    def image_probabilities(self, votes: Votes) -> Doubles:
        """Return the mean over the crops."""
        return np.asarray(self.crop_probabilities(votes).mean(0))

    def crop_probabilities(self, votes: Votes) -> Doubles:
        """Return what the mixture says of each crop."""
        return self.mixture.probabilities(votes.outputs)

    def class_score(self, outputs: Tensor, place: int) -> Tensor:
        """Return the log-density of the class less that of all others together."""
        densities = self.mixture.log_densities_of(outputs.double())[0]
        others = torch.cat([densities[:place], densities[place + 1 :]])
        return densities[place] - torch.logsumexp(others, 0)

    def regions_to_arrays(self) -> dict[str, Tensor]:
        """Return the mixture and its threshold."""
        mixture = self.mixture
        arrays = {
            "weights": mixture.weights,
            "means": mixture.means,
            "covariances": mixture.covariances,
            "threshold": np.array(mixture.threshold),
        }
        return {name: torch.from_numpy(np.ascontiguousarray(one)) for name, one in arrays.items()}

    def regions_from_arrays(self, arrays: Mapping[str, Tensor]) -> None:
        """Take the mixture and its threshold."""
        weights, means, covariances = (
            arrays[name].numpy() for name in ("weights", "means", "covariances")
        )
        self.mixture = DescriptorMixture(weights, means, covariances, float(arrays["threshold"]))
