"""Where the descriptors of each class lie: a Gaussian a class, and what lies outside of all."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import MultivariateNormal

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class DescriptorMixture:
    """A Gaussian mixture with a component for each class.

    Parameters
    ----------
    weights
        Weight of each component, shape (classes,).
    means
        Shape (classes, dimensions).
    covariances
        Shape (classes, dimensions, dimensions).
    threshold
        Crops of a lower log-likelihood belong to no class.
    """

    weights: Doubles
    means: Doubles
    covariances: Doubles
    threshold: float = -np.inf

    def log_densities(self, descriptors: Doubles) -> Doubles:
        """Return the logarithm of each component's weighted density, shape (crops, classes)."""
        return self.log_densities_of(torch.from_numpy(descriptors)).numpy()

    def log_densities_of(self, descriptors: Tensor) -> Tensor:
        """Do the same with a gradient, from a tensor of doubles (crops, dimensions)."""
        lower = torch.linalg.cholesky(torch.from_numpy(self.covariances))
        gaussians = MultivariateNormal(torch.from_numpy(self.means), scale_tril=lower)
        densities: Tensor = gaussians.log_prob(descriptors[:, None])  # type: ignore[no-untyped-call]
        return densities + torch.from_numpy(self.weights).log()

    def log_likelihood(self, descriptors: Doubles) -> Doubles:
        """Return the log-likelihood of descriptors (crops, dimensions), shape (crops,)."""
        return np.asarray(logsumexp(self.log_densities(descriptors), axis=1))

    def probabilities(self, descriptors: Doubles) -> Doubles:
        """Return the probability of each class, and last of none of them.

        Returns
        -------
        numpy.ndarray
            Shape (crops, classes + 1). A crop below the threshold belongs to none of the classes
            altogether, as in Larmuseau et al. 2021.
        """
        densities = self.log_densities(descriptors)
        likelihood = logsumexp(densities, axis=1, keepdims=True)
        none = likelihood < self.threshold
        return np.hstack([np.where(none, 0.0, np.exp(densities - likelihood)), none])

    def with_threshold(self, threshold: float) -> DescriptorMixture:
        """Return the same mixture with another threshold."""
        return replace(self, threshold=float(threshold))


def fit_mixture(descriptors: Doubles, classes: NDArray[np.intp], count: int) -> DescriptorMixture:
    """Fit a Gaussian to the descriptors of each class, by scikit-learn's mixture.

    The components start at the classes' own means and covariances, so that component k is class k.
    Those of the paper's supplement are not published; this is our reading of "a multivariate
    Gaussian distribution to each of the class centres".

    Parameters
    ----------
    descriptors
        Of training crops, shape (crops, dimensions).
    classes
        Class of each crop.
    count
        Number of classes.

    Returns
    -------
    DescriptorMixture
        Without a threshold.
    """
    dimensions = descriptors.shape[1]
    spread = float(descriptors.var(0).mean())
    small = max(1e-3 * spread, 1e-9) * np.eye(dimensions)
    means = np.stack([descriptors[classes == place].mean(0) for place in range(count)])
    own = [
        np.cov(descriptors[classes == place].T).reshape(dimensions, -1) for place in range(count)
    ]
    mixture = GaussianMixture(
        count,
        means_init=means,
        weights_init=np.bincount(classes, minlength=count) / len(classes),
        precisions_init=np.stack([np.linalg.inv(one + small) for one in own]),
        reg_covar=float(small[0, 0]),
        max_iter=100,
    )
    with warnings.catch_warnings():
        # Where classes overlap, the last digits of the components take long to settle.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(descriptors)
    return DescriptorMixture(
        np.asarray(mixture.weights_), np.asarray(mixture.means_), np.asarray(mixture.covariances_)
    )
