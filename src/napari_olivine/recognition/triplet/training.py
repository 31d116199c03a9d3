"""Steps of the optimiser on random crops, as many of each class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import stoppable
from napari_olivine.recognition.learning import warm_cosine
from napari_olivine.recognition.triplet.crop_source import Pixels, draw_crops
from napari_olivine.recognition.triplet.embedding import EmbeddingNetwork
from napari_olivine.recognition.triplet.settings import CropSettings

WARM_UP = 30
"""Steps in which the learning rate rises; it falls along a cosine afterwards."""

Loss = Callable[[Tensor, Tensor, float], Tensor]


def train_on_crops(
    network: EmbeddingNetwork,
    images: Sequence[Pixels],
    targets: NDArray[np.intp],
    settings: CropSettings,
    loss: Loss,
    job: Job,
    further: Iterable[nn.Parameter] = (),
) -> list[float]:
    """Train a network on random crops of images.

    Parameters
    ----------
    network
        The network, on the device where it is to learn.
    images
        Training images.
    targets
        Class of each.
    settings
        Steps, crops, learning rate, augmentation.
    loss
        Gives the loss from the outputs and classes of a batch, and the part of the training that
        is done.
    job
        Running job: seed, progress, cancel.
    further
        Weights beside the network's that learn, too.

    Returns
    -------
    list of float
        Loss of each step.

    Raises
    ------
    InputError
        If the learning rate is so high that the loss is no longer a number.
    """
    device = next(network.parameters()).device
    random = np.random.default_rng(job.seed)
    of_class = [np.flatnonzero(targets == place) for place in np.unique(targets)]
    batch_targets = torch.tensor(
        [targets[places[0]] for places in of_class for _ in range(settings.crops_per_class)],
        device=device,
    )
    optimiser = torch.optim.AdamW(
        [*network.parameters(), *further], settings.learning_rate, weight_decay=1e-2
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: warm_cosine(step, settings.steps, WARM_UP)
    )
    network.train()
    losses = []
    with stoppable(network, job):
        for step in range(settings.steps):
            chosen = [place for places in of_class
                      for place in random.choice(places, settings.crops_per_class)]  # fmt: skip
            crops = draw_crops(random, [images[place] for place in chosen], settings)
            found = network(crops.images.to(device), crops.log_resolutions.to(device))
            value = loss(found, batch_targets, step / settings.steps)
            losses.append(float(value.detach()))
            if not np.isfinite(losses[-1]):
                raise InputError(
                    f"The loss is no longer a number at step {step + 1}.",
                    remedy="Lower {setting:learning_rate}.",
                    setting="learning_rate",
                )
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            job.progress(step + 1, settings.steps, f"Learning, loss {losses[-1]:.3f}")
    network.eval()
    return losses
