"""The triplet network: descriptors of crops, a Gaussian a class, and none of these outside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from typing_extensions import override

from napari_olivine.job import Job
from napari_olivine.recognition import ImageSet, principal_axes
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

DESCRIPTORS = "descriptors.csv"


class TripletClassifier(CropClassifier):
    """Larmuseau et al. 2021, doi 10.1016/j.scriptamat.2020.10.026."""

    settings_model = TripletSettings
    mixture: DescriptorMixture
    _start: nn.Linear | None = None
    described: pd.DataFrame | None = None
    """Mean descriptor of each training image, until the classifier is stored."""

    def outputs(self) -> int:
        """Return the dimensions of a descriptor."""
        return int(self.settings.dimensions)

    @override
    def loss(self, found: Tensor, targets: Tensor, done: float) -> Tensor:
        """Return the triplet loss, at first with the cross-entropy of a linear layer behind it."""
        loss = triplet_loss(found, targets, self.settings.margin, self.settings.mining)
        if done < self.settings.start and self._start is not None:
            loss = loss + cross_entropy(self._start(found), targets)
        return loss

    @override
    def further_weights(self, device: torch.device) -> list[nn.Parameter]:
        """Make the linear layer of the start, which is not kept."""
        self._start = nn.Linear(self.outputs(), len(self.classes)).to(device)
        return list(self._start.parameters())

    def learn_regions(self, learned: ClassVotes, held_out: ClassVotes) -> None:
        """Fit the mixture, and choose the threshold by held-out images."""
        self.mixture = mixture_with_threshold(
            _descriptors(learned), _descriptors(held_out), len(self.classes), self.settings.refused
        )
        means = np.array([one.outputs.mean(0) for one in learned.votes])
        self.described = self.described_as_table(learned.images, means)

    def describe(self, images: ImageSet, job: Job) -> pd.DataFrame:
        """Return the mean descriptor of each image, for a plot like Fig. 2 of the paper.

        Parameters
        ----------
        images
            Images, with or without a class.
        job
            Running job.

        Returns
        -------
        pandas.DataFrame
            Columns image, class, d1, d2, ..., and x and y: the plane in which the means of the
            classes lie furthest apart (their principal axes; of two dimensions a turn).
        """
        means = []
        for done, image in enumerate(images.images):
            means.append(self.votes_of(image, job).outputs.mean(0))
            job.progress(done + 1, len(images), "Describing")
        return self.described_as_table(images, np.array(means))

    def described_as_table(self, images: ImageSet, means: Doubles) -> pd.DataFrame:
        """Put descriptors (images, dimensions) into the table of `describe`."""
        middle = self.mixture.means.mean(0)
        axes = principal_axes(self.mixture.means)
        columns = {f"d{place + 1}": means[:, place] for place in range(means.shape[1])}
        x, y = ((means - middle) @ axes.T).T
        names = {
            "image": [one.name for one in images.images],
            "class": [one.label or "" for one in images.images],
        }
        return pd.DataFrame(names | columns | {"x": x, "y": y})

    @override
    def save(self, folder: Path) -> None:
        """Write the card, the arrays, and descriptors.csv with those of the training images."""
        super().save(folder)
        if self.described is not None:
            self.described.to_csv(folder / DESCRIPTORS, index=False, float_format="%.5g")

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

    def gaussians(self) -> tuple[Doubles, Doubles]:
        """Return means and covariances of the classes' descriptors."""
        return self.mixture.means, self.mixture.covariances

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
