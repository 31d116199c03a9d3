"""The triplet loss of Larmuseau et al. 2021, and which triplets of a batch count."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Mining = Literal["violating", "semi-hard"]


def triplet_loss(
    descriptors: Tensor, classes: Tensor, margin: float, mining: Mining = "violating"
) -> Tensor:
    """Return the mean triplet loss of those triplets of a batch whose loss is not zero.

    Of crops a, p of one class and n of another the loss is
    ``max(0, |f(a) - f(p)| - |f(a) - f(n)| + margin)``, with the Euclidean norm (not squared):
    eq. 1 of Larmuseau et al. 2021, doi 10.1016/j.scriptamat.2020.10.026. The paper does not say
    which triplets it takes. ``"semi-hard"``: those whose negative lies further than the positive
    (Schroff et al. 2015, doi 10.1109/CVPR.2015.7298682). ``"violating"``: all of a loss above 0, so
    that classes that lie on each other part, too (Hermans et al. 2017, arXiv 1703.07737).

    Parameters
    ----------
    descriptors
        Shape (crops, dimensions).
    classes
        Class of each crop, shape (crops,).
    margin
        Distance that classes should have, alpha.
    mining
        Which triplets count.

    Returns
    -------
    torch.Tensor
        A number; 0 where no triplet counts.
    """
    distances = distance_matrix(descriptors)
    same = classes[:, None] == classes[None, :]
    itself = torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    anchors, positives = (same & ~itself).nonzero(as_tuple=True)
    to_positive, to_negative = distances[anchors, positives][:, None], distances[anchors]
    losses = to_positive - to_negative + margin
    counted = ~same[anchors] & (losses > 0)
    if mining == "semi-hard":
        counted &= to_negative > to_positive
    return losses[counted].sum() / counted.sum().clamp_min(1)


def distance_matrix(descriptors: Tensor) -> Tensor:
    """Return the Euclidean distances of all pairs, whose gradient is finite at 0 too."""
    difference = descriptors[:, None] - descriptors[None, :]
    return (difference.square().sum(-1) + 1e-12).sqrt()
