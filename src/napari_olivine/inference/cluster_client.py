"""Reaching a dask scheduler and its workers, and seeing that they can do the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, TimeoutError as NotYet
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from napari_olivine.errors import InputError, first_line
from napari_olivine.inference.cluster_task import PACKAGE, Run
from napari_olivine.job import Job

T = TypeVar("T")

CONNECT_S = 10.0
"""How long a scheduler, and then its first worker, is waited for."""

PROBE_S = 5.0
"""How long a worker may look for a file that was just written: shared disks take a while."""

STOP_S = 2.0
"""How long a stopped run waits for its workers to hear of it."""

TICK_S = 0.1
"""How often a stop is looked for while nothing comes in."""


class Patience:
    """Waits for what cannot be interrupted, and stops waiting when the person asks to.

    Parameters
    ----------
    job
        Running job.
    """

    def __init__(self, job: Job) -> None:
        self.job = job

    def begin(self, call: Callable[[], T]) -> Future[T]:
        """Begin to wait for a call, in a thread that the end of the program does not wait for."""
        future: Future[T] = Future()

        def wait() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                future.set_exception(error)

        Thread(target=wait, daemon=True).start()
        return future

    def wait(self, call: Callable[[], T]) -> T:
        """Wait for a call and return its result."""
        future = self.begin(call)
        while True:
            try:
                return future.result(TICK_S)
            except NotYet:
                if future.done():
                    raise
                self.job.check()


def check_workers(client: Any, scheduler: str, run: Run, patience: Patience) -> list[str]:
    """See that there are workers, with this package, that see the section.

    Returns
    -------
    list of str
        Their addresses.

    Raises
    ------
    InputError
        Names the workers that cannot be used, and why.
    """
    deadline = time.monotonic() + CONNECT_S
    while not patience.wait(client.nthreads):
        patience.job.progress(0, 0, "Waiting for workers")
        if time.monotonic() > deadline:
            raise InputError(
                f"scheduler: {scheduler} has no workers: start some, e.g. "
                f"'dask worker {scheduler}', and run the command again."
            )
        time.sleep(TICK_S)
    folder = run.work.section
    mark = folder / "work" / f"{run.name}.probe"
    mark.write_text(run.name)
    try:
        look = _make_probe(str(mark), run.name, [str(f) for m in run.work.models for f in m])
        found: dict[str, Any] = patience.wait(lambda: client.run(look, on_error="return"))
    finally:
        mark.unlink(missing_ok=True)
    problems = {worker: why for worker, seen in found.items() if (why := _problem(seen, run))}
    if problems:
        told = "; ".join(f"{worker} {why}" for worker, why in sorted(problems.items()))
        raise InputError(
            f"scheduler: {len(problems)} of {len(found)} workers of {scheduler} cannot be used: "
            f"{told}."
        )
    return list(found)


def _make_probe(mark: str, text: str, folders: list[str]) -> Callable[[], Any]:
    seconds = PROBE_S

    # Inside a function it travels as a whole: it runs where the package may be missing.
    async def probe() -> dict[str, Any]:
        import asyncio
        import importlib.metadata
        import os
        import time

        try:
            package = importlib.metadata.version("napari-olivine")
        except importlib.metadata.PackageNotFoundError:
            package = ""
        deadline = time.monotonic() + seconds
        seen = False
        while not seen and time.monotonic() < deadline:
            try:
                with open(mark) as file:
                    seen = file.read() == text
            except OSError:
                await asyncio.sleep(0.2)
        return {
            "version": package,
            "seen": seen,
            "writable": os.access(os.path.dirname(mark), os.W_OK),
            "missing": [folder for folder in folders if not os.path.isdir(folder)],
        }

    return probe


def _problem(seen: Any, run: Run) -> str:
    if not isinstance(seen, dict):
        return f"fails ({seen})"
    if not seen["version"]:
        return f"has no {PACKAGE}, install version {run.version} there"
    if seen["version"] != run.version:
        return f"has {PACKAGE} {seen['version']}, here it is {run.version}"
    if not seen["seen"]:
        return f"does not see {run.work.section}, which must be on a disk that all share"
    if not seen["writable"]:
        return f"may not write into {run.work.section}"
    if seen["missing"]:
        return f"does not see the model {seen['missing'][0]}"
    return ""


@contextmanager
def connected(scheduler: str, patience: Patience) -> Iterator[Any]:
    """Give a client of a scheduler.

    Raises
    ------
    InputError
        If no scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "scheduler: needs the package distributed: pip install 'napari-olivine[cluster]'."
        ) from error

    def connect() -> Any:
        file = Path(scheduler).expanduser()
        where = {"scheduler_file": str(file)} if file.is_file() else {"address": scheduler}
        client: Any = Client(**where, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
        return client

    patience.job.progress(0, 0, f"Connecting to {scheduler}")
    try:
        client = patience.wait(connect)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        raise InputError(
            f"scheduler: none answers at {scheduler!r} ({first_line(error)}): give the address "
            "that 'dask scheduler' tells, e.g. tcp://host:8786."
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=STOP_S)
