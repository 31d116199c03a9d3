"""An NVIDIA graphics card as an engine: copies and computing overlap, windows leave as bytes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_olivine.inference.engines.engine import EngineName, FloatImage, Promise
from napari_olivine.inference.engines.optimize import optimize_network
from napari_olivine.inference.engines.torch_engine import encode_probability
from napari_olivine.job import Job

SLOTS = 2
"""Batches under way: one is computed while the next is copied in and the last one out."""


class CudaEngine:
    """A network on a graphics card, captured as a graph for each size of batch.

    Replaying a captured graph costs one launch instead of one a layer. Input goes through pinned
    memory on a stream of its own; the output is turned into bytes on the card, so that a
    quarter of it travels.

    Parameters
    ----------
    network
        Network in evaluation mode; stays as it is.
    device
        The card.
    precision
        ``torch.bfloat16`` or ``torch.float16``.
    job
        Its cancel is looked at before each batch.
    """

    name: EngineName = "cuda"

    def __init__(
        self, network: nn.Module, device: torch.device, precision: torch.dtype, job: Job
    ) -> None:
        self._device, self._precision, self._job = device, precision, job
        rewritten = optimize_network(network, eager=False)
        self._network = rewritten.to(device, precision, memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.backends.cudnn.benchmark = True
        self._slots: dict[tuple[int, ...], list[_BatchSlot]] = {}
        self._turn = 0

    def start(self, images: FloatImage) -> Promise:
        """Begin to predict; see `Engine.start`."""
        self._job.check()
        with torch.cuda.device(self._device):
            slots = self._slots_for(images.shape)
            self._turn = (self._turn + 1) % SLOTS
            return slots[self._turn].start(images)

    def _slots_for(self, shape: tuple[int, ...]) -> list[_BatchSlot]:
        """Return slots of windows of this size; a batch of fewer goes through one for more."""
        fitting = [other for other in self._slots if other[1:] == shape[1:] and other >= shape]
        if not fitting:
            # Of the smaller batches, each has kept memory of its own.
            for other in [other for other in self._slots if other[1:] == shape[1:]]:
                del self._slots[other]
            self._slots[shape] = [
                _BatchSlot(self._network, shape, self._device, self._precision)
                for _ in range(SLOTS)
            ]
            return self._slots[shape]
        return self._slots[min(fitting)]


class _BatchSlot:
    """Buffers, stream and captured graph of one batch under way."""

    def __init__(
        self,
        network: nn.Module,
        shape: tuple[int, ...],
        device: torch.device,
        precision: torch.dtype,
    ) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._there = torch.empty(shape, pin_memory=True)
        self._input = torch.zeros(shape, device=device)
        self._done: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._unread: Promise | None = None

        def predict() -> Tensor:
            batch = self._input.to(precision, memory_format=torch.channels_last)
            return encode_probability(network(batch))

        with torch.inference_mode(), torch.cuda.stream(self._stream):
            for _ in range(3):  # kernels are chosen in the first passes
                predict()
            self._stream.synchronize()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=self._stream):
                self._output = predict()
        self._back = torch.empty(self._output.shape, dtype=torch.uint8, pin_memory=True)

    def start(self, images: FloatImage) -> Promise:
        if self._unread is not None:
            self._unread()  # its buffers are needed again
        count = len(images)
        self._there[:count].copy_(torch.from_numpy(images))
        with torch.cuda.stream(self._stream):
            self._input.copy_(self._there, non_blocking=True)
            self._graph.replay()
            self._back.copy_(self._output, non_blocking=True)
            self._done.record()

        result: list[NDArray[np.uint8]] = []

        def wait() -> NDArray[np.uint8]:
            if not result:
                self._unread = None
                self._done.synchronize()
                result.append(cast(NDArray[np.uint8], self._back[:count].numpy().copy()))
            return result[0]

        self._unread = wait
        return wait
