"""A table that a person edits; each edit is a command of the history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from psygnal import Signal

from napari_olivine.history.command import Kind, Target
from napari_olivine.history.stack import History

if TYPE_CHECKING:
    import pandas as pd


class EditedTable:
    """A small table under a person's hands.

    A subclass names its :attr:`target_kind` and puts every edit through :meth:`edit`.

    Parameters
    ----------
    table
        The table as it is stored.
    history
        History of the window; one of its own if not given.
    """

    target_kind: ClassVar[Kind]

    changed = Signal()
    """After every edit, undo and redo."""

    def __init__(self, table: pd.DataFrame, history: History | None = None) -> None:
        self.table = self.ordered(table)
        self.history = History() if history is None else history

    @staticmethod
    def ordered(table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the columns, types and index that the model keeps."""
        return table.reset_index(drop=True)

    def edit(self, table: pd.DataFrame, words: str, before: str, after: str) -> None:
        """Put another table in place of the one that is here; nothing happens if they are equal.

        Parameters
        ----------
        table
            The table after the edit.
        words
            The edit in words, e.g. ``"session 3 moved"``.
        before, after
            Name of the row that the edit is about, before and after it; empty where there is none.
        """
        table = self.ordered(table)
        if not table.equals(self.table):
            self.history.do(TableEdit(self, self.table, table, words, before, after))

    def put(self, table: pd.DataFrame) -> None:
        """Take a table as the present one; only for commands of the history."""
        self.table = table
        self.changed.emit()


@dataclass(frozen=True)
class TableEdit:
    """One edit of a table, see :meth:`EditedTable.edit`.

    Parameters
    ----------
    model
        Model that is edited.
    before, after
        Its table before and after.
    words
        The edit in words.
    name_before, name_after
        Name of the row that it is about, before and after.
    """

    model: EditedTable
    before: pd.DataFrame
    after: pd.DataFrame
    words: str
    name_before: str
    name_after: str

    @property
    def target(self) -> Target:
        """The row that the edit is about."""
        return Target(self.model.target_kind, self.name_after)

    def do(self) -> None:
        """Put the table after the edit in place."""
        self.model.put(self.after)

    def inverse(self) -> TableEdit:
        """Return the edit from the table after to the table before."""
        return replace(
            self,
            before=self.after,
            after=self.before,
            name_before=self.name_after,
            name_after=self.name_before,
        )

    def describe(self) -> str:
        """Return the edit in words."""
        return self.words
