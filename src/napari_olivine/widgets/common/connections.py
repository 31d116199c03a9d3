"""Connections of a dock to objects that live longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Links:
    """Connections that are closed together.

    napari takes a closed dock out of its window, but the dock lives on as long as anything
    refers to it: it must stop listening by itself.
    """

    def __init__(self) -> None:
        self._cuts: list[Callable[[], Any]] = []

    def connect(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a signal of Qt, psygnal or napari."""
        signal.connect(slot)
        self._cuts.append(lambda: signal.disconnect(slot))

    def when_cut(self, action: Callable[[], Any]) -> None:
        """Call an action when the connections are closed."""
        self._cuts.append(action)

    def cut(self) -> None:
        """Close every connection; some may be closed already by the other side."""
        cuts, self._cuts = self._cuts, []
        for cut in cuts:
            try:
                cut()
            except (RuntimeError, TypeError, ValueError, KeyError):
                continue
