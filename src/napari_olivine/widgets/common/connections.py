"""Connections of a dock to objects that live longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Connections:
    """Connections that are closed together.

    napari takes a closed dock out of its window, but the dock lives on as long as anything
    refers to it: it must stop listening by itself.
    """

    def __init__(self) -> None:
        self._actions: list[Callable[[], Any]] = []

    def connect(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a signal of Qt, psygnal or napari."""
        signal.connect(slot)
        self._actions.append(lambda: signal.disconnect(slot))

    def on_close(self, action: Callable[[], Any]) -> None:
        """Call an action when the connections are closed."""
        self._actions.append(action)

    def close(self) -> None:
        """Close every connection; some may be closed already by the other side."""
        actions, self._actions = self._actions, []
        for action in actions:
            try:
                action()
            except (RuntimeError, TypeError, ValueError, KeyError):
                continue
