"""Exponential moving average (EMA) of a network's weights, steadier than those of one step."""

from __future__ import annotations

import copy

import torch

from napari_olivine.networks import Network


class ExponentialMovingAverage:
    """Exponential average of a network's weights and batch statistics over the steps.

    Parameters
    ----------
    network
        Network in training.
    keep
        Part of the average that each step keeps, 0 to 1. The first steps keep less, so that the
        random weights that training began with are soon forgotten.
    """

    def __init__(self, network: Network, keep: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._keep = keep

    @torch.no_grad()
    def update(self, network: Network, step: int) -> None:
        """Take in the weights after a step (counted from 1)."""
        keep = min(self._keep, step / (step + 9))
        new = network.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(new[name], 1 - keep)
            else:
                value.copy_(new[name])
