"""A run in a process of its own: its memory is measured alone, and its death stops no other run.

The process that compares writes a request, one line of JSON, to the standard input of this one, and
later perhaps ``cancel``. Events come back as lines of JSON on the standard output; the last one
tells how the run ended.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.errors import Cancelled, InputError, OlivineError, SectionError, first_line
from napari_olivine.job import Event, Job

SECONDS_TO_SAVE = 10.0
"""How long a training that is stopped may take to write its last step."""

MOMENT_S = 0.1

SECONDS_TO_END = 2.0
"""How long a process may take to end after its last word; its code is told where it failed."""

MODULE = "napari_olivine.comparison.child"


def run_in_child(
    section: Path,
    truth: Path | None,
    out: Path,
    name: str,
    settings: CompareSettings,
    job: Job,
) -> None:
    """Make a run in a process of its own; its record lies in the folder afterwards.

    Parameters
    ----------
    section, truth, out
        Folders of the section, of the truth and of the comparison.
    name
        Name of the run.
    settings
        Of the comparison.
    job
        Running job; it gets the events of the run.

    Raises
    ------
    Cancelled
        If the person asks to stop. A training keeps its last step.
    SectionError
        If the section cannot be used, as by all other runs.
    InputError
        If this run fails, with the reason.
    """
    request = {
        "section": str(section), "truth": None if truth is None else str(truth), "out": str(out),
        "name": name, "settings": settings.model_dump(mode="json"), "device": job.device,
        "memory_bytes": job.memory_bytes, "force": job.force,
    }  # fmt: skip
    log = out / "work" / f"{name}.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=errors, text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        ending = _follow(process, job)
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_END)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                stream.close()
    _raise_ending(ending, process.returncode, log)
    log.unlink(missing_ok=True)


def _follow(process: subprocess.Popen[str], job: Job) -> Event | None:
    """Hand the events on until the process ends; return how it ended, `None` if it does not say."""
    events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process.stdout, events), daemon=True).start()
    part, asked = "", 0.0
    while True:
        with suppress(queue.Empty):
            event = events.get(timeout=MOMENT_S)
            if event is None or event["event"] == "ended":
                return event
            if event["event"] == "part":
                part = event["part"]
            job.listen(event)
        if job.cancel.is_set() and not asked:
            asked = time.monotonic()
            with suppress(OSError, ValueError):
                process.stdin.write("cancel\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
        # Only a training has something to keep; while the libraries load, nobody listens.
        patience = SECONDS_TO_SAVE if part == "training" else 0.0
        if asked and time.monotonic() - asked > patience:
            raise Cancelled


def _read(stream: IO[str], events: queue.SimpleQueue[Event | None]) -> None:
    with suppress(OSError, ValueError):
        for line in stream:
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and "event" in event:
                    events.put(event)
    events.put(None)


def _raise_ending(ending: Event | None, code: int, log: Path) -> None:
    """Raise what a run ended with, unless it ended well."""
    if ending is None:
        raise _unexpected_end(code, log)
    kind = ending["kind"]
    if kind == "done":
        return
    if kind == "cancelled":
        raise Cancelled
    error = SectionError if kind == "SectionError" else InputError
    raise error.of_event(ending)


def _unexpected_end(code: int, log: Path) -> InputError:
    """Return the error of a process that ended without a word, as one that the system killed."""
    if code < 0:
        return InputError(
            f"The system ended the process of this run ({signal.Signals(-code).name}). Most likely "
            "the memory was not enough.",
            remedy="Close other programs, or take smaller {setting:sizes} or a smaller "
            "{setting:batch}.",
            setting="batch",
        )
    last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    return InputError(f"The process of this run ended with code {code}: {last[:200]}", file=log)


# ---------------------------------------------------------------------- in the child


def main() -> None:
    """Make the run that the first line of the standard input asks for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent says what to do
    request = json.loads(sys.stdin.readline())
    job = Job(
        memory_bytes=request["memory_bytes"], device=request["device"], force=request["force"]
    )
    lock = threading.Lock()

    def say(event: Event) -> None:
        try:
            with lock:
                print(json.dumps(event, default=str), flush=True)
        except OSError:  # the process that asked is gone: keep the last step
            job.cancel.set()

    job.listen = say
    threading.Thread(target=_watch, args=(job,), daemon=True).start()
    say({"event": "ended"} | _ending(request, job))
    os._exit(0)  # the thread that reads the standard input would be waited for


def _watch(job: Job) -> None:
    """Stop the job when it is asked for, or when the process that asked is gone."""
    for line in sys.stdin:
        if line.strip() == "cancel":
            break
    job.cancel.set()


def _ending(request: dict[str, Any], job: Job) -> dict[str, Any]:
    try:
        _make(request, job)
    except Cancelled:
        return {"kind": "cancelled"}
    except OlivineError as error:
        return {"kind": type(error).__name__, "message": str(error)} | error.as_event()
    except MemoryError:
        return _plain("MemoryError", "The memory is not enough.")
    except Exception as error:  # noqa: BLE001 - whatever it is, the other runs go on
        import traceback

        traceback.print_exc()
        name = type(error).__name__
        return _plain(name, f"{name}: {first_line(error)}")
    return {"kind": "done"}


def _plain(kind: str, text: str) -> dict[str, Any]:
    return {"kind": kind, "text": text, "message": text, "remedy": ""}


def _make(request: dict[str, Any], job: Job) -> None:
    from napari_olivine.comparison.folder import ComparisonFolder
    from napari_olivine.comparison.plan import plan_runs
    from napari_olivine.comparison.reference import Reference
    from napari_olivine.comparison.run import make_run
    from napari_olivine.section import Section

    section, settings = Section(request["section"]), CompareSettings(**request["settings"])
    truth = None if request["truth"] is None else Path(request["truth"])
    planned = plan_runs(section, settings, Job())
    run = next(one for one in planned if one.name == request["name"])
    reference = Reference(section, truth, settings)
    make_run(section, run, reference, settings, ComparisonFolder(Path(request["out"])), job)


if __name__ == "__main__":
    main()
