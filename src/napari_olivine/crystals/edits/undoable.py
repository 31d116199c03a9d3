"""An edit of crystals as a command of the history; the journal stays what counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from napari_olivine.crystals.edits.change import Change
from napari_olivine.crystals.edits.commands import Edit, Entry, Redo, Undo, describe_by_crystal
from napari_olivine.crystals.edits.journal import Journal
from napari_olivine.history import History, Target


class Editor(Protocol):
    """What carries out edits of crystals: a :class:`CrystalStore`, or a review that has one."""

    def do(self, edit: Edit) -> tuple[Entry, Change]:
        """Carry out a new edit."""

    def undo(self) -> tuple[Entry, Change | None]:
        """Take back the last edit of the journal."""

    def redo(self) -> tuple[Entry, Change | None]:
        """Do again what was taken back last."""


@dataclass
class CrystalEdit:
    """One edit of crystals.

    The order of the crystals' commands in a history is that of their journal, so that the last
    edit of the journal is always the one to take back.

    Parameters
    ----------
    editor
        What carries it out.
    edit
        What the person wants.
    back
        Whether the command takes the edit back.
    fresh
        Whether the journal does not have the edit yet.
    change
        What the command changed; `None` before it is carried out, and for an edit that was set
        aside.
    """

    editor: Editor
    edit: Edit
    back: bool = False
    fresh: bool = True
    change: Change | None = None

    @property
    def target(self) -> Target:
        """The crystal to look at first."""
        crystals = self.change.crystals if self.change is not None else []
        return Target("crystal", crystals[0] if crystals else 0)

    def do(self) -> None:
        """Write it to the journal and carry it out; see :class:`CrystalStore` for errors."""
        if self.back:
            _, self.change = self.editor.undo()
        elif self.fresh:
            _, self.change = self.editor.do(self.edit)
            self.fresh = False
        else:
            _, self.change = self.editor.redo()

    def inverse(self) -> CrystalEdit:
        """Return the command that takes the edit back, or does it again."""
        return replace(self, back=not self.back, change=None)

    def describe(self) -> str:
        """Return the edit in words, e.g. ``"crystals 12, 15: merged"``."""
        return describe_by_crystal(self.edit)


def take_over_journal(history: History, editor: Editor, journal: Journal) -> None:
    """Put the edits of a journal into a history, also those that are older than the history.

    Parameters
    ----------
    history
        History of the window.
    editor
        What carries out edits of these crystals.
    journal
        Its journal.
    """

    def commands(entries: list[Entry], *, back: bool) -> list[CrystalEdit]:
        return [
            CrystalEdit(editor, entry.edit, back=back, fresh=False)
            for entry in entries
            if not isinstance(entry.edit, Undo | Redo)
        ]

    history.take_over(
        "crystal",
        commands(journal.active(), back=False),
        commands(journal.undone(), back=True),
    )
