"""A section and its networks, kept ready in a process from one piece of work to the next."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import filelock
import torch

from napari_olivine.inference.models import Chosen
from napari_olivine.inference.predictor import Predictor, make_predictor
from napari_olivine.inference.probability import default_batch, recipe_of
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.windows import make_grid
from napari_olivine.job import Job
from napari_olivine.networks import read_card
from napari_olivine.section import Section


@dataclass(frozen=True)
class Work:
    """What a process needs to know to predict cells of a section: small, and the same everywhere.

    Parameters
    ----------
    section
        Folder of the section, as every process sees it.
    models
        Folders of the models, whose mean is taken, of each probability.
    recipes
        Fingerprint of the recipe of each probability: work on other grey or another model is
        other work.
    settings
        Windows and engine, as JSON.
    window_px
        Side of a window.
    device, memory_bytes
        Of the job.
    """

    section: Path
    models: tuple[tuple[Path, ...], ...]
    recipes: tuple[str, ...]
    settings: str
    window_px: int
    device: str
    memory_bytes: int


def make_work(
    section: Section,
    models: Sequence[Sequence[Chosen]],
    settings: SegmentSettings,
    window: int,
    job: Job,
) -> Work:
    """Describe the work of making some probabilities, each the mean of some models."""
    # Neither decides on a probability: with another one the network stays loaded.
    plain = settings.model_copy(update={"threshold": 0.1, "scheduler": "", "live": False})
    return Work(
        section=section.path,
        models=tuple(tuple(one.folder for one in each) for each in models),
        recipes=tuple(recipe_of(section, each, window, settings).fingerprint for each in models),
        settings=plain.model_dump_json(),
        window_px=window,
        device=job.device,
        memory_bytes=job.memory_bytes,
    )


class AtHand:
    """A section and networks that stay in a process.

    Attributes
    ----------
    job
        Of the networks: whoever uses them puts its own cancel and listener into it.
    predictors
        One a probability.
    """

    def __init__(self, work: Work) -> None:
        self.section = section = Section(work.section)
        self.settings = SegmentSettings.model_validate_json(work.settings)
        self.job = Job(device=own_device(work.device), memory_bytes=work.memory_bytes)
        self.grid = make_grid(
            section.shape, work.window_px, self.settings.overlap_px, self.settings.blend
        )
        self.image = section.raster("images", "BSE")
        self.tiles = section.tiles()
        self.batch = self.settings.batch or default_batch(self.job)
        self.models = [
            [Chosen("", folder, read_card(folder)) for folder in folders] for folders in work.models
        ]
        self._predictors: list[Predictor] = []

    @property
    def predictors(self) -> list[Predictor]:
        """What predicts each probability; loaded when first asked for."""
        if not self._predictors:
            shape = (self.batch, *self.grid.window)
            self._predictors = [
                make_predictor(self.section, models, shape, self.settings, self.job)
                for models in self.models
            ]
        return self._predictors


@contextmanager
def at_hand(work: Work, job: Job | None = None) -> Iterator[AtHand]:
    """Get what a piece of work needs, and have it alone meanwhile.

    A network uses every core, or the whole card, by itself; two at once would only need more
    memory. On a dask worker it uses as many cores as the worker has threads.

    Parameters
    ----------
    work
        What is to be done; what is at hand for other work is let go.
    job
        Its cancel and its listener are the networks' meanwhile.
    """
    job = job or Job()
    threads, worker = torch.get_num_threads(), this_worker()
    with _ONE_AT_A_TIME:
        if worker is not None:
            torch.set_num_threads(worker.state.nthreads)
        try:
            if work not in _KEPT:
                _KEPT.clear()
                _KEPT[work] = AtHand(work)
            here = _KEPT[work]
            here.job.cancel, here.job.listen = job.cancel, job.listen
            yield here
        finally:
            torch.set_num_threads(threads)


_ONE_AT_A_TIME = Lock()
_KEPT: dict[Work, AtHand] = {}


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

    Parameters
    ----------
    device
        Of the job.
    """
    several = device in ("auto", "cuda") and torch.cuda.device_count() > 1
    if not several or this_worker() is None:
        return device
    cards = [
        str(torch.cuda.get_device_properties(k).uuid) for k in range(torch.cuda.device_count())
    ]
    return f"cuda:{claim_gpu(cards, Path(tempfile.gettempdir()))}"


def claim_gpu(cards: Sequence[str], folder: Path) -> int:
    """Take the first card that no other process has taken, until this process ends.

    Parameters
    ----------
    cards
        Their unique names.
    folder
        Where locks are kept, the same for all processes of a machine.

    Returns
    -------
    int
        Number of the card; with more processes than cards some share one.
    """
    for number, card in enumerate(cards):
        if card in _CARDS:
            return number
        lock = filelock.FileLock(folder / f"napari-olivine-{_user()}-{card}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            continue
        _CARDS[card] = lock
        return number
    return os.getpid() % len(cards)


_CARDS: dict[str, filelock.FileLock] = {}
"""Locks of the cards that this process has taken; the system frees them when it ends."""


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
