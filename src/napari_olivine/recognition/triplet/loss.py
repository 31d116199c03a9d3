"""The triplet loss of Larmuseau et al. 2021, with semi-hard negatives."""

from __future__ import annotations

import torch
from torch import Tensor


def triplet_loss(descriptors: Tensor, classes: Tensor, margin: float) -> Tensor:
    """Return the mean triplet loss of a batch.

    For every pair (a, p) of one class with a negative n of another,
    ``max(0, |f(a) - f(p)| - |f(a) - f(n)| + margin)``, with the Euclidean norm (not squared):
    eq. 1 of Larmuseau et al. 2021, doi 10.1016/j.scriptamat.2020.10.026. The negative is
    semi-hard (Schroff et al. 2015, doi 10.1109/CVPR.2015.7298682): the nearest that lies
    further than the positive, and the furthest where none does.

    Parameters
    ----------
    descriptors
        Shape (crops, dimensions).
    classes
        Class of each crop, shape (crops,); negative for crops of no class, which are no anchor
        and no positive but serve as negatives of all.
    margin
        Distance that classes should have, alpha.

    Returns
    -------
    torch.Tensor
        A number; 0 where no class has two crops.
    """
    distances = distance_matrix(descriptors)
    same = classes[:, None] == classes[None, :]
    known = (classes >= 0)[:, None]
    pairs = same & known & ~torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    anchors, positives = pairs.nonzero(as_tuple=True)
    if not len(anchors):
        return descriptors.sum() * 0.0
    to_positive = distances[anchors, positives]
    to_others = distances[anchors]
    negative = ~same[anchors]
    infinite = torch.inf
    further = negative & (to_others > to_positive[:, None])
    nearest_further = to_others.masked_fill(~further, infinite).amin(1)
    furthest = to_others.masked_fill(~negative, -infinite).amax(1)
    to_negative = torch.where(further.any(1), nearest_further, furthest)
    has_negative = negative.any(1)
    losses = (to_positive - to_negative + margin)[has_negative].clamp_min(0)
    return losses.mean() if len(losses) else descriptors.sum() * 0.0


def distance_matrix(descriptors: Tensor) -> Tensor:
    """Return the Euclidean distances of all pairs, whose gradient is finite at 0 too."""
    difference = descriptors[:, None] - descriptors[None, :]
    return (difference.square().sum(-1) + 1e-12).sqrt()
