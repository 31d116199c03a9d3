"""Teach the network: a button of the Review dock writes the answers as labels for training."""

from __future__ import annotations

from collections.abc import Callable

from napari_olivine.widgets.common import Connections, Problem
from napari_olivine.widgets.dock_base import guard_window
from napari_olivine.widgets.review import ReviewPanel
from napari_olivine.widgets.state import OpenSection, dock_of

TEACHING_STEP = "corrections"
"""The step that writes answers as labels."""


class Teaching:
    """Starts the step at the button of the panel, and tells there how it ended.

    Parameters
    ----------
    session
        Open section of the viewer.
    panel
        Panel with the button.
    connections
        Connections of the dock.
    flush
        Writes the table of the crystals, which the step reads.
    """

    def __init__(
        self,
        session: OpenSection,
        panel: ReviewPanel,
        connections: Connections,
        flush: Callable[[], None],
    ) -> None:
        self._session, self._panel, self._flush = session, panel, flush
        panel.teach_button.clicked.connect(self.start)
        connections.connect(session.jobs.finished, self._on_finished)
        connections.connect(session.jobs.failed, self._on_failed)

    def start(self) -> None:
        """Write the answers as labels that training prefers to the mask."""
        self._panel.error.tell("")
        jobs = self._session.jobs
        if jobs.running:
            self._panel.error.tell(f"{dock_of(jobs.step)} is at work: wait for it to end.")
            return
        self._flush()
        guard_window(self._session)
        jobs.start(TEACHING_STEP, [str(self._session.require().path)], {})
        self._panel.hint.tell("Writing the training mask...")

    def _on_finished(self, step: str) -> None:
        if step == TEACHING_STEP:
            self._panel.hint.tell("The training mask is written: train in the Train dock.")

    def _on_failed(self, step: str, why: Problem) -> None:
        if step == TEACHING_STEP:
            self._panel.hint.tell("")
            self._panel.error.tell(why)
