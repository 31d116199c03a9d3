"""The corrections of the open section's mask: stored at once, painted in the background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_olivine.errors import Cancelled, OlivineError
from napari_olivine.job import Event, Job
from napari_olivine.masks.corrections import (
    CORRECTIONS_INPUT,
    Correction,
    Label,
    MaskCorrection,
    MaskCorrections,
    connected_piece,
    correct_mask,
    is_corrected,
    phases_of,
    take_over_corrections,
)
from napari_olivine.section import Section
from napari_olivine.widgets.common import Background
from napari_olivine.widgets.state import OpenSection

IMAGES = ("olivine", "phases")
"""Images of the mask that are shown."""

LONG_TILES = 20
"""Tiles from which on a person is told how far the painting is."""


Action = Callable[[Section, Job, MaskCorrections], Any]


@dataclass(frozen=True)
class Task:
    """What is to be done, and the same for the section and the corrections as they were then."""

    action: Action
    carry_out: Callable[[], Any]


class Correcting(QObject):
    """Stores corrections in the history of the window, and keeps the mask up to date with them.

    Parameters
    ----------
    session
        Open section of the viewer.
    """

    changed = Signal()
    """Another correction is the last one, or the mask shows all of them."""
    told = Signal(str)
    """How far the painting is; empty when it is done."""
    failed = Signal(object)
    """Why something could not be done."""

    def __init__(self, session: OpenSection) -> None:
        super().__init__()
        self._session = session
        self._background = Background()
        self._background.done.connect(self._on_done)
        self._numbers = count(1)
        self._tasks: dict[int, Task] = {}
        self._shown = 0
        self._job = Job()
        self.corrections: MaskCorrections | None = None
        self.unpainted: list[Correction] = []
        """Corrections that the mask on the screen does not show yet."""

    def read(self) -> None:
        """Read the corrections as they are stored, and bring the mask up to date with them."""
        section, history = self._session.section, self._session.history
        history.forget("mask")
        self.corrections, self.unpainted = None, []
        self._tasks = {}  # what is done for another section is nothing to this one
        self._background.want([])
        if section is None:
            return
        try:
            self.corrections = MaskCorrections(section)
        except OlivineError as error:
            self.failed.emit(error)
            return
        self.corrections.changed.connect(self._on_changed)
        self.corrections.reread.connect(self._on_reread)
        self._take_over()
        if not is_corrected(section):
            self.paint()

    def read_if_changed(self) -> None:
        """Read the corrections if another program has changed them, and paint what is not."""
        section, mine = self._session.section, self.corrections
        if section is None:
            return
        if mine is None or section.fingerprint(CORRECTIONS_INPUT) != mine.fingerprint:
            self.read()
            self.changed.emit()
        elif not is_corrected(section):
            self.paint()

    def close(self) -> None:
        """Stop; what is not painted yet is painted when the section is opened again."""
        self._job.cancel.set()
        self._background.stop()
        self._session.history.forget("mask")

    # ------------------------------------------------------------------ editing

    def do(self, correction: Correction) -> None:
        """Make a correction; a problem is told by `failed`."""
        if self.corrections is None:
            return
        try:
            self._session.history.do(MaskCorrection(self.corrections, correction))
        except OlivineError as error:
            self.failed.emit(error)

    def fill(self, row: int, column: int, label: Label, phase: str = "") -> None:
        """Give a label to the connected piece of the mask at a place, found in the background.

        Parameters
        ----------
        row, column
            The place, px of the section.
        label, phase
            What the piece is.
        """

        def find(section: Section, job: Job, corrections: MaskCorrections) -> Correction:
            product = correct_mask(section, job, corrections)
            notes = product.notes if product is not None else {}
            if not phases_of(notes):
                return connected_piece(section.raster("mask", "olivine"), row, column, label)
            names = {mode["code"]: mode["name"] for mode in notes["modes"]}
            image = section.raster("mask", "phases")
            return connected_piece(image, row, column, label, phase, names)

        self.told.emit("Looking for the piece ...")
        self._want(find)

    def paint(self) -> None:
        """Bring the mask up to date with the corrections, in the background."""
        self._want(correct_mask)

    # ------------------------------------------------------------------ inside

    def _want(self, action: Action) -> None:
        """Do something behind the window; a painting that still waits is done by this one."""
        if self.corrections is None:
            return
        path, number, job = self._session.require().path, next(self._numbers), self._job
        corrections = self.corrections.copy()
        job.listen = self._on_event

        def task() -> Any:
            try:
                return action(Section(path), job, corrections)
            except (OlivineError, Cancelled, OSError) as error:
                return error

        if action is correct_mask:
            self._tasks = {k: one for k, one in self._tasks.items() if one.action is not action}
        self._tasks[number] = Task(action, task)
        self._background.want([(k, one.carry_out) for k, one in self._tasks.items()])

    def _on_event(self, event: Event) -> None:
        if event["event"] == "progress" and event["total"] >= LONG_TILES:
            self.told.emit(f"Painting tile {event['done']} of {event['total']} ...")

    def _on_changed(self) -> None:
        if self.corrections is None:
            return
        edits = self.corrections.edits
        known = {id(one) for one in edits}
        self.unpainted = [one for one in self.unpainted if id(one) in known]
        self.unpainted += edits[self._shown :]
        self._shown = len(edits)
        self.paint()
        self.changed.emit()

    def _on_reread(self) -> None:
        """Show what another program has made of the corrections."""
        self._take_over()
        self.paint()
        self.changed.emit()

    def _take_over(self) -> None:
        if self.corrections is not None:
            self.unpainted, self._shown = [], len(self.corrections)
            take_over_corrections(self._session.history, self.corrections)

    def _on_done(self, number: int, result: Any) -> None:
        task = self._tasks.pop(number, None)
        if task is None or self._session.section is None:
            return  # a newer painting comes, or another section is open
        if not self._tasks:
            self.told.emit("")
        if isinstance(result, Cancelled):
            return
        if isinstance(result, Exception):
            self.failed.emit(result)
            return
        if not any(one.action is correct_mask for one in self._tasks.values()):
            self.unpainted = []
        session = self._session
        session.noted("mask")
        for name in IMAGES:
            session.redraw("mask", name)
        session.product_changed.emit("mask")
        self.changed.emit()
        if isinstance(result, Correction):
            self.do(result)
