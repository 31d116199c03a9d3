"""A window that asks before it closes while a step runs."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMessageBox, QWidget
from typing_extensions import override

from napari_olivine.widgets.state import OpenSection, dock_of


def guard_window(session: OpenSection) -> None:
    """Watch a viewer's window, once, for being closed while a step runs."""
    window = session.viewer.window._qt_window
    if window.property("olivine_guard") is None:
        window.setProperty("olivine_guard", True)
        window.installEventFilter(CloseGuard(window, session))


class CloseGuard(QObject):
    """Asks before the window closes while a step runs, and stops the step cleanly."""

    def __init__(self, window: QWidget, session: OpenSection) -> None:
        super().__init__(window)
        self._session = session

    @override
    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        jobs = self._session.jobs
        if event is None or event.type() != QEvent.Type.Close or not jobs.running:
            return False
        window = self.parent()
        answer = QMessageBox.question(
            window if isinstance(window, QWidget) else None,
            "A step is running",
            f"{dock_of(jobs.step)} is still at work. Stop it and close the window?\n"
            "What is finished is kept; run it again to go on.",
        )
        if answer != QMessageBox.StandardButton.Yes:
            event.ignore()
            return True
        jobs.stop_now()
        return False
