"""The triplet network: descriptors of crops, a Gaussian a class, and none of these outside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from napari_olivine.recognition.triplet.crop_classifier import (
    ClassVotes,
    CropClassifier,
    Doubles,
    Votes,
)
from napari_olivine.recognition.triplet.loss import triplet_loss
from napari_olivine.recognition.triplet.mixture import DescriptorMixture
from napari_olivine.recognition.triplet.settings import TripletSettings
from napari_olivine.recognition.triplet.threshold import ImageDescriptors, mixture_with_threshold


class TripletClassifier(CropClassifier):
    """Larmuseau et al. 2021, doi 10.1016/j.scriptamat.2020.10.026."""

    settings_model = TripletSettings
    mixture: DescriptorMixture

    def outputs(self) -> int:
        """Return the dimensions of a descriptor."""
        return int(self.settings.dimensions)

    def loss(self, found: Tensor, targets: Tensor) -> Tensor:
        """Return the triplet loss."""
        return triplet_loss(found, targets, self.settings.margin, self.settings.mining)

    def learn_regions(self, learned: ClassVotes, held_out: ClassVotes) -> None:
        """Fit the mixture, and choose the threshold by held-out images."""
        self.mixture = mixture_with_threshold(
            _descriptors(learned), _descriptors(held_out), len(self.classes), self.settings.refused
        )

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


def _descriptors(images: ClassVotes) -> ImageDescriptors:
    return ImageDescriptors([one.outputs for one in images.votes], images.targets)
