"""How far an image lies from all that a classifier learned, and from where on it is none of these.

For classifiers that divide all of their features among the classes, and so have no outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

NEIGHBOURS = 3
"""Examples to which the distance is averaged: one alone may be an outlier itself (ours)."""


@dataclass(frozen=True)
class KnownRegion:
    """The region of features in which the examples of a classifier lie.

    Parameters
    ----------
    examples
        Features of the examples, float32, shape (examples, features).
    usual
        Sorted distances of known images that are no examples themselves, shape (images,).
    refused
        Share of such images that may be called none of these.
    """

    examples: Floats
    usual: Doubles
    refused: float

    @classmethod
    def of_examples(cls, examples: Floats, refused: float) -> KnownRegion:
        """Learn the region from examples; each is held against the others (leave one out)."""
        distances = mean_distance(examples, examples, skip_itself=True)
        return cls(examples, np.sort(distances), refused)

    @property
    def threshold(self) -> float:
        """Distance from which on an image is none of the classes."""
        return float(np.quantile(self.usual, 1 - self.refused, method="higher"))

    def add_none(self, probabilities: Doubles, features: Floats) -> Doubles:
        """Add the probability of none of these as the last column.

        Parameters
        ----------
        probabilities
            Of the classes, shape (images, classes).
        features
            Of the same images, shape (images, features).

        Returns
        -------
        numpy.ndarray
            Shape (images, classes + 1), rows sum to one. Beyond `threshold` the last column is the
            share of known images that lie nearer, else it is 0.
        """
        distances = mean_distance(features, self.examples)
        nearer = np.searchsorted(self.usual, distances, side="left") / max(1, len(self.usual))
        none = np.where(distances > self.threshold, np.maximum(nearer, 0.5 + 1e-6), 0.0)[:, None]
        return np.hstack([probabilities * (1 - none), none])


def mean_distance(features: Floats, examples: Floats, *, skip_itself: bool = False) -> Doubles:
    """Return the mean distance of each image to its nearest `NEIGHBOURS` examples.

    Parameters
    ----------
    features, examples
        Shape (images, features) and (examples, features).
    skip_itself
        Whether the images are the examples, each of which is not its own neighbour.

    Returns
    -------
    numpy.ndarray
        Shape (images,).
    """
    from sklearn.neighbors import NearestNeighbors

    own = int(skip_itself)
    count = min(NEIGHBOURS + own, len(examples))
    if not len(features) or count <= own:
        return np.zeros(len(features))
    found, _ = NearestNeighbors(n_neighbors=count).fit(examples).kneighbors(features)
    return np.asarray(found[:, own:].mean(axis=1), np.float64)
