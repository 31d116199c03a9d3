"""Short tasks in a background thread; tasks that are no longer wanted are dropped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Any

from qtpy.QtCore import QObject, QRunnable, QThreadPool, Signal
from typing_extensions import override

from napari_olivine.errors import OlivineError

Task = tuple[Hashable, Callable[[], Any]]
"""Name, and the function that does it."""


class Background(QObject):
    """Does one task after the other in one background thread."""

    done = Signal(object, object)
    """Name and result of a task, `None` if it failed; received in the main thread."""

    _ended = Signal(object, object)
    """Emitted in the thread."""

    def __init__(self) -> None:
        super().__init__()
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        self._waiting: deque[Task] = deque()
        self._lock = Lock()
        self._current: Hashable = None
        self._running = False
        self._ended.connect(self.done)

    def want(self, tasks: Iterable[Task]) -> None:
        """Replace the waiting tasks; a task that has begun is finished."""
        with self._lock:
            self._waiting = deque(task for task in tasks if task[0] != self._current)
            begin = bool(self._waiting) and not self._running
            self._running |= begin
        if begin:
            self._pool.start(_Runnable(self))

    def stop(self) -> None:
        """Drop the waiting tasks, and wait for the one that has begun."""
        self.want([])
        self._pool.waitForDone(5000)

    def work(self) -> None:
        """Do the waiting tasks, in the calling thread."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._current, self._running = None, False
                    return
                name, action = self._waiting.popleft()
                self._current = name
            try:
                result = action()
            except (OlivineError, OSError, ValueError, IndexError, KeyError):
                result = None  # the product was replaced or is damaged: the check reports it
            try:
                self._ended.emit(name, result)
            except RuntimeError:  # the window was closed
                return


class _Runnable(QRunnable):
    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background

    @override
    def run(self) -> None:
        self._background.work()
