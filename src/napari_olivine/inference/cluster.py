"""Fill the probabilities of a section on the workers of a dask scheduler."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from queue import Empty, SimpleQueue
from typing import Any

from napari_olivine.errors import InputError, OlivineError, first_line
from napari_olivine.inference.cell_queue import Order
from napari_olivine.inference.cell_store import from_pairs
from napari_olivine.inference.cluster_client import (
    STOP_S,
    TICK_S,
    Patience,
    check_workers,
    connected,
)
from napari_olivine.inference.cluster_task import KEPT, PACKAGE, Pending, Run, fill_piece, stop_flag
from napari_olivine.inference.local_runner import is_covered, keep_up_overviews
from napari_olivine.inference.probability import Growing
from napari_olivine.inference.progress import Ledger
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.windows import Grid, Place
from napari_olivine.inference.worker_cache import make_work
from napari_olivine.job import Event, Job
from napari_olivine.section import Section

LOOK_S = 2.0
"""How often it is looked which workers there are."""

AHEAD = 2
"""Pieces that a worker has at a time: one is made, the next lies ready."""

LARGEST = {"halo": 8, "cosine": 16, "mean": 16}
"""Cells along the side of a piece at most. Averaged windows at its edge are made again for the
next piece, so that pieces are larger then."""

LOST = ("CommClosedError", "CancelledError", "FutureCancelledError")
"""Errors of a client that has lost its scheduler."""

PIECES_EACH = {"halo": 8, "cosine": 3, "mean": 3}
"""Pieces a worker that the work is cut into, about."""


def fill_on_cluster(
    section: Section,
    growing: Mapping[str, Growing],
    grid: Grid,
    settings: SegmentSettings,
    window: int,
    job: Job,
) -> dict[str, list[str]]:
    """Fill probabilities on the workers of the scheduler that the settings name.

    Workers write the cells themselves, here they are noted. If this process is stopped or dies,
    the next run makes the cells that are not noted; if a worker dies, another one does its work.

    Parameters
    ----------
    section
        Section whose folder every worker sees.
    growing
        What is filled, by its name.
    grid
        Windows and cells.
    settings
        Scheduler, windows and engine.
    window
        Side of the windows, as chosen.
    job
        Running job; its memory is that of each worker.

    Returns
    -------
    dict
        By name: the engines that were used.

    Raises
    ------
    InputError
        If there is no such scheduler, it has no workers, or they have no or another version of
        the package or do not see the section, or a piece fails.
    """
    work = make_work(section, [one.models for one in growing.values()], settings, window, job)
    run = Run(
        name=f"segment-{uuid.uuid4().hex}",
        version=version(PACKAGE),
        work=work,
        drafts=tuple((name, one.draft) for name, one in growing.items()),
    )
    patience = Patience(job)
    with connected(settings.scheduler, patience) as client:
        workers = check_workers(client, settings.scheduler, run, patience)
        filling = ClusterFilling(client, run, workers, section, growing, grid, settings, patience)
        return filling.run()


class ClusterFilling:
    """The work of filling probabilities, a piece of neighbouring cells at a time, elsewhere.

    Parameters
    ----------
    client
        Client of the scheduler.
    run
        What every piece has to know.
    workers
        Addresses of the workers.
    section, growing, grid, settings
        See `fill_on_cluster`.
    patience
        Of the running job.
    """

    def __init__(
        self,
        client: Any,
        run: Run,
        workers: Sequence[str],
        section: Section,
        growing: Mapping[str, Growing],
        grid: Grid,
        settings: SegmentSettings,
        patience: Patience,
    ) -> None:
        job = patience.job
        self._client, self._run, self._workers = client, run, list(workers)
        self._patience = patience
        self._growing, self._grid, self._settings, self._job = growing, grid, settings, job
        self._tiles = section.tiles()
        self._ledger = Ledger(grid.cells(), {n: g.cells for n, g in growing.items()}, job)
        self._order = Order(grid.shape, self._ledger.unfinished, whole=not settings.live)
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._sent: dict[str, tuple[Any, str]] = {}
        self._side = self._even_side()
        self._engines: dict[str, list[str]] = {name: [] for name in growing}
        self._warned: set[str] = set()
        self._looked = time.monotonic()
        self._look: Future[Any] | None = None

    def run(self) -> dict[str, list[str]]:
        """Fill every cell; in a live job, those that are asked for as they are asked for."""
        self._client.subscribe_topic(self._run.name, self._later(self._hear))
        try:
            self._go()
        except BaseException:
            self._stop()
            raise
        finally:
            self._client.unsubscribe_topic(self._run.name)
        self._ledger.report(last=True)
        return self._engines

    def _go(self) -> None:
        while self._ledger.unfinished or self._sent:
            while not self._job.orders.empty():
                self._order.obey(self._job.orders.get())
            self._send()
            self._take_in()
            self._look_for_workers()
            self._ledger.report()
            self._job.progress(self._ledger.done, self._ledger.total, "Segmenting")

    # ------------------------------------------------------------------ what goes out

    def _send(self) -> None:
        while (worker := self._free_worker()) is not None and (pending := self._next_piece()):
            future = self._client.submit(
                fill_piece,
                self._run,
                pending,
                key=f"{self._run.name}-{uuid.uuid4().hex}",
                workers=[worker],
                allow_other_workers=True,
            )
            self._sent[future.key] = future, worker
            future.add_done_callback(self._later(self._fetch))

    def _free_worker(self) -> str | None:
        busy = Counter(worker for _, worker in self._sent.values())
        free = [worker for worker in self._workers if busy[worker] < AHEAD]
        return min(free, key=lambda worker: busy[worker]) if free else None

    def _next_piece(self) -> Pending:
        side = self._side
        if not self._order.whole:
            side = 1  # somebody waits for it
        elif self._settings.blend == "halo":
            side = min(side, self._even_side())
        while cells := self._order.take_square(side):
            covered = [c for c in cells if is_covered(self._tiles, self._grid, c)]
            for cell in set(cells).difference(covered):
                self._ledger.note_empty(cell)
            if covered:
                return self._pending(covered)
        return {}

    def _pending(self, cells: Sequence[Place]) -> Pending:
        wanted = {
            name: [cell for cell in cells if cell not in one.cells.done]
            for name, one in self._growing.items()
        }
        return {name: some for name, some in wanted.items() if some}

    def _even_side(self) -> int:
        """Side of pieces of which each worker gets several."""
        blend = self._settings.blend
        pieces = PIECES_EACH[blend] * max(1, len(self._workers))
        side = int((len(self._ledger.unfinished) / pieces) ** 0.5)
        if blend == "halo":  # they become smaller towards the end, halves fit into each other
            side = 1 << max(0, side.bit_length() - 1)
        return min(max(1, side), LARGEST[blend])

    # ------------------------------------------------------------------ what comes in

    def _later(self, act: Callable[[Any], None]) -> Callable[[Any], None]:
        """Have what comes in a thread of the client dealt with in this one."""
        return lambda come: self._inbox.put(partial(act, come))

    def _take_in(self) -> None:
        """Deal with all that has come, or wait a moment for it."""
        with suppress(Empty):
            act = self._inbox.get(timeout=TICK_S)
            while True:
                act()
                act = self._inbox.get_nowait()

    def _hear(self, told: tuple[float, Event]) -> None:
        _, event = told
        if event["event"] == "cell":
            self._note(event["name"], tuple(event["cell"]), event["counts"])
        else:
            self._warn(event["message"])

    def _warn(self, message: str) -> None:
        """Pass on what a worker warns of, once however many say it."""
        if message not in self._warned:
            self._warned.add(message)
            self._job.warn(message)

    def _fetch(self, future: Any) -> None:
        if future.status in ("cancelled", "lost"):
            raise _gone(self._settings.scheduler)
        # Elsewhere: whoever holds the result may die now, and then it is long in coming, or if
        # the scheduler died with it, never comes.
        fetching = self._patience.begin(future.result)
        fetching.add_done_callback(self._later(partial(self._finish, future.key)))

    def _finish(self, key: str, fetched: Future[Any]) -> None:
        if self._sent.pop(key, None) is None:
            return
        try:
            result = fetched.result()
        except Exception as error:
            raise _told(error, self._settings.scheduler) from error
        for name, cells in result["cells"].items():
            for cell, counts in cells:
                self._note(name, cell, counts)
        for name, engines in result["engines"].items():
            if (engine := " + ".join(engines)) not in self._engines[name]:
                self._engines[name].append(engine)
                self._job.say(f"{name}: {engine}, windows of {self._grid.window[0]} px.")

    def _note(self, name: str, cell: Place, counts: Sequence[Sequence[int]]) -> None:
        one = self._growing[name]
        if cell in one.cells.done:
            return
        if self._settings.live:
            rows, columns = self._grid.cell(cell)
            for raster in one.rasters:
                keep_up_overviews(raster, rows.start, columns.start, raster.read(rows, columns))
        self._ledger.note(name, cell, from_pairs(counts))

    # ------------------------------------------------------------------ workers

    def _look_for_workers(self) -> None:
        """Keep the list of workers: they may die, and new ones may come."""
        now = time.monotonic()
        if self._look is None:
            if now - self._looked > LOOK_S:
                self._look = self._patience.begin(self._client.nthreads)
            return
        if not self._look.done():
            return
        try:
            self._workers = list(self._look.result())
        except Exception as error:
            raise _gone(self._settings.scheduler) from error
        self._looked, self._look = now, None
        if not self._workers:
            self._warn(
                f"No worker is left at {self._settings.scheduler}; waiting for new ones. What is "
                "finished is kept."
            )

    def _stop(self) -> None:
        """Cancel what is not made yet and tell the workers to stop what they make."""
        name = self._run.name

        def stop() -> None:
            self._client.cancel([future for future, _ in self._sent.values()], force=True)
            self._client.run(_stop_run, name, on_error="ignore")

        with suppress(Exception):
            self._patience.begin(stop).result(STOP_S)


def _stop_run(name: str) -> None:
    stop_flag(name).set()


def _gone(scheduler: str) -> InputError:
    return InputError(f"The scheduler {scheduler} went away{KEPT}")


def _told(error: Exception, scheduler: str) -> Exception:
    """Put what a piece failed with into a person's words."""
    if type(error).__name__ in LOST:
        return _gone(scheduler)
    if isinstance(error, OlivineError | OSError):
        return error
    if type(error).__name__ == "KilledWorker":
        return InputError(
            "Workers died one after the other on the same piece of the section, mostly for want "
            f"of memory: give them more, or a smaller window_px{KEPT}"
        )
    return InputError(f"A worker failed ({type(error).__name__}: {first_line(error)}){KEPT}")
