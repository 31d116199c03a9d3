"""Connections of a dock to what outlives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Links:
    """Connections that are cut together.

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
        """Do something more when the connections are cut."""
        self._cuts.append(action)

    def cut(self) -> None:
        """Cut every connection; those that the other side has cut already do not matter."""
        cuts, self._cuts = self._cuts, []
        for cut in cuts:
            try:
                cut()
            except (RuntimeError, TypeError, ValueError, KeyError):
                continue
