"""Looks into an instrument's folder in a thread; another folder stops it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_olivine.errors import Cancelled, OlivineError
from napari_olivine.job import Event, Job
from napari_olivine.widgets.common import Problem
from napari_olivine.widgets.section.tile_map import TileStates, tile_states, with_fields


@dataclass(frozen=True)
class Look:
    """What was seen in a folder.

    Parameters
    ----------
    path
        The folder, or the one file that holds all.
    source
        What was recognised, `None` if nothing was.
    tiles
        Tiles of the mosaic, `None` without tiles.
    wrong
        What is wrong with single files; empty until they were checked.
    checked
        Whether every file was looked at.
    error
        Why nothing was recognised.
    """

    path: Path
    source: Any = None
    tiles: TileStates | None = None
    wrong: list[str] = field(default_factory=list)
    checked: bool = False
    error: Problem = ""


class Looker(QObject):
    """Recognises folders one after the other; only the last one asked for is told about."""

    seen = Signal(object)
    """A `Look`: first what was recognised, later again with what is wrong with the files."""
    progress = Signal(float, float, str)
    """Done, total, what is being done."""

    _seen = Signal(object, object)
    _progress = Signal(object, dict)

    def __init__(self) -> None:
        super().__init__()
        self._job: Job | None = None
        # Emitted in the thread, received in the window's.
        self._seen.connect(self._on_seen)
        self._progress.connect(self._on_progress)

    def look(self, path: Path, settings: Any) -> None:
        """Begin to look into a folder; nothing is written."""
        from napari.qt.threading import create_worker

        self.stop()
        job = self._job = Job()
        job.listen = lambda event: self._progress.emit(job, event)
        worker = create_worker(self._work, path, settings, job, _start_thread=False)
        worker.start()

    def stop(self) -> None:
        """Forget the folder that is being looked into."""
        if self._job is not None:
            self._job.cancel.set()
            self._job = None

    def _work(self, path: Path, settings: Any, job: Job) -> None:
        from napari_olivine.readers import read_source

        try:
            source = read_source(path, settings, job)
            layout = getattr(source, "layout", None)
            tiles = with_fields(tile_states(layout) if layout is not None else None, source)
            self._tell(job, Look(path, source, tiles))
            wrong = source.findings(job)
            if layout is not None:
                tiles = with_fields(tile_states(layout, wrong), source)
            self._tell(job, Look(path, source, tiles, wrong, checked=True))
        except Cancelled:
            return
        except OlivineError as error:
            self._tell(job, Look(path, error=error))

    def _tell(self, job: Job, look: Look) -> None:
        self._seen.emit(job, look)

    def _on_seen(self, job: Job, look: Look) -> None:
        if job is self._job:
            self.seen.emit(look)

    def _on_progress(self, job: Job, event: Event) -> None:
        if job is self._job and event["event"] == "progress":
            self.progress.emit(event["done"], event["total"], event["message"])
