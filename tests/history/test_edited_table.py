"""A table that a person edits, row by row."""

from __future__ import annotations

import pandas as pd

from napari_olivine.history import EditedTable, History, Target
from napari_olivine.history.command import HistoryStep


class Names(EditedTable):
    target_kind = "session"


def test_an_edit_says_which_row_to_look_at_on_both_ways() -> None:
    history, steps = History(), []
    names = Names(pd.DataFrame({"name": ["a"]}), history)
    history.moved.connect(steps.append)
    names.edit(pd.DataFrame({"name": ["b"]}), "a renamed to b", "a", "b")
    history.undo()
    history.redo()
    back, forth = steps
    assert isinstance(back, HistoryStep)
    assert back.command.target == Target("session", "a")
    assert forth.command.target == Target("session", "b")
    assert back.describe() == "Taken back: a renamed to b"


def test_an_edit_that_changes_nothing_is_none() -> None:
    names = Names(pd.DataFrame({"name": ["a", None]}))
    changes: list[int] = []
    names.changed.connect(lambda: changes.append(1))
    names.edit(pd.DataFrame({"name": ["a", None]}, index=[4, 5]), "nothing", "a", "a")
    assert not changes
    assert not names.history.can_undo


def test_tables_share_a_history() -> None:
    history = History()
    one, other = (Names(pd.DataFrame({"name": [name]}), history) for name in "ab")
    one.edit(pd.DataFrame({"name": ["c"]}), "one", "a", "c")
    other.edit(pd.DataFrame({"name": ["d"]}), "other", "b", "d")
    history.undo()
    assert (one.table["name"].item(), other.table["name"].item()) == ("c", "b")
    history.undo()
    assert one.table["name"].item() == "a"
