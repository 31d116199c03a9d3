"""Predict a section in this process, window by window, in the order in which cells are wanted."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.blending import Blender
from napari_olivine.inference.cell_pixels import is_covered, mask_gaps, update_overviews
from napari_olivine.inference.cell_progress import CellProgress
from napari_olivine.inference.cell_queue import CellQueue
from napari_olivine.inference.cell_store import FinishedCells
from napari_olivine.inference.engines import Promise
from napari_olivine.inference.models import OLIVINE
from napari_olivine.inference.plan import Plan
from napari_olivine.inference.predictor import Predictor, batch_size, make_predictor
from napari_olivine.inference.probability import ProbabilityDraft
from napari_olivine.inference.windows import Grid, Place
from napari_olivine.job import Event, Job
from napari_olivine.networks import GreyWindow, read_window
from napari_olivine.section import Raster, Section, Tiles

READERS, WRITERS = 2, 2
"""Threads that read windows ahead and that write cells behind."""

MOST_WRITES = 8
"""Cells that may wait to be written before the network waits for them."""

UNDER_WAY = 2
"""Batches that are on a graphics card at a time."""

SHARE_OF_MEMORY = 4
"""A quarter of the job's memory may hold cells that wait for windows."""

IDLE_S = 0.05
"""How often somebody who waits for orders looks for them."""


def fill_here(
    section: Section, plan: Plan, drafts: Mapping[str, ProbabilityDraft], job: Job
) -> None:
    """Fill the cells of some probabilities in this process.

    Parameters
    ----------
    section
        Section with ``images``.
    plan
        Windows and models.
    drafts
        What is filled, by its name.
    job
        Running job.

    Raises
    ------
    InputError
        If a network fails for good.
    """
    grid = plan.grid
    batch = batch_size(plan.settings, job)
    targets = []
    for name, draft in drafts.items():
        job.progress(len(draft.cells.done), grid.shape[0] * grid.shape[1], "Loading the network")
        shape = (batch, *grid.window)
        predictor = make_predictor(section, plan.models[name], shape, plan.settings, job)
        job.say(f"{name}: {' + '.join(predictor.engines)}, windows of {plan.window_px} px.")
        targets.append(Target(name, predictor, draft.rasters, draft.cells))
    image = section.raster("images", "BSE")
    LocalRunner(image, section.tiles(), grid, targets, batch, plan.settings.live, job).run()
    for target in targets:
        drafts[target.name].engines.append(" + ".join(target.predictor.engines))


@dataclass
class Target:
    """One probability that is filled.

    Parameters
    ----------
    name
        Product that it becomes.
    predictor
        What predicts it.
    rasters
        One image a class.
    cells
        What is finished.
    guard
        Called before a cell is written; raises if it must not be written any more.
    """

    name: str
    predictor: Predictor
    rasters: Sequence[Raster]
    cells: FinishedCells
    guard: Callable[[], None] = lambda: None
    lock: Lock = field(default_factory=Lock)

    @property
    def counted(self) -> int:
        """Which of its images is the olivine's."""
        return [raster.folder.name for raster in self.rasters].index(OLIVINE)


class LocalRunner:
    """The work of filling one or several probabilities over one reading of the image.

    Parameters
    ----------
    image
        BSE.
    tiles
        Tiles of the mosaic; between them nothing is predicted. `None` for a whole image.
    grid
        Windows and cells.
    targets
        What is filled.
    batch
        Windows that go through the network together.
    live
        Whether somebody watches: the views that they send (`Job.orders`) come first, overviews
        are kept up, and what is outside their view waits until it is asked for.
    job
        Running job.
    """

    def __init__(
        self,
        image: Raster,
        tiles: Tiles | None,
        grid: Grid,
        targets: Sequence[Target],
        batch: int,
        live: bool,
        job: Job,
    ) -> None:
        self._image, self._tiles, self._grid, self._targets = image, tiles, grid, targets
        self._batch, self._live, self._job = batch, live, job
        self._progress = CellProgress(grid.cells(), {t.name: t.cells for t in targets}, job)
        pending = self._progress.unfinished
        self._queue = CellQueue(grid.shape, pending, whole=not live)
        bytes_per_cell = 4 * 1024**2 * sum(len(t.rasters) for t in targets)
        most = max(4 * max(grid.shape), job.memory_bytes // SHARE_OF_MEMORY // bytes_per_cell)
        self._blenders = [
            Blender(grid, len(t.rasters), lambda c, t=t: c not in t.cells.done, most)  # type: ignore[misc]
            for t in targets
        ]
        self._unseen = {place for cell in pending for place in grid.windows_of(cell)}
        self._planned: deque[Place] = deque()
        self._scheduled: set[Place] = set()

    def run(self) -> None:
        """Fill every cell; in a live job, those that are asked for as they are asked for."""
        with (
            ThreadPoolExecutor(READERS, "read") as readers,
            ThreadPoolExecutor(WRITERS, "write") as writers,
        ):
            self._readers, self._writers = readers, writers
            self._ahead: deque[tuple[list[Place], list[Future[GreyWindow]]]] = deque()
            self._under_way: deque[tuple[list[Place], list[Promise]]] = deque()
            self._writes: deque[Future[None]] = deque()
            try:
                self._go()
            finally:
                for future in (f for _, reads in self._ahead for f in reads):
                    future.cancel()
        self._progress.report(last=True)

    def _go(self) -> None:
        parallel = UNDER_WAY if self._on_gpu() else 1
        while self._progress.unfinished:
            while not self._job.orders.empty():
                self._follow(self._job.orders.get())
            places = self._next_batch()
            if places:
                self._scheduled.update(places)
                self._ahead.append((places, [self._readers.submit(self._read, p) for p in places]))
            if self._ahead and (len(self._ahead) > parallel or not places):
                self._start(*self._ahead.popleft())
            if self._under_way and (len(self._under_way) >= parallel or not self._ahead):
                self._finish(*self._under_way.popleft())
            # Somebody who watches sees a cell as soon as it is there.
            self._wait_for_writes(MOST_WRITES if self._ahead and not self._live else 0)
            self._progress.report()
            self._job.check()
            if not places and not self._ahead and not self._under_way:
                self._idle()

    def _on_gpu(self) -> bool:
        return any("cuda" in target.predictor.engines for target in self._targets)

    # ------------------------------------------------------------------ what comes next

    def _follow(self, request: Event) -> None:
        if self._queue.follow(request):
            # What was planned for the last view is only wanted if it is in this one.
            for place in self._planned:
                for cell in self._grid.cells_of(place):
                    if cell in self._progress.unfinished:
                        self._queue.put_back(cell)
            self._planned.clear()

    def _next_batch(self) -> list[Place]:
        while len(self._planned) < self._batch and (cell := self._queue.take()) is not None:
            if not is_covered(self._tiles, self._grid, cell):
                self._progress.note_empty(cell)
                continue
            missing = {
                place
                for target, blender in zip(self._targets, self._blenders, strict=True)
                if cell not in target.cells.done
                for place in blender.missing(cell)
            }
            self._planned.extend(sorted(missing - self._scheduled - set(self._planned)))
        return [self._planned.popleft() for _ in range(min(self._batch, len(self._planned)))]

    def _idle(self) -> None:
        """Nothing is under way: wait for orders, or make again what was dropped for memory."""
        self._wait_for_writes(0)
        for cell in self._progress.unfinished:
            self._queue.put_back(cell)
        for blender in self._blenders:
            blender.make_room()
        if not self._queue.whole and not self._queue.in_view()[0]:
            self._progress.report(last=True)
            time.sleep(IDLE_S)

    # ------------------------------------------------------------------ one batch of windows

    def _read(self, place: Place) -> GreyWindow:
        return read_window(self._image, *self._grid.corner(place), *self._grid.window)

    def _start(self, places: list[Place], reads: list[Future[GreyWindow]]) -> None:
        windows = [read.result() for read in reads]
        promises = [target.predictor.start(windows) for target in self._targets]
        self._under_way.append((places, promises))

    def _finish(self, places: list[Place], promises: list[Promise]) -> None:
        for target, blender, promise in zip(self._targets, self._blenders, promises, strict=True):
            for place, values in zip(places, promise(), strict=True):
                for cell, block in blender.add(place, values):
                    self._writes.append(self._writers.submit(self._write, target, cell, block))
        self._scheduled.difference_update(places)
        self._unseen.difference_update(places)
        windows = self._grid.windows
        self._job.progress(windows - len(self._unseen), windows, "Segmenting")

    # ------------------------------------------------------------------ finished cells

    def _write(self, target: Target, cell: Place, block: NDArray[np.uint8]) -> None:
        rows, columns = self._grid.cell(cell)
        block, counts = mask_gaps(self._tiles, rows, columns, block, target.counted)
        target.guard()
        for raster, values in zip(target.rasters, block, strict=True):
            raster.write(rows.start, columns.start, values)
        if self._live:
            with target.lock:
                for raster, values in zip(target.rasters, block, strict=True):
                    update_overviews(raster, rows.start, columns.start, values)
        self._progress.note(target.name, cell, counts)

    def _wait_for_writes(self, most: int) -> None:
        """Wait until at most so many cells are not written yet; raise what went wrong."""
        while self._writes and (len(self._writes) > most or self._writes[0].done()):
            self._writes.popleft().result()
