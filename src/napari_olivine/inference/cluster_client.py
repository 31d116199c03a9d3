"""Reaching a dask scheduler and its workers, and checking that they can do the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from napari_olivine.errors import InputError, first_line
from napari_olivine.inference.cluster_task import PACKAGE, Run, file_problem
from napari_olivine.job import Job

T = TypeVar("T")

CONNECT_S = 10.0
"""How long a scheduler, and then its first worker, is waited for."""

PROBE_S = 5.0
"""How long a worker may look for a file that was just written: shared disks take a while."""

CLOSE_S = 2.0
"""How long a scheduler may take to let its client go."""

TICK_S = 0.1
"""How often a stop is looked for while nothing comes in."""


def wait_for(call: Callable[[], T], job: Job) -> T:
    """Wait for a call that cannot be interrupted; give up as soon as the job is stopped."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            future.set_exception(error)

    Thread(target=run, daemon=True).start()  # the end of the program does not wait for it
    while not wait([future], TICK_S).done:
        job.check()
    return future.result()


@contextmanager
def connected(scheduler: str, job: Job) -> Iterator[Any]:
    """Give a client of a scheduler; the scheduler withdraws its pieces when the client closes.

    Parameters
    ----------
    scheduler
        Address or scheduler file.
    job
        Running job.

    Yields
    ------
    distributed.Client
        Not the default client.

    Raises
    ------
    InputError
        If no scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "A scheduler needs the package distributed.",
            remedy="Install it: pip install 'napari-olivine[cluster]'.",
            setting="scheduler",
        ) from error

    def connect() -> Any:
        file = Path(scheduler).expanduser()
        where = {"scheduler_file": str(file)} if file.is_file() else {"address": scheduler}
        return Client(**where, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]

    job.progress(0, 0, f"Connecting to {scheduler}")
    try:
        client = wait_for(connect, job)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        raise InputError(
            f"There is no scheduler: none answers at {scheduler!r} ({first_line(error)}).",
            remedy="Give the address that 'dask scheduler' prints, e.g. tcp://host:8786.",
            setting="scheduler",
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=CLOSE_S)


def check_workers(client: Any, run: Run, job: Job) -> list[str]:
    """Check that there are workers, that they have this package and see the section.

    Parameters
    ----------
    client
        Client of the scheduler.
    run
        Package version, section and models.
    job
        Running job.

    Returns
    -------
    list of str
        Addresses of the workers.

    Raises
    ------
    InputError
        Names the workers that cannot be used, and why.
    """
    scheduler = run.plan.settings.scheduler
    job.progress(0, 0, "Waiting for workers")
    try:
        wait_for(lambda: client.wait_for_workers(1, timeout=CONNECT_S), job)
    except TimeoutError as error:
        raise InputError(
            f"The scheduler {scheduler} has no workers.",
            remedy=f"Start some, e.g. 'dask worker {scheduler}', and run the command again.",
            setting="scheduler",
        ) from error
    packages = {"check": False, "packages": [PACKAGE]}
    workers = wait_for(lambda: client.get_versions(**packages), job)["workers"]
    problems = {
        worker: _version_problem(answer["packages"].get(PACKAGE), run.version)
        for worker, answer in workers.items()
    }
    if not any(problems.values()):  # only then can they run a function of this package
        problems = _file_problems(client, run, job)
    bad = [f"{worker} {problem}" for worker, problem in sorted(problems.items()) if problem]
    if bad:
        raise InputError(
            f"{len(bad)} of {len(problems)} workers of {scheduler} cannot be used: "
            f"{'; '.join(bad)}.",
            setting="scheduler",
        )
    return list(problems)


def _version_problem(there: str | None, here: str) -> str:
    if there is None:
        return f"has no {PACKAGE}, install version {here} there"
    return "" if there == here else f"has {PACKAGE} {there}, here it is {here}"


def _file_problems(client: Any, run: Run, job: Job) -> dict[str, str]:
    mark = run.plan.section / "work" / f"{run.name}.probe"
    mark.write_text(run.name)
    folders = [model.folder for models in run.plan.models.values() for model in models]
    try:
        ask = partial(client.run, file_problem, mark, PROBE_S, folders, on_error="return")
        answers = wait_for(ask, job)
    finally:
        mark.unlink(missing_ok=True)
    return {
        worker: answer if isinstance(answer, str) else f"fails ({answer})"
        for worker, answer in answers.items()
    }
