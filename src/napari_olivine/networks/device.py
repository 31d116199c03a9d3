"""Where and how a network runs: device, precision, and a way to stop within a forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from napari_olivine.errors import InputError
from napari_olivine.job import Job


def choose_device(name: str) -> torch.device:
    """Turn the job's device into torch's.

    Parameters
    ----------
    name
        ``"auto"`` (a GPU if there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Raises
    ------
    InputError
        If there is no such device here.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(
            f"The device {name!r} is none of auto, cpu, cuda, mps.", setting="device"
        ) from error
    if not {"cpu": True, "cuda": cuda, "mps": mps}.get(device.type, False):
        raise InputError(
            f"There is no device {name!r} here.",
            remedy="Give {setting:device} as cpu or auto.",
            setting="device",
        )
    return device


def autocast(device: torch.device) -> torch.autocast:
    """Let the network compute in bfloat16 where the hardware does so faster than in float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device))


def has_fast_bfloat16(device: torch.device) -> bool:
    """Tell whether the device multiplies bfloat16 in hardware.

    Processors without such instructions emulate them at a fraction of float32's speed.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    checks = [getattr(torch.cpu, name, None) for name in names]
    return any(bool(check()) for check in checks if check is not None)


@contextmanager
def stoppable(network: nn.Module, job: Job) -> Iterator[None]:
    """Check before each layer whether the person asked to stop.

    One forward pass of a large network over a large window takes several seconds on a CPU.
    """
    layers = [module for module in network.modules() if not list(module.children())]
    hooks = [layer.register_forward_pre_hook(lambda *_: job.check()) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of torch or numpy says that there is not enough memory.

    Only graphics cards of Nvidia have a class of their own for it; a CPU and Apple's have a text.
    """
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in NO_MEMORY)


NO_MEMORY = (
    "can't allocate memory",  # a CPU, Linux and macOS
    "not enough memory",  # a CPU, Windows
    "out of memory",  # Apple
    "ALLOC_FAILED",  # cuBLAS and cuDNN
)


def free_unused(device: torch.device) -> None:
    """Give memory of a graphics card back that torch keeps and nothing uses."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
