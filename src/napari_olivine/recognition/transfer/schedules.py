"""How all of a network learns: the published schedule, and ours."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from napari_olivine.recognition.learning import warm_cosine


@dataclass(frozen=True)
class Schedule:
    """An optimiser and its learning rate.

    Parameters
    ----------
    optimiser
        ``"sgd"`` with momentum 0.9, or ``"adamw"``.
    learning_rate
        At its highest.
    warm_up
        Steps in which it rises; a cosine follows.
    """

    optimiser: str
    learning_rate: float
    warm_up: int

    def start(
        self, network: nn.Module, steps: int
    ) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """Make the optimiser of a network, and what changes its learning rate each step."""
        optimiser: torch.optim.Optimizer
        if self.optimiser == "sgd":
            optimiser = torch.optim.SGD(network.parameters(), self.learning_rate, momentum=0.9)
        else:
            optimiser = torch.optim.AdamW(
                network.parameters(), self.learning_rate, weight_decay=1e-2
            )
        factor = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: warm_cosine(step, steps, self.warm_up)
        )
        return optimiser, factor


PUBLISHED = Schedule("sgd", 3e-2, 500)
"""Cai et al. 2024, doi 10.2138/am-2023-9092; their batch is 16 and gradients are cut at norm 1."""

FINE_TUNING = Schedule("adamw", 1e-4, 20)
FROM_SCRATCH = Schedule("adamw", 1e-3, 30)
"""For weights that have learned nothing before (ours, like the one above)."""

LARGEST_GRADIENT = 1.0
