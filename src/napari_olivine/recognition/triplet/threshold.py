"""The threshold under which a descriptor belongs to no class, chosen on held-out images.

The supplement of Larmuseau et al. 2021 that tells their rule is not at hand: this one is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.recognition.triplet.mixture import DescriptorMixture, fit_mixture

Doubles = NDArray[np.float64]

LARGEST_SHARE = 0.9
"""Share of the crops of held-out images above which no threshold is looked for."""

PARTS = 4
"""Parts of the held-out images, each of which is judged by a mixture that the others fit."""


@dataclass(frozen=True)
class ImageDescriptors:
    """Descriptors of the crops of several images.

    Parameters
    ----------
    images
        Shape (crops, dimensions) each.
    targets
        Class of each image.
    """

    images: list[Doubles]
    targets: NDArray[np.intp]

    def select(self, chosen: NDArray[np.bool_]) -> ImageDescriptors:
        """Return some of the images."""
        kept = [one for one, here in zip(self.images, chosen, strict=True) if here]
        return ImageDescriptors(kept, self.targets[chosen])


def mixture_with_threshold(
    learned: ImageDescriptors, held_out: ImageDescriptors, classes: int, refused: float
) -> DescriptorMixture:
    """Fit the mixture, and choose its threshold.

    The crops of training images lie closer together than those of any other image. The mixture is
    therefore fitted to the held-out images as well, which together weigh as much as the training
    images, and each of them is judged by a mixture that does not know it.

    Parameters
    ----------
    learned, held_out
        Training images, and other images of the same classes.
    classes
        Number of classes.
    refused
        Share of the held-out images that may be called none of the classes.

    Returns
    -------
    DescriptorMixture
        Its threshold is the highest at which no more of them are.
    """
    part = _parts(held_out.targets)
    judged = []
    for number in np.unique(part):
        mixture = _fit(learned, held_out.select(part != number), classes)
        for one in held_out.select(part == number).images:
            densities = mixture.probabilities(one)[:, :-1]
            judged.append((mixture.log_likelihood(one), densities))
    likelihoods = np.concatenate([likelihood for likelihood, _ in judged])
    best = -np.inf
    for threshold in np.quantile(likelihoods, np.linspace(0, LARGEST_SHARE, 181)):
        if np.mean([_is_none(*one, threshold) for one in judged]) > refused:
            break
        best = float(threshold)
    return _fit(learned, held_out, classes).with_threshold(best)


def _is_none(likelihood: Doubles, densities: Doubles, threshold: float) -> bool:
    """Tell whether none of the classes has the largest share of the votes of an image's crops."""
    inside = likelihood >= threshold
    return bool((~inside).mean() > (densities * inside[:, None]).mean(0).max())


def _fit(learned: ImageDescriptors, held_out: ImageDescriptors, classes: int) -> DescriptorMixture:
    """Fit a mixture in which training and held-out images weigh the same."""
    repeats = max(1, round(len(learned.images) / max(1, len(held_out.images))))
    images = learned.images + held_out.images * repeats
    targets = np.concatenate([learned.targets, np.tile(held_out.targets, repeats)])
    each = np.repeat(targets, [len(one) for one in images])
    return fit_mixture(np.concatenate(images), each, classes)


def _parts(targets: NDArray[np.intp]) -> NDArray[np.intp]:
    """Divide images into parts that each have as many of every class as can be."""
    part = np.zeros(len(targets), np.intp)
    for place in np.unique(targets):
        here = np.flatnonzero(targets == place)
        part[here] = np.arange(len(here)) % PARTS
    return part
