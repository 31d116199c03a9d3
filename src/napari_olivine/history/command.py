"""What a command of the history is: one edit that has an inverse and says what it changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["session", "traverse", "table", "outline", "region", "crystal", "spot", "mask"]
"""What a person edits."""


@dataclass(frozen=True)
class Target:
    """What to show after a command.

    Parameters
    ----------
    kind
        Kind of the thing.
    name
        Name of the session, of the EPMA profile, of the file of an EPMA table, of the outline or of
        the region, id of the crystal, place of the picked spot or of the
        correction of the mask in its list; empty or 0 if the
        command took it away.
    """

    kind: Kind
    name: str | int


class Command(Protocol):
    """One edit, carried out by `do`."""

    @property
    def target(self) -> Target:
        """What to show when the command has been carried out."""

    def do(self) -> None:
        """Carry it out.

        Raises
        ------
        OlivineError
            If that cannot be done; nothing has changed.
        """

    def inverse(self) -> Command:
        """Return the command that takes this one back; its own inverse does it again."""

    def describe(self) -> str:
        """Name the edit in a few words, e.g. ``"session 3 moved"``; the same for its inverse."""


@dataclass(frozen=True)
class HistoryStep:
    """One step back or forth in the history.

    Parameters
    ----------
    command
        What was carried out.
    back
        Whether an edit was taken back; otherwise it was done again.
    """

    command: Command
    back: bool

    def describe(self) -> str:
        """Tell the step to a person, e.g. ``"Taken back: session 3 moved"``."""
        return f"{'Taken back' if self.back else 'Done again'}: {self.command.describe()}"
