"""In the status bar of the window: which step works, how far it is, since when."""

from __future__ import annotations

import time
from typing import Any

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QToolButton

from napari_olivine.widgets.dock_base.opening import open_dock
from napari_olivine.widgets.dock_base.run_bar import clock
from napari_olivine.widgets.state import OpenSection, dock_of


class WorkNote(QObject):
    """A button in the status bar while a step works, also where its dock is closed.

    A click opens the dock. There is one for each window: get it by `of`.

    Parameters
    ----------
    window
        Main window of the viewer.
    session
        Open section of the viewer.
    """

    def __init__(self, window: Any, session: OpenSection) -> None:
        super().__init__(window)
        self._session = session
        self.button = QToolButton()
        self.button.setAutoRaise(True)
        self.button.setToolTip("Open the dock of the step that works")
        self.button.clicked.connect(self._open)
        self.button.hide()
        window.statusBar().addPermanentWidget(self.button)
        self._every_second = QTimer(self)
        self._every_second.setInterval(1000)
        self._every_second.timeout.connect(self.show_work)
        session.jobs.started.connect(self.show_work)
        session.jobs.ended.connect(self.show_work)
        self.show_work()

    @classmethod
    def of(cls, session: OpenSection) -> WorkNote | None:
        """Return the one of a viewer's window; it is made when first asked for."""
        window: Any = getattr(getattr(session.viewer, "window", None), "_qt_window", None)
        if window is None:
            return None
        found = window.findChild(cls)
        return found or cls(window, session)

    def show_work(self, *_: Any) -> None:
        """Show the step that works now; nothing while none does."""
        jobs = self._session.jobs
        self.button.setVisible(jobs.running)
        if not jobs.running:
            self._every_second.stop()
            return
        self._every_second.start()
        done, total, _message = jobs.newest_progress or (0.0, 0.0, "")
        share = f"{done / total:.0%}, " if total else ""
        passed = clock(time.monotonic() - jobs.began)
        self.button.setText(f"{dock_of(jobs.step)} is at work: {share}{passed}")

    def _open(self) -> None:
        open_dock(self._session.viewer, dock_of(self._session.jobs.step))
