"""One key for each answer, wherever in the window the focus is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut


class ReviewKeys:
    """Shortcuts of a window that act only while a review is on.

    Letters that are typed into a field stay there.

    Parameters
    ----------
    window
        Main window.
    actions
        What each key does.
    """

    def __init__(self, window: Any, actions: Mapping[str, Callable[[], None]]) -> None:
        self._shortcuts = {}
        for key, action in actions.items():
            shortcut = QShortcut(QKeySequence(key), window)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.setAutoRepeat(key in REPEATED)
            shortcut.activated.connect(action)
            shortcut.setEnabled(False)
            self._shortcuts[key] = shortcut

    def enable(self, keys: set[str]) -> None:
        """Let these keys act, and no others."""
        for key, shortcut in self._shortcuts.items():
            shortcut.setEnabled(key in keys)

    def remove(self) -> None:
        """Take the shortcuts away."""
        for shortcut in self._shortcuts.values():
            shortcut.setEnabled(False)
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = {}


REPEATED = ("Space", "Backspace")
"""Keys that act again while they are held."""
