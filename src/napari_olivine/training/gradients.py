"""Gradients of a batch of crops, which goes through the network in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import Network, autocast, stoppable
from napari_olivine.training.adversary import Adversary
from napari_olivine.training.losses import LossShape, bce_dice_loss, phase_loss
from napari_olivine.training.plan import Plan
from napari_olivine.training.stopping import kept_statistics

SMALLEST_PART = 2
"""Crops that go through the network at once: batch normalisation cannot train on one."""

Judged = tuple[Tensor, Tensor, Tensor]
"""Images, logits and labels of a part of a batch."""


class BatchGradients:
    """Works out the gradients of batches.

    Parameters
    ----------
    network
        Network in training.
    plan
        What is trained and how.
    weights
        Weight in the loss of each phase of the plan.
    frozen
        Part of the network that stays as it is, `None` if all of it learns.
    adversary
        What the network learns against, `None` for nothing.
    device
        Where to compute.
    job
        Running job.
    """

    def __init__(
        self,
        network: Network,
        plan: Plan,
        weights: Sequence[float],
        frozen: nn.Module | None,
        adversary: Adversary | None,
        device: torch.device,
        job: Job,
    ) -> None:
        self._network, self._plan, self._frozen = network, plan, frozen
        self._adversary, self._device, self._job = adversary, device, job
        self._phase_weights = torch.tensor(weights, dtype=torch.float32, device=device)

    def work_out(
        self, images: NDArray[Any], labels: NDArray[Any], step: int, together: int
    ) -> tuple[float, list[Judged]]:
        """Leave the gradients of a batch in the network; those of before are forgotten.

        Parameters
        ----------
        images, labels
            See `napari_olivine.training.samples.CropSource.batch`.
        step
            Steps of the training so far.
        together
            Crops that go through the network at once.

        Returns
        -------
        loss
            Of the batch.
        judged
            Images, logits and labels of its parts.

        Raises
        ------
        InputError
            If the learning rate is so high that the loss is no longer a number.
        RuntimeError, MemoryError
            If memory does not suffice; the network is as it was before.
        """
        preset = self._plan.preset
        # Seeded anew in each step (dropout draws numbers), so that no state needs to be kept.
        torch.manual_seed(self._plan.seed * 1_000_003 + step)
        self._network.train()
        if self._frozen is not None:
            self._frozen.eval()  # running statistics stay too
        self._network.zero_grad(set_to_none=True)
        loss, judged = 0.0, []
        parts = list(zip(_split(images, together), _split(labels, together), strict=True))
        with stoppable(self._network, self._job), kept_statistics(self._network):
            for x, y in parts:
                x = x.to(self._device, memory_format=torch.channels_last)
                with autocast(self._device):
                    logits = self._network(x)
                y = y.to(self._device)
                value = self._loss(logits, y)
                if self._adversary is not None:
                    value = value + preset.adversary * self._adversary.fool(x, logits)
                value = value * (len(y) / preset.batch)
                self._job.check()
                if not value.isfinite():
                    raise InputError(
                        f"Training diverged at step {step + 1}.",
                        remedy=f"Set {{setting:learning_rate}} below {preset.learning_rate:g}.",
                        setting="learning_rate",
                    )
                value.backward()  # type: ignore[no-untyped-call]
                loss += value.item()
                judged.append((x, logits.detach(), y))
        return loss, judged

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        preset, by_hand = self._plan.preset, self._plan.correction_weight
        shape = LossShape(preset.entropy, preset.focusing, preset.dice_of, preset.outlines)
        if not self._plan.phases:
            return bce_dice_loss(logits, labels, preset.dice, by_hand, shape)
        return phase_loss(
            *(logits, labels, self._plan.olivine, self._phase_weights, preset.dice, by_hand, shape)
        )


def _split(values: Any, together: int) -> list[Tensor]:
    """Cut a batch into parts of at least `SMALLEST_PART`."""
    count = max(1, len(values) // together)
    return list(torch.from_numpy(values).tensor_split(count))
