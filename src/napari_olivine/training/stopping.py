"""A step of training that is stopped half way leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from napari_olivine.errors import Cancelled


@contextmanager
def kept_statistics(network: nn.Module) -> Iterator[None]:
    """Put running statistics back if a step is stopped half way, as if it had never begun."""
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        yield
    except (Cancelled, RuntimeError, MemoryError):
        with torch.no_grad():
            for buffer, value in zip(network.buffers(), before, strict=True):
                buffer.copy_(value)
        raise
