"""How a running command talks: to a person on a terminal, or to a program as JSON lines."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from napari_olivine.job import Event, Job


class JsonLines:
    """Every event is one line of JSON on the standard output."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write one event."""
        with self._lock:
            print(json.dumps(event, default=str), flush=True)

    def close(self) -> None:
        """Leave the output as it is: every line is whole."""


class Terminal:
    """Messages as lines; progress as one line that is redrawn, or seldom where it can't be."""

    def __init__(self) -> None:
        self._drawn = 0
        self._live = sys.stderr.isatty()
        self._started: dict[str, float] = {}
        self._last = (-1.0, "")

    def __call__(self, event: Event) -> None:
        """Show one event."""
        kind = event["event"]
        if kind == "progress":
            self._progress(event)
        elif kind == "message":
            self._line(str(event["message"]))
        elif kind == "warning":
            self._line(f"Warning: {event['message']}")
        elif kind == "epoch":
            values = "  ".join(f"{k} {_short(v)}" for k, v in event.items() if k != "event")
            self._line(f"  {values}")

    def close(self) -> None:
        """Leave the terminal clean."""
        self._clear()

    def _progress(self, event: Event) -> None:
        total = event["total"] or 1
        share, message = min(1.0, event["done"] / total), event["message"]
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            bar = "#" * int(20 * share) + "-" * (20 - int(20 * share))
            text = f"[{bar}] {100 * share:3.0f} %  {message}"[:width]
            self._clear()
            print(text, end="", file=sys.stderr, flush=True)
            self._drawn = len(text)
        else:
            # What follows a comma changes all the time (the loss): no reason for a new line.
            task = message.partition(",")[0]
            if task != self._last[1] or not -0.1 < share - self._last[0] < 0.1:
                print(f"  {100 * share:3.0f} %  {message}", file=sys.stderr, flush=True)
                self._last = (share, task)

    def _line(self, text: str) -> None:
        self._clear()
        print(text, flush=True)

    def _clear(self) -> None:
        if self._drawn:
            print("\r" + " " * self._drawn + "\r", end="", file=sys.stderr, flush=True)
            self._drawn = 0


def stop_on_request(job: Job, *, listen_to_input: bool) -> None:
    """Let Ctrl-C, a termination signal or the word ``cancel`` on the standard input stop a job.

    The job stops at its next check and keeps what is finished; a second Ctrl-C stops at once,
    which loses no finished part either.

    Parameters
    ----------
    job
        Job to stop.
    listen_to_input
        Whether a program that started this one may write ``cancel`` to the standard input, the
        only way that works on every platform. One that writes ``attached`` first asks for the
        job to stop when that input ends, because then it is gone itself. A line that is a JSON
        object is an order to the step (`Job.orders`).
    """

    def stop(number: int, frame: Any) -> None:
        if job.cancel.is_set():
            raise KeyboardInterrupt
        job.cancel.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if listen_to_input and sys.stdin is not None:

        def watch() -> None:
            attached = False
            with suppress(OSError, ValueError):  # an input that is closed says nothing
                for line in sys.stdin:
                    attached |= line.strip() == "attached"
                    if line.strip() == "cancel":
                        job.cancel.set()
                    elif line.startswith("{"):
                        with suppress(ValueError):
                            job.orders.put(json.loads(line))
            if attached:  # the program that waited for the result is gone
                job.cancel.set()

        threading.Thread(target=watch, daemon=True).start()


class Stopwatch:
    """Wall time and peak memory of this process."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def figures(self) -> dict[str, float]:
        """Return seconds since the start and the peak of the resident memory in MB."""
        figures = {"seconds": round(time.monotonic() - self._started, 1)}
        try:
            import resource
        except ImportError:  # Windows
            return figures
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        figures["peak_mb"] = round(peak / (1024 if sys.platform != "darwin" else 1 << 20))
        return figures


def _short(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
