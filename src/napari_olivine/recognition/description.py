"""What a classifier sees of images: their probabilities, and where they lie in its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.recognition.classical import ClassicalClassifier
from napari_olivine.recognition.classifier import Classifier
from napari_olivine.recognition.images import ImageSet

Doubles = NDArray[np.float64]

FITTED_TO = 2000
"""Images by which the principal components of many are found: more change nothing to be seen."""


@runtime_checkable
class Describes(Protocol):
    """A classifier that gives descriptors of images beside their probabilities."""

    def recognise(self, images: ImageSet, job: Job) -> tuple[Doubles, NDArray[np.float32]]:
        """Return what `Classifier.probabilities` gives, and descriptors (images, dimensions)."""


@runtime_checkable
class HasGaussians(Protocol):
    """A classifier whose classes are Gaussians of its descriptors."""

    classes: tuple[str, ...]

    def gaussians(self) -> tuple[Doubles, Doubles]:
        """Return means (classes, dimensions) and covariances (classes, dimensions, dimensions)."""


@dataclass(frozen=True)
class Described:
    """Images as a classifier sees them.

    Parameters
    ----------
    probabilities
        See `Classifier.probabilities`.
    descriptors
        float32, shape (images, dimensions).
    examples
        Descriptors of the images of the training, shape (examples, dimensions); `None` where the
        classifier keeps none.
    """

    probabilities: Doubles
    descriptors: NDArray[np.float32]
    examples: NDArray[np.float32] | None = None


def describe_images(classifier: Classifier, images: ImageSet, job: Job) -> Described:
    """Recognise images, and tell where they lie in the features of the classifier.

    These are the features of a classical classifier, standardised; descriptors of a triplet
    network; what a transfer network's last layer sees; else the logarithms of the probabilities.

    Parameters
    ----------
    classifier
        Trained classifier.
    images
        Images.
    job
        Running job.

    Returns
    -------
    Described
        In the order of the images.
    """
    if isinstance(classifier, ClassicalClassifier):
        values = classifier.measure(images, job)
        found = classifier.of_features(values)
        points = (classifier.embedded(one).astype(np.float32) if len(one) else None
                  for one in (values, classifier.values))  # fmt: skip
        here, examples = points
        empty = np.zeros((0, 1), np.float32)
        return Described(found, empty if here is None else here, examples)
    if isinstance(classifier, Describes):
        return Described(*classifier.recognise(images, job))
    found = classifier.probabilities(images, job)
    return Described(found, np.log(np.maximum(found, 1e-6)).astype(np.float32))


@dataclass(frozen=True)
class DescriptorMap:
    """A plane of the descriptors.

    Parameters
    ----------
    x, y
        Place of each image, shape (images,).
    notes
        ``axes``: what the plane is, in words; ``ellipses``: of each class ``class``, ``mean`` (x,
        y) and ``covariance`` (2 x 2), where its descriptors are a Gaussian.
    """

    x: Doubles
    y: Doubles
    notes: Mapping[str, Any]


def map_descriptors(classifier: Classifier, described: Described) -> DescriptorMap:
    """Lay descriptors into a plane, for a plot like Fig. 2 of Larmuseau et al. 2021.

    Of Gaussians it is the plane in which their means lie furthest apart (the principal axes of the
    means), of others that of the first two principal components of the images.

    Parameters
    ----------
    classifier
        Trained classifier.
    described
        See `describe_images`.

    Returns
    -------
    DescriptorMap
        Of two dimensions whatever there are; y is 0 where there is one alone.

    References
    ----------
    Larmuseau et al. 2021, doi 10.1016/j.scriptamat.2020.10.026
    """
    points = described.descriptors.astype(np.float64)
    ellipses: list[dict[str, Any]] = []
    if isinstance(classifier, HasGaussians):
        means, covariances = classifier.gaussians()
        middle, axes = means.mean(0), principal_axes(means)
        words = "plane in which the classes lie furthest apart"
        for name, mean, covariance in zip(classifier.classes, means, covariances, strict=True):
            ellipses.append(
                {
                    "class": name,
                    "mean": (axes @ (mean - middle)).tolist(),
                    "covariance": (axes @ covariance @ axes.T).tolist(),
                }
            )
    else:
        some = points[:: max(1, len(points) // FITTED_TO)]
        middle = some.mean(0) if len(some) else np.zeros(points.shape[1])
        axes, words = principal_axes(some), "first two principal components of the features"
    x, y = axes @ (points - middle).T
    return DescriptorMap(x, y, {"axes": words, "ellipses": ellipses})


def principal_axes(points: Doubles) -> Doubles:
    """Return the first two principal axes of points, shape (2, dimensions); zeros for want of one.

    Parameters
    ----------
    points
        Shape (points, dimensions).
    """
    axes = np.zeros((2, points.shape[1]))
    if len(points):
        found = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][:2]
        axes[: len(found)] = found
    return axes
