"""PyTorch as an engine: processors, CUDA and Apple's graphics."""

from __future__ import annotations

from copy import deepcopy
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_olivine.inference import FULL
from napari_olivine.inference.engines.engine import EngineName, FloatImage, Promise
from napari_olivine.inference.engines.optimize import optimize_network
from napari_olivine.job import Job
from napari_olivine.networks import stoppable


class TorchEngine:
    """A network on a processor or on Apple's graphics.

    Its weights are kept in the precision that it computes in (nothing is cast from layer to
    layer), channels last, and the network is rewritten (`optimize_network`).

    Parameters
    ----------
    name
        What it is called.
    network
        Network in evaluation mode; stays as it is.
    device
        Where it runs.
    precision
        Type of weights and of everything between the layers.
    job
        Its cancel is looked at before each layer.
    as_it_comes
        Whether the network is left as it is, in case the rewritten one does not work.
    """

    def __init__(
        self,
        name: EngineName,
        network: nn.Module,
        device: torch.device,
        precision: torch.dtype,
        job: Job,
        *,
        as_it_comes: bool = False,
    ) -> None:
        self.name = name
        self._device, self._precision, self._job = device, precision, job
        copy = (
            deepcopy(network)
            if as_it_comes
            else optimize_network(network, eager=device.type == "cpu")
        )
        self._network = copy.to(device, precision, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def start(self, images: FloatImage) -> Promise:
        """Begin to predict; see `Engine.start`."""
        return lambda: self._predict(images)

    def _predict(self, images: FloatImage) -> NDArray[np.uint8]:
        batch = torch.from_numpy(images).to(
            self._device, self._precision, memory_format=torch.channels_last
        )
        with torch.inference_mode(), stoppable(self._network, self._job):
            stored = encode_probability(self._network(batch))
        return cast(NDArray[np.uint8], stored.cpu().numpy())


def encode_probability(logits: Tensor) -> Tensor:
    """Turn logits (windows, classes, rows, columns) into probabilities of 0 to 255."""
    logits = logits.float()
    probability = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)
    return probability.mul_(FULL).round_().to(torch.uint8)
