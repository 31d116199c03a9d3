"""The logit of olivine as the model will give it, with outlines from BSE or from the network."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_olivine.networks import OutlinesFrom, follow_grey, logit_of_phase

LEAST = 1e-4
"""Probability below which a logit is not told apart: filtered ones reach 0 itself."""


def olivine_logit(logits: Tensor, olivine: int, image: Tensor, outlines: OutlinesFrom) -> Tensor:
    """Return the logit of olivine of one image.

    Parameters
    ----------
    logits
        Outputs of the network, shape (1, outputs, rows, columns).
    olivine
        Number of olivine among them.
    image
        Input of the network on the processor, shape (1, channels, rows, columns).
    outlines
        What outlines are taken from.

    Returns
    -------
    Tensor
        Shape (rows, columns), where the logits are.
    """
    logit = logit_of_phase(logits, olivine)[0, 0].float()
    if outlines == "network":
        return logit
    probability = logit.sigmoid()[None].cpu().numpy()
    followed = torch.from_numpy(follow_grey(probability, image[0, 0].numpy())[0])
    return followed.clamp(LEAST, 1 - LEAST).logit().to(logit.device)
