"""Small pieces of work off the main thread; what is not wanted any more is left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Any

from qtpy.QtCore import QObject, QRunnable, QThreadPool, Signal
from typing_extensions import override

from napari_olivine.errors import OlivineError

Work = tuple[Hashable, Callable[[], Any]]
"""A name for it, and what is to be done."""


class Background(QObject):
    """Does one piece of work after the other in a thread of its own."""

    done = Signal(object, object)
    """Name and result, `None` where it could not be had; received in the main thread."""

    _ended = Signal(object, object)
    """Emitted in the thread."""

    def __init__(self) -> None:
        super().__init__()
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        self._waiting: deque[Work] = deque()
        self._lock = Lock()
        self._at_work: Hashable = None
        self._running = False
        self._ended.connect(self.done)

    def want(self, pieces: Iterable[Work]) -> None:
        """Replace what waits to be done; a piece that has begun is finished."""
        with self._lock:
            self._waiting = deque(piece for piece in pieces if piece[0] != self._at_work)
            begin = bool(self._waiting) and not self._running
            self._running |= begin
        if begin:
            self._pool.start(_Turn(self))

    def stop(self) -> None:
        """Leave everything, and wait for the piece that has begun."""
        self.want([])
        self._pool.waitForDone(5000)

    def work(self) -> None:
        """Do what waits, in the thread that this is called in."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._at_work, self._running = None, False
                    return
                name, action = self._waiting.popleft()
                self._at_work = name
            try:
                result = action()
            except (OlivineError, OSError, ValueError, IndexError, KeyError):
                result = None  # the product was replaced or is damaged: that is told elsewhere
            try:
                self._ended.emit(name, result)
            except RuntimeError:  # the window was closed
                return


class _Turn(QRunnable):
    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background

    @override
    def run(self) -> None:
        self._background.work()
