"""A piece of a section's probabilities, made and written on a dask worker."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Event as Flag
from typing import Any

from napari_olivine.errors import Cancelled, InputError, OlivineError, SectionError
from napari_olivine.inference.cell_store import Histogram, Tally, to_pairs
from napari_olivine.inference.local_runner import Filling, Target
from napari_olivine.inference.windows import Place
from napari_olivine.inference.worker_cache import Work, at_hand, this_worker
from napari_olivine.job import Event, Job
from napari_olivine.section import RECIPE, Raster

PACKAGE = "napari-olivine"

Pending = Mapping[str, list[Place]]
"""Cells that are to be made, by the name of the probability."""


@dataclass(frozen=True)
class Run:
    """One run of the step, the same for all its pieces.

    Parameters
    ----------
    name
        Unlike any other run's; what workers tell goes under it.
    version
        Of the package, where the run was started.
    work
        Section and models.
    drafts
        By the name of each probability, in the order of `work`: folder that it grows in.
    """

    name: str
    version: str
    work: Work
    drafts: tuple[tuple[str, Path], ...]


def fill_piece(run: Run, pending: Pending) -> dict[str, Any]:
    """Predict some neighbouring cells and write them into the drafts.

    A cell is one file, so no two pieces write the same. Each cell is told as soon as it is on
    disk, under the run's name, and once more with the result.

    Parameters
    ----------
    run
        What is made.
    pending
        Cells to be made.

    Returns
    -------
    dict
        ``"cells"``: by probability a list of cell and histogram (`to_pairs`); ``"engines"``: by
        probability what it was made with.

    Raises
    ------
    InputError, SectionError
        With the worker's name; what was finished is on disk.
    """
    worker = this_worker()
    who = f"Worker {worker.name} ({worker.address})" if worker is not None else "A worker"

    def tell(event: Event) -> None:
        if worker is not None and event["event"] in TOLD:
            worker.log_event(run.name, event)

    try:
        if (here := version(PACKAGE)) != run.version:
            raise InputError(f"it has {PACKAGE} {here}, but {run.version} was expected")
        return _fill(run, pending, Job(cancel=stop_flag(run.name), listen=tell))
    except Cancelled:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise InputError(f"{who} failed ({error}){KEPT}") from error
    except OlivineError as error:
        raise type(error)(f"{who}: {str(error).rstrip('.')}{KEPT}") from error
    except Exception as error:  # whatever it is, the person is told where it happened
        raise InputError(f"{who} failed ({type(error).__name__}: {error}){KEPT}") from error


KEPT = ". What is finished is kept; run the same command again to go on."

TOLD = ("cell", "warning")


def stop_flag(run: str) -> Flag:
    """Return what stops a run in this process when it is set."""
    return _STOPS.setdefault(run, Flag())


_STOPS: dict[str, Flag] = {}


class _Told(Tally):
    """Finished cells that are told one by one."""

    def __init__(self, done: Iterable[Place], tell: Callable[[Place, list[list[int]]], None]):
        super().__init__(done)
        self._tell = tell

    def note(self, cell: Place, counts: Histogram) -> None:
        super().note(cell, counts)
        self._tell(cell, to_pairs(counts))


def _fill(run: Run, pending: Pending, job: Job) -> dict[str, Any]:
    cells: dict[str, list[tuple[Place, list[list[int]]]]] = {name: [] for name in pending}

    def tell(name: str) -> Callable[[Place, list[list[int]]], None]:
        def note(cell: Place, pairs: list[list[int]]) -> None:
            cells[name].append((cell, pairs))
            job.listen({"event": "cell", "name": name, "cell": cell, "counts": pairs})

        return note

    with at_hand(run.work, job) as here:
        targets = []
        engines = {}
        recipes = dict(zip((name for name, _ in run.drafts), run.work.recipes, strict=True))
        kinds = zip(run.drafts, here.models, here.predictors, strict=True)
        for (name, draft), models, predictor in kinds:
            if name in pending:
                others = set(here.grid.cells()).difference(pending[name])
                guard = _guard(draft, recipes[name])
                guard()
                rasters = [Raster(draft / kind) for kind in models[0].card.classes]
                targets.append(Target(name, predictor, rasters, _Told(others, tell(name)), guard))
                engines[name] = predictor.engines
        Filling(here.image, here.tiles, here.grid, targets, here.batch, False, here.job).run()
    return {"cells": cells, "engines": engines}


def _guard(draft: Path, recipe: str) -> Callable[[], None]:
    """Forbid to write into a draft that was finished or thrown away meanwhile.

    A worker that its scheduler has lost goes on until its piece is done.
    """

    def check() -> None:
        try:
            same = (draft / RECIPE).read_text() == recipe
        except OSError:
            same = False
        if not same:
            raise SectionError(f"{draft} is not there, or another run has replaced it.")

    return check
