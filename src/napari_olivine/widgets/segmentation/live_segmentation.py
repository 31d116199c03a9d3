"""Prediction of the view: a child process segments the part of the section on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_olivine.crystals import OLIVINE
from napari_olivine.inference import CELL
from napari_olivine.section import Section
from napari_olivine.settings import Settings
from napari_olivine.widgets.jobs import Jobs
from napari_olivine.widgets.state import OpenSection, PartialLayer, Viewport, open_partial

STARTING = "Starting..."


class LiveSegmentation(QObject):
    """Runs ``segment --live`` beside other steps, and shows its finished cells.

    The child works on the cells in view, from the middle outwards, and waits when they are all
    there. What it finished stays on disk, so that it may be stopped and started at any time.

    Parameters
    ----------
    session
        Open section of the viewer.
    viewport
        Part of the section on the screen.
    """

    changed = Signal()
    """It started or ended, or cells were finished."""
    failed = Signal(object)
    """Why it could not go on."""
    warned = Signal(object)
    """Something that may spoil the result, or a word about the engine."""

    def __init__(self, session: OpenSection, viewport: Viewport) -> None:
        super().__init__()
        self._session, self._viewport = session, viewport
        self.jobs = Jobs()
        self.partial_layers: dict[str, PartialLayer] = {}
        self.histograms: dict[str, NDArray[np.int64]] = {}
        self.done, self.total = 0, 0
        self.message = ""
        self.whole = False
        self._section: Section | None = None
        for jobs in (self.jobs, session.jobs):
            jobs.reported.connect(self._on_event)
            jobs.ended.connect(self._on_ended)
        self.jobs.progress.connect(self._on_progress)
        self.jobs.message.connect(self._on_message)
        self.jobs.warning.connect(self.warned)
        self.jobs.failed.connect(lambda _step, why: self.failed.emit(why))
        viewport.moved.connect(self._send_view)

    @property
    def running(self) -> bool:
        """Whether the child runs."""
        return self.jobs.running

    def start(self, settings: Settings, options: Sequence[str]) -> None:
        """Start to segment the view with the model of the settings."""
        self._section = self._session.require()
        self.whole, self.done, self.total, self.message = False, 0, 0, STARTING
        values = settings.model_dump(mode="json") | {"live": True}
        self.jobs.start("segment", [str(self._section.path)], values, options)
        self._send_view()
        self.changed.emit()

    def finish_section(self) -> None:
        """Go on with the rest of the section once the view is finished."""
        self.whole = True
        self.jobs.tell({"whole": True})
        self.changed.emit()

    def stop(self) -> None:
        """Stop the child; its finished cells are kept."""
        self.jobs.cancel()

    def leave(self, section: Section | None) -> None:
        """Stop the child and remove its layers, unless the section is the same."""
        if self._section is None or section is None or section.path != self._section.path:
            self.jobs.stop_now()
            self._clear()
            self._section = section

    def in_view(self) -> tuple[int, int]:
        """Return the number of finished cells of the view, and of all its cells."""
        partial = next(iter(self.partial_layers.values()), None)
        window = None if self._section is None else self._viewport.window(self._section)
        if partial is None or window is None:
            return 0, 0
        spans = [range(side.start // CELL, -(-side.stop // CELL)) for side in window]
        cells = [(row, column) for row in spans[0] for column in spans[1]]
        return sum(partial.has(cell) for cell in cells), len(cells)

    def show_phase(self, phase: str) -> None:
        """Show the growing probability of another phase, where there is one."""
        for product, partial in list(self.partial_layers.items()):
            if partial.phase != phase and phase in partial.phases():
                self._show(product, partial.folder, phase)

    # ------------------------------------------------------------------ events of the child

    def _send_view(self) -> None:
        if not self.running or self._section is None:
            return
        window = self._viewport.window(self._section)
        if window is not None:
            rows, columns = ([side.start, side.stop] for side in window)
            self.jobs.tell({"view": {"rows": rows, "columns": columns}})

    def _on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "growing":
            self._show(event["product"], Path(event["folder"]))
        elif event["event"] == "compared":
            self._session.refresh()  # where it is unlike the training can be seen from now on
        elif event["event"] == "cells":
            for partial in self.partial_layers.values():
                partial.show([(row, column) for row, column in event["cells"]])
            for product, counts in event["histograms"].items():
                self.histograms[product] = np.array(counts, np.int64)
            self.done, self.total = event["done"], event["total"]
            self.message = ""
            self.changed.emit()

    def _show(self, product: str, folder: Path, phase: str = OLIVINE) -> None:
        if product in self.partial_layers:
            self.partial_layers.pop(product).remove()
        partial = open_partial(self._session, product, folder, phase)
        if partial is not None:
            self.partial_layers[product] = partial
            self.histograms[product] = partial.cells.histogram
            self.changed.emit()

    def _on_progress(self, _done: float, _total: float, message: str) -> None:
        if message != self.message and not self.total:
            self.message = message
            self.changed.emit()

    def _on_message(self, message: str) -> None:
        self.message = message
        self.changed.emit()

    def _on_ended(self) -> None:
        """Remove the layers of finished products; unfinished ones stay."""
        for product, partial in list(self.partial_layers.items()):
            if not partial.is_there():
                self.partial_layers.pop(product).remove()
                self.histograms.pop(product, None)
        if self.message == STARTING:  # it failed before it began
            self.message = ""
        self._session.refresh()
        self.changed.emit()

    def _clear(self) -> None:
        for partial in self.partial_layers.values():
            partial.remove()
        self.partial_layers.clear()
        self.histograms.clear()
