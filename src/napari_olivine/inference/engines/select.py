"""The fastest engine that this machine has and that agrees with float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_olivine.errors import first_line
from napari_olivine.inference import FULL
from napari_olivine.inference.engines.cuda_engine import CudaEngine
from napari_olivine.inference.engines.engine import (
    Engine,
    EngineError,
    EngineName,
    FloatImage,
)
from napari_olivine.inference.engines.openvino_engine import OpenVinoEngine, is_installed
from napari_olivine.inference.engines.torch_engine import TorchEngine, encode_probability
from napari_olivine.job import Job
from napari_olivine.networks import Network, choose_device, has_fast_bfloat16

MOST_DIFFERENCE = 0.005
"""Mean difference of probability from float32 that an engine may have."""

LEAST_IOU = 0.98
"""Of the masks at the thresholds below, against float32."""

THRESHOLDS = (0.1, 0.5)

WORTH_COMPARING = 1000
"""Pixels above a threshold from which its masks are compared: a few are a matter of rounding."""

Make = Callable[[], Engine]

FAILURES = (
    EngineError,
    RuntimeError,  # torch and OpenVINO; out of memory on a graphics card
    MemoryError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ImportError,  # a library that is there, but damaged or of another version
    OSError,
)
"""What may go wrong while an engine is made and tried: never a reason not to segment."""


@dataclass(frozen=True)
class Agreement:
    """How well an engine agrees with float32.

    Parameters
    ----------
    difference
        Mean absolute difference of probability.
    iou
        Of the masks at each threshold that has enough pixels.
    """

    difference: float
    iou: dict[float, float]

    @property
    def enough(self) -> bool:
        """Whether the engine may be used."""
        return self.difference < MOST_DIFFERENCE and all(v >= LEAST_IOU for v in self.iou.values())

    def __str__(self) -> str:
        masks = ", ".join(f"{iou:.3f} at {threshold:g}" for threshold, iou in self.iou.items())
        return f"{self.difference:.4f} in the mean" + (f" (IoU {masks})" if masks else "")


def choose_engine(
    network: nn.Module,
    sample: FloatImage,
    shape: tuple[int, ...],
    wanted: Literal["auto"] | EngineName,
    job: Job,
    *,
    quick: bool = False,
) -> Engine:
    """Take the fastest engine that works here; the log says why the others were not.

    Parameters
    ----------
    network
        In evaluation mode, on the processor, float32.
    sample
        Windows (windows, channels, rows, columns) of the section, on which engines are checked.
    shape
        Of the batches to come.
    wanted
        Engine to take; it, too, gives way to float32 if it does not work.
    job
        Its device is used; its log says why an engine was not taken.
    quick
        Whether somebody waits for the first window: engines that take seconds to compile are
        left out, unless one is wanted.

    Returns
    -------
    Engine
        Float32 on the processor where no faster one agrees.
    """
    reference = _float32(network, sample)
    for name, make in _candidates(network, shape, wanted, quick, job):
        try:
            engine = make()
            agreement = measure_agreement(engine.start(sample)(), reference)
        except FAILURES as error:
            job.warn(f"Engine {name} does not work here ({first_line(error)}); taking another.")
            continue
        if agreement.enough:
            return engine
        job.warn(f"Engine {name} is off from float32 by {agreement}; taking another.")
    return plain_engine(network, job)


def plain_engine(network: nn.Module, job: Job) -> Engine:
    """Return the engine that always works: float32 on the processor, the network as it comes."""
    cpu = torch.device("cpu")
    return TorchEngine("float32", network, cpu, torch.float32, job, as_it_comes=True)


def measure_agreement(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> Agreement:
    """Compare stored probabilities."""
    difference = float(np.abs(found.astype(np.int16) - expected).mean()) / FULL
    iou = {}
    for threshold in THRESHOLDS:
        one, other = found >= threshold * FULL, expected >= threshold * FULL
        either = int((one | other).sum())
        if either >= WORTH_COMPARING:
            iou[threshold] = float((one & other).sum()) / either
    return Agreement(difference, iou)


def _candidates(
    network: nn.Module, shape: tuple[int, ...], wanted: str, quick: bool, job: Job
) -> Iterator[tuple[EngineName, Make]]:
    device = choose_device(job.device)
    fast = has_fast_bfloat16(torch.device("cpu"))
    cpu = torch.device("cpu")
    card = device if device.type == "cuda" else torch.device("cuda")
    makers: dict[EngineName, Make] = {
        "cuda": partial(CudaEngine, network, card, _gpu_precision(), job),
        "mps": partial(TorchEngine, "mps", network, torch.device("mps"), torch.float16, job),
        "openvino": partial(OpenVinoEngine, network, shape, fast, torch.get_num_threads(), job),
        "bfloat16": partial(TorchEngine, "bfloat16", network, cpu, torch.bfloat16, job),
        "float32": partial(TorchEngine, "float32", network, cpu, torch.float32, job),
    }
    if wanted != "auto":
        yield wanted, makers[wanted]  # type: ignore[index,misc]
        return
    if device.type == "cuda":
        yield "cuda", partial(CudaEngine, network, device, _gpu_precision(), job)
    if device.type == "mps":
        yield "mps", makers["mps"]
    if isinstance(network, Network) and network.is_forest:
        yield "float32", makers["float32"]
        return
    if is_installed() and not quick:
        yield "openvino", makers["openvino"]
    if fast:
        yield "bfloat16", makers["bfloat16"]
    yield "float32", makers["float32"]


def _gpu_precision() -> torch.dtype:
    return torch.bfloat16 if has_fast_bfloat16(torch.device("cuda")) else torch.float16


def _float32(network: nn.Module, sample: FloatImage) -> NDArray[np.uint8]:
    """Predict with the network as it comes, without anything of ours."""
    with torch.inference_mode():
        stored: NDArray[np.uint8] = encode_probability(network(torch.from_numpy(sample))).numpy()
    return stored
