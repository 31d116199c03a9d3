"""What a running step is given by whoever started it: budget, progress, a way to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from napari_olivine.errors import Cancelled, OlivineError, fill

Event = dict[str, Any]


def ignore(event: Event) -> None:
    """Listen to a job that nobody watches."""


@dataclass
class Job:
    """One run of one step.

    Parameters
    ----------
    memory_bytes
        Memory that the step may use for its data.
    seed
        Seed of everything random.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``.
    force
        Repeat the step even where its product is up to date.
    listen
        Receives every event as a plain dictionary with the key ``"event"``. A door words
        ``message`` anew from the templates ``text`` and ``remedy``, see `errors.fill`.
    cancel
        Set from any thread to stop the step at its next :meth:`check`.
    orders
        Orders to a step that listens while it runs, e.g. which part of the image is in view.
    """

    memory_bytes: int = 4 << 30
    seed: int = 0
    device: str = "auto"
    force: bool = False
    listen: Callable[[Event], None] = ignore
    cancel: threading.Event = field(default_factory=threading.Event)
    orders: SimpleQueue[Event] = field(default_factory=SimpleQueue)

    def check(self) -> None:
        """Raise `Cancelled` if the person asked to stop; call it at least once a second."""
        if self.cancel.is_set():
            raise Cancelled("Stopped on request; run the same command again to go on.")

    def progress(self, done: float, total: float, message: str = "") -> None:
        """Report how far the step is, and stop here if asked to.

        Parameters
        ----------
        done, total
            Work that is done and all of it, in any unit.
        message
            Name of the work.

        Raises
        ------
        Cancelled
            If the person asked to stop.
        """
        self.listen({"event": "progress", "done": done, "total": total, "message": message})
        self.check()

    def say(self, message: str) -> None:
        """Tell the person something worth reading; it may hold placeholders of `errors.fill`."""
        said = fill(message)
        template = {"text": message} if message != said else {}
        self.listen({"event": "message", "message": said} | template)

    def warn(self, text: str, *, remedy: str = "", **facts: Any) -> None:
        """Tell the person something that may spoil the result.

        Parameters
        ----------
        text
            What is wrong; it may hold placeholders of `errors.fill`.
        remedy
            What to do, a sentence of its own.
        **facts
            What a program can know of it: fields of `errors.Facts`.
        """
        warning = OlivineError(text, remedy=remedy, **facts)
        self.listen({"event": "warning", "message": str(warning)} | warning.as_event())

    def report(self, name: str, **values: Any) -> None:
        """Hand over numbers as they come (losses, scores)."""
        self.listen({"event": name, **values})
