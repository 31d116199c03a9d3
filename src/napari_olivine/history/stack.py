"""The order of a person's edits, whatever they change."""

from __future__ import annotations

from collections.abc import Sequence

from psygnal import Signal

from napari_olivine.errors import EditError
from napari_olivine.history.command import Command, HistoryStep, Kind


class History:
    """Edits in the order in which they were made; the last one is taken back first.

    The history keeps an order and no data: each command changes its own model, which stores
    itself. A kind of edit that outlives the program (crystals have a journal) hands over its
    older edits by :meth:`take_over`.
    """

    changed = Signal()
    """Another edit is the next to be taken back, or to be done again."""
    moved = Signal(object)
    """After every undo and redo: the `HistoryStep`."""

    def __init__(self) -> None:
        self._done: list[Command] = []
        self._undone: list[Command] = []
        self._paused = ""

    # ------------------------------------------------------------------ editing

    def do(self, command: Command) -> None:
        """Carry out a new edit; what was taken back before cannot be done again any more."""
        command.do()
        self._done.append(command)
        self._undone.clear()
        self.changed.emit()

    def undo(self) -> HistoryStep:
        """Take back the last edit.

        Raises
        ------
        EditError
            If there is none.
        OlivineError
            If it cannot be taken back; it stays the last one.
        """
        return self._move(self._done, self._undone, back=True)

    def redo(self) -> HistoryStep:
        """Do again the edit that was taken back last.

        Raises
        ------
        EditError
            If there is none.
        OlivineError
            If it cannot be done again; it stays the next one.
        """
        return self._move(self._undone, self._done, back=False)

    def _move(self, source: list[Command], target: list[Command], *, back: bool) -> HistoryStep:
        if self._paused:
            raise EditError(self._paused)
        if not source:
            raise EditError(f"There is no edit to {'take back' if back else 'do again'}.")
        inverse = source[-1].inverse()
        inverse.do()
        source.pop()
        target.append(inverse)
        step = HistoryStep(inverse, back)
        self.changed.emit()
        self.moved.emit(step)
        return step

    # ------------------------------------------------------------------ looking

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._done) and not self._paused

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to do again."""
        return bool(self._undone) and not self._paused

    @property
    def next_undo(self) -> str:
        """The edit that would be taken back, in words; empty for none."""
        return self._done[-1].describe() if self.can_undo else ""

    @property
    def next_redo(self) -> str:
        """The edit that would be done again, in words; empty for none."""
        return self._undone[-1].describe() if self.can_redo else ""

    def __len__(self) -> int:
        return len(self._done)

    # ------------------------------------------------------------------ keeping in step

    def pause(self, reason: str = "") -> None:
        """Refuse to take back or do again for this reason, until called without one."""
        self._paused = reason
        self.changed.emit()

    def clear(self) -> None:
        """Begin anew, e.g. with another section."""
        self._done, self._undone = [], []
        self.changed.emit()

    def forget(self, kind: Kind) -> None:
        """Drop the edits of a kind, e.g. because its model was read anew from the disk."""
        self.take_over(kind, [], [])

    def take_over(self, kind: Kind, done: Sequence[Command], undone: Sequence[Command]) -> None:
        """Take the edits of a kind as its own record has them.

        The newest of them keep the places that edits of this kind have here; those that are
        older than the history come before all others.

        Parameters
        ----------
        kind
            Kind of the edits.
        done
            What can be taken back, the last edit last.
        undone
            What can be done again, the next one last.
        """
        self._done = _replaced(self._done, kind, done)
        self._undone = _replaced(self._undone, kind, undone)
        self.changed.emit()


def _replaced(stack: list[Command], kind: Kind, commands: Sequence[Command]) -> list[Command]:
    """Put commands into the places of their kind, from the top of the stack downwards."""
    left, kept = list(commands), []
    for command in reversed(stack):
        if command.target.kind != kind:
            kept.append(command)
        elif left:
            kept.append(left.pop())
    return left + kept[::-1]
