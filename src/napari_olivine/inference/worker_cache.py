"""A section and its networks, kept loaded in a process from one piece of work to the next."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from napari_olivine.inference.plan import Plan
from napari_olivine.inference.predictor import Predictor, batch_size, make_predictor
from napari_olivine.job import Job
from napari_olivine.networks import claim_gpu
from napari_olivine.section import Section


class LoadedPlan:
    """A plan with its section opened and its networks loaded.

    Parameters
    ----------
    plan
        What is to be predicted.

    Attributes
    ----------
    job
        Job of the networks: their user puts its own cancel and listener into it.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.job = Job(device=own_device(plan.device), memory_bytes=plan.memory_bytes)
        self._section = Section(plan.section)
        self.image = self._section.raster("images", "BSE")
        self.tiles = self._section.tiles()
        self.batch = batch_size(plan.settings, self.job)

    @cached_property
    def predictors(self) -> dict[str, Predictor]:
        """Predictor of each probability, by its name; loaded when first used."""
        plan, shape = self.plan, (self.batch, *self.plan.grid.window)
        return {
            name: make_predictor(self._section, models, shape, plan.settings, self.job)
            for name, models in plan.models.items()
        }


@contextmanager
def loaded(plan: Plan, job: Job | None = None) -> Iterator[LoadedPlan]:
    """Give the section and networks of a plan, to one thread at a time.

    A network uses every core, or the whole graphics card, by itself; two at once would only need
    more memory. On a dask worker it uses as many cores as the worker has threads.

    Parameters
    ----------
    plan
        What is to be predicted; the networks of another plan are let go.
    job
        Its cancel and its listener are the networks' meanwhile.

    Yields
    ------
    LoadedPlan
        Kept until another plan comes.
    """
    plan, job = plan.network_part, job or Job()
    threads, worker = torch.get_num_threads(), this_worker()
    with _LOCK:
        if worker is not None:
            torch.set_num_threads(worker.state.nthreads)
        try:
            if not _CACHE or _CACHE[0].plan != plan:
                _CACHE.clear()  # before the next networks need memory
                _CACHE.append(LoadedPlan(plan))
            _CACHE[0].job.cancel, _CACHE[0].job.listen = job.cancel, job.listen
            yield _CACHE[0]
        finally:
            torch.set_num_threads(threads)


_LOCK = Lock()
_CACHE: list[LoadedPlan] = []
"""One at most."""


def this_worker() -> Any | None:
    """Return the dask worker that this thread works for, `None` outside of one."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None


def own_device(device: str) -> str:
    """Choose a card of its own for a dask worker on a machine with several.

    A worker whose ``CUDA_VISIBLE_DEVICES`` names one card has no choice. Any other takes the
    first of those that it sees which no other worker of this machine has taken.
    """
    several = device in ("auto", "cuda") and torch.cuda.device_count() > 1
    if not several or this_worker() is None:
        return device
    cards = [
        str(torch.cuda.get_device_properties(k).uuid) for k in range(torch.cuda.device_count())
    ]
    return f"cuda:{claim_gpu(cards, Path(tempfile.gettempdir()))}"
