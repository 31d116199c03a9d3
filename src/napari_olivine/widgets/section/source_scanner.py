"""Recognise an instrument's folder in a thread; another folder stops it."""

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
class ScanResult:
    """What was found in a folder.

    Parameters
    ----------
    path
        The folder, or the one file that holds all.
    source
        What was recognised, `None` if nothing was.
    tiles
        Tiles of the mosaic, `None` without tiles.
    wrong
        Problems of single files; empty until they were checked.
    checked
        Whether every file was checked.
    error
        Why nothing was recognised.
    """

    path: Path
    source: Any = None
    tiles: TileStates | None = None
    wrong: list[str] = field(default_factory=list)
    checked: bool = False
    error: Problem = ""


class SourceScanner(QObject):
    """Recognises folders one after the other; only the result of the last one is emitted."""

    found = Signal(object)
    """A `ScanResult`: first what was recognised, later again with what is wrong with the files."""
    progress = Signal(float, float, str)
    """Done, total, what is being done."""

    _found = Signal(object, object)
    _progress = Signal(object, dict)

    def __init__(self) -> None:
        super().__init__()
        self._job: Job | None = None
        # Emitted in the thread, received in the window's.
        self._found.connect(self._on_found)
        self._progress.connect(self._on_progress)

    def scan(self, path: Path, settings: Any) -> None:
        """Begin to read a folder; nothing is written."""
        from napari.qt.threading import create_worker

        self.stop()
        job = self._job = Job()
        job.listen = lambda event: self._progress.emit(job, event)
        worker = create_worker(self._work, path, settings, job, _start_thread=False)
        worker.start()

    def stop(self) -> None:
        """Stop reading, and forget the folder."""
        if self._job is not None:
            self._job.cancel.set()
            self._job = None

    def _work(self, path: Path, settings: Any, job: Job) -> None:
        from napari_olivine.readers import read_source

        try:
            source = read_source(path, settings, job)
            layout = getattr(source, "layout", None)
            tiles = with_fields(tile_states(layout) if layout is not None else None, source)
            self._emit(job, ScanResult(path, source, tiles))
            wrong = source.findings(job)
            if layout is not None:
                tiles = with_fields(tile_states(layout, wrong), source)
            self._emit(job, ScanResult(path, source, tiles, wrong, checked=True))
        except Cancelled:
            return
        except OlivineError as error:
            self._emit(job, ScanResult(path, error=error))

    def _emit(self, job: Job, result: ScanResult) -> None:
        self._found.emit(job, result)

    def _on_found(self, job: Job, result: ScanResult) -> None:
        if job is self._job:
            self.found.emit(result)

    def _on_progress(self, job: Job, event: Event) -> None:
        if job is self._job and event["event"] == "progress":
            self.progress.emit(event["done"], event["total"], event["message"])
