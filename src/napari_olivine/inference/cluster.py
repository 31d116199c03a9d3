"""Predict a section on the workers of a dask scheduler."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from queue import Empty, SimpleQueue
from typing import Any

from napari_olivine.errors import Cancelled, InputError, OlivineError, first_line
from napari_olivine.inference.cell_pixels import is_covered, update_overviews
from napari_olivine.inference.cell_progress import CellProgress
from napari_olivine.inference.cell_queue import CellQueue
from napari_olivine.inference.cell_store import from_pairs
from napari_olivine.inference.cluster_client import TICK_S, check_workers, connected
from napari_olivine.inference.cluster_task import KEPT, PACKAGE, Piece, Run, predict_piece
from napari_olivine.inference.plan import Plan
from napari_olivine.inference.probability import ProbabilityDraft
from napari_olivine.inference.windows import Place
from napari_olivine.job import Event, Job
from napari_olivine.section import Section

AHEAD = 2
"""Pieces that a worker has at a time: one is predicted, the next lies ready."""

LARGEST = {"halo": 8, "cosine": 16, "mean": 16}
"""Cells along the side of a piece at most. Averaged windows at its edge are predicted again for
the next piece, so that pieces are larger then."""

PIECES_EACH = {"halo": 8, "cosine": 3, "mean": 3}
"""Pieces a worker that the section is cut into, about."""


def fill_on_cluster(
    section: Section, plan: Plan, drafts: Mapping[str, ProbabilityDraft], job: Job
) -> None:
    """Fill the cells of some probabilities on the workers of the plan's scheduler.

    Workers write the cells themselves, here they are noted. If this process is stopped or dies,
    the next run predicts the cells that are not noted; if a worker dies, the scheduler gives its
    pieces to others.

    Parameters
    ----------
    section
        Section whose folder every worker sees.
    plan
        Windows and models; its memory is that of each worker.
    drafts
        What is filled, by its name.
    job
        Running job.

    Raises
    ------
    InputError
        If there is no such scheduler, it has no workers, or they have no or another version of
        the package or do not see the section, or a piece fails.
    """
    folders = {name: draft.folder for name, draft in drafts.items()}
    run = Run(f"segment-{uuid.uuid4().hex}", version(PACKAGE), plan, folders)
    with connected(plan.settings.scheduler, job) as client:
        runner = ClusterRunner(client, run, section, drafts, job)
        runner.run(check_workers(client, run, job))


class ClusterRunner:
    """Hands pieces of neighbouring cells to workers, and notes the cells that they report.

    Parameters
    ----------
    client
        Client of the scheduler.
    run
        What every piece has to know.
    section
        Section with ``images``.
    drafts
        What is filled, by its name.
    job
        Running job. If it is live, the views that come as its orders are predicted first, and
        overviews are kept up.
    """

    def __init__(
        self,
        client: Any,
        run: Run,
        section: Section,
        drafts: Mapping[str, ProbabilityDraft],
        job: Job,
    ) -> None:
        self._client, self._run, self._drafts, self._job = client, run, drafts, job
        self._settings, self._grid = run.plan.settings, run.plan.grid
        self._tiles = section.tiles()
        cells = {name: draft.cells for name, draft in drafts.items()}
        self._progress = CellProgress(self._grid.cells(), cells, job)
        live = self._settings.live
        self._queue = CellQueue(self._grid.shape, self._progress.unfinished, whole=not live)
        self._workers: set[str] = set()
        self._sent: dict[str, tuple[Any, str, Piece]] = {}
        self._warned: set[str] = set()
        # Futures that ended, and events, in the order in which they came from the scheduler.
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._topics = (run.name, "all")  # of the workers; of the scheduler
        for topic in self._topics:
            client.subscribe_topic(topic, self._inbox.put)

    def run(self, workers: Sequence[str]) -> None:
        """Fill every cell, on these workers and on those that come later."""
        self._workers.update(workers)
        self._side = self._even_side()
        try:
            while self._progress.unfinished or self._sent:
                while not self._job.orders.empty():
                    self._queue.follow(self._job.orders.get())
                self._send()
                self._receive()
                self._progress.report()
                self._job.progress(self._progress.done, self._progress.total, "Segmenting")
        finally:
            for topic in self._topics if self._client.status == "running" else ():
                self._client.unsubscribe_topic(topic)
        self._progress.report(last=True)

    # ------------------------------------------------------------------ pieces go out

    def _send(self) -> None:
        while (worker := self._free_worker()) and (piece := self._next_piece()):
            future = self._client.submit(
                predict_piece,
                self._run,
                piece,
                key=f"{self._run.name}-{uuid.uuid4().hex}",
                workers=[worker],
                allow_other_workers=True,  # should this one die
            )
            self._sent[future.key] = future, worker, piece
            future.add_done_callback(self._inbox.put)

    def _free_worker(self) -> str | None:
        busy = Counter(worker for _, worker, _ in self._sent.values())
        worker = min(self._workers, key=lambda worker: busy[worker], default=None)
        return worker if worker is not None and busy[worker] < AHEAD else None

    def _next_piece(self) -> Piece:
        side = self._side
        if not self._queue.whole:
            side = 1  # somebody waits for it
        elif self._settings.blend == "halo":
            side = min(side, self._even_side())
        while cells := self._queue.take_square(side):
            covered = [cell for cell in cells if is_covered(self._tiles, self._grid, cell)]
            for cell in set(cells).difference(covered):
                self._progress.note_empty(cell)
            piece = {
                name: [cell for cell in covered if cell not in draft.cells.done]
                for name, draft in self._drafts.items()
            }
            if any(piece.values()):
                return {name: some for name, some in piece.items() if some}
        return {}

    def _even_side(self) -> int:
        """Side of pieces, in cells, of which each worker gets several."""
        blend = self._settings.blend
        pieces = PIECES_EACH[blend] * max(1, len(self._workers))
        side = int((len(self._progress.unfinished) / pieces) ** 0.5)
        if blend == "halo":  # they become smaller towards the end, halves fit into each other
            side = 1 << max(0, side.bit_length() - 1)
        return min(max(1, side), LARGEST[blend])

    # ------------------------------------------------------------------ events come in

    def _receive(self) -> None:
        """Deal with all that has come, or wait a moment for it."""
        with suppress(Empty):
            message = self._inbox.get(timeout=TICK_S)
            while True:
                if isinstance(message, tuple):
                    self._on_event(message[1])
                else:
                    self._on_end(message)
                message = self._inbox.get_nowait()
        if self._client.status != "running":
            raise self._scheduler_gone()

    def _on_event(self, event: Event) -> None:
        match event.get("event") or event.get("action"):
            case "cell":
                self._note(event["product"], tuple(event["cell"]), event["counts"])
            case "engines":
                name, engines = event["product"], event["engines"]
                if engines not in self._drafts[name].engines:
                    self._drafts[name].engines.append(engines)
                    self._job.say(f"{name}: {engines}, windows of {self._grid.window[0]} px.")
            case "warning":
                self._warn(event["message"])
            case "add-worker":
                self._workers.add(event["worker"])
            case "remove-worker":
                self._workers.discard(event["worker"])
                if not self._workers:
                    self._warn(
                        f"No worker is left at {self._settings.scheduler}; waiting for new ones. "
                        "What is finished is kept."
                    )

    def _on_end(self, future: Any) -> None:
        _, _, piece = self._sent.pop(future.key)
        if future.status in ("cancelled", "lost"):
            raise self._scheduler_gone()
        error = future.exception()
        if error is not None and not isinstance(error, Cancelled):
            raise _piece_error(error) from error
        for name, cells in piece.items():
            for cell in set(cells) - self._drafts[name].cells.done:
                self._queue.put_back(cell)

    def _note(self, name: str, cell: Place, counts: Sequence[Sequence[int]]) -> None:
        draft = self._drafts[name]
        if cell in draft.cells.done:
            return
        if self._settings.live:
            rows, columns = self._grid.cell(cell)
            for raster in draft.rasters:
                update_overviews(raster, rows.start, columns.start, raster.read(rows, columns))
        self._progress.note(name, cell, from_pairs(counts))

    def _warn(self, message: str) -> None:
        """Pass a warning on, once however many workers send it."""
        if message not in self._warned:
            self._warned.add(message)
            self._job.warn(message)

    def _scheduler_gone(self) -> InputError:
        return InputError(f"The scheduler {self._settings.scheduler} went away.", remedy=KEPT)


def _piece_error(error: BaseException) -> Exception:
    """Phrase the error of a piece for a person."""
    if isinstance(error, OlivineError | OSError):
        return error
    if type(error).__name__ == "KilledWorker":
        return InputError(
            "Workers died one after the other on the same piece of the section, mostly for want "
            "of memory.",
            remedy=f"Give them more, or lower {{setting:window_px}}. {KEPT}",
            setting="window_px",
        )
    return InputError(
        f"A worker failed ({type(error).__name__}: {first_line(error)}).", remedy=KEPT
    )
