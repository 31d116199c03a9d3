"""A piece of a section's probabilities, predicted and written on a dask worker."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_olivine.errors import Cancelled, InputError, OlivineError, SectionError
from napari_olivine.inference.cell_store import FinishedCells, Histogram, to_pairs
from napari_olivine.inference.local_runner import LocalRunner, Target
from napari_olivine.inference.plan import Plan
from napari_olivine.inference.windows import Place
from napari_olivine.inference.worker_cache import loaded, this_worker
from napari_olivine.job import Event, Job
from napari_olivine.section import RECIPE, Raster, image_name

PACKAGE = "napari-olivine"

KEPT = "What is finished is kept; run the same command again to go on."

REPORTED = ("cell", "engines", "warning")
"""Events of a piece that travel to the command."""

Piece = Mapping[str, list[Place]]
"""Cells to be predicted, by the name of the probability."""


@dataclass(frozen=True)
class Run:
    """One run of the step, the same for all its pieces.

    Parameters
    ----------
    name
        Unlike any other run's; the topic of the workers' events.
    version
        Version of the package where the run was started.
    plan
        Section, models and windows.
    folders
        By the name of each probability: folder of its draft.
    """

    name: str
    version: str
    plan: Plan
    folders: Mapping[str, Path]


async def file_problem(mark: Path, seconds: float, folders: Sequence[Path]) -> str:
    """Say what a worker does not see of a section and its models; empty if it sees all.

    Parameters
    ----------
    mark
        File that was just written into the section.
    seconds
        How long it is looked for.
    folders
        Folders of models.

    Returns
    -------
    str
        The end of a sentence about the worker.
    """
    deadline = time.monotonic() + seconds
    while not can_be_read(mark):
        if time.monotonic() > deadline:
            return f"does not see {mark.parent.parent}, which must be on a disk that all share"
        await asyncio.sleep(0.2)
    if not os.access(mark.parent, os.W_OK):
        return f"may not write into {mark.parent.parent}"
    missing = [folder for folder in folders if not folder.is_dir()]
    return f"does not see the model {missing[0]}" if missing else ""


def can_be_read(file: Path) -> bool:
    """Tell whether a file is there and this process may read it."""
    try:
        return bool(file.read_bytes())
    except OSError:
        return False


def predict_piece(run: Run, piece: Piece) -> None:
    """Predict some neighbouring cells and write them into the drafts.

    A cell is one file, so no two pieces write the same. Each cell is reported as soon as it is on
    disk, as an event under the run's name.

    Parameters
    ----------
    run
        What is made.
    piece
        Cells to be predicted.

    Raises
    ------
    InputError, SectionError
        With the worker's name; what was finished is on disk.
    """
    worker = this_worker()
    who = f"Worker {worker.name} ({worker.address})" if worker is not None else "A worker"

    def report(event: Event) -> None:
        if worker is not None and event["event"] in REPORTED:
            worker.log_event(run.name, event)

    try:
        if (here := version(PACKAGE)) != run.version:
            raise InputError(f"it has {PACKAGE} {here}, but {run.version} was expected.")
        cancel = threading.Event() if worker is None else _Withdrawn(worker)
        _predict(run, piece, Job(cancel=cancel, listen=report))
    except Cancelled:
        raise
    except OlivineError as error:
        remedy = f"{error.remedy} {KEPT}".strip()
        raise type(error)(f"{who}: {error.text}", remedy=remedy, **vars(error.facts)) from error
    except Exception as error:  # whatever it is, its message says where it happened
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        text = f"{who} failed ({type(error).__name__}: {error})."
        raise InputError(text, remedy=KEPT) from error


class _Withdrawn(threading.Event):
    """Set once the scheduler has withdrawn the running task: its command was stopped, or died."""

    def __init__(self, worker: Any) -> None:
        super().__init__()
        self._tasks, self._key = worker.state.tasks, worker.get_current_task()

    def is_set(self) -> bool:
        task = self._tasks.get(self._key)
        return task is None or task.state == "cancelled"


class _ReportedCells(FinishedCells):
    """Finished cells of one probability that are reported one by one."""

    def __init__(self, name: str, done: Iterable[Place], job: Job) -> None:
        super().__init__(done)
        self._name, self._job = name, job

    def note(self, cell: Place, counts: Histogram) -> None:
        super().note(cell, counts)
        self._job.report("cell", product=self._name, cell=cell, counts=to_pairs(counts))


def _predict(run: Run, piece: Piece, job: Job) -> None:
    plan = run.plan
    with loaded(plan, job) as here:
        targets = []
        for name, cells in piece.items():
            guard = make_guard(run.folders[name], plan.recipes[name].fingerprint)
            guard()
            classes = plan.models[name][0].classes
            rasters = [Raster(run.folders[name] / image_name(mineral)) for mineral in classes]
            done = _ReportedCells(name, set(plan.grid.cells()).difference(cells), job)
            targets.append(Target(name, here.predictors[name], rasters, done, guard))
        LocalRunner(here.image, here.tiles, plan.grid, targets, here.batch, False, here.job).run()
        for target in targets:
            job.report("engines", product=target.name, engines=" + ".join(target.predictor.engines))


def make_guard(draft: Path, recipe: str) -> Callable[[], None]:
    """Forbid to write into a draft that was finished or thrown away meanwhile.

    A worker that its scheduler has lost goes on until its piece is done.

    Parameters
    ----------
    draft
        Folder of the draft.
    recipe
        Fingerprint of its recipe.
    """

    def check() -> None:
        try:
            same = (draft / RECIPE).read_text() == recipe
        except OSError:
            same = False
        if not same:
            raise SectionError(f"{draft} is not there, or another run has replaced it.", file=draft)

    return check
