"""Edits of crystals in one history with those of sessions and traverses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from napari_olivine.crystals.edits import (
    Classify,
    CrystalEdit,
    CrystalStore,
    Edit,
    Judge,
    Merge,
    Note,
    Split,
    take_over_journal,
)
from napari_olivine.errors import SectionError
from napari_olivine.history import History, Target
from napari_olivine.section import Section
from napari_olivine.widgets.sessions.session_edits import COLUMNS, Extent, SessionEdits
from napari_olivine.widgets.traverses.placements import Traverses
from tests.crystals.edits.test_edits import (  # noqa: F401
    State,
    assert_whole,
    found,
    ids,
    section,
    state,
    store,
)

ROLES = st.sampled_from(["train", "val", "test", "none"])
SIDES = st.integers(0, 99)


def sessions(history: History) -> SessionEdits:
    rows = [("1", 0, 100, 0, 100, "train"), ("2", 100, 200, 0, 100, "val")]
    return SessionEdits(pd.DataFrame(rows, columns=COLUMNS), (560, 700), None, history)


def traverses(history: History) -> Traverses:
    rows = [("a", "line", 0.0, 0.0, 50.0, 0.0, "calibrate"), ("b", "line", *[np.nan] * 4, "ignore")]
    columns = ["profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use"]
    return Traverses(pd.DataFrame(rows, columns=columns), history)


SESSION_EDITS: st.SearchStrategy[Callable[[SessionEdits], Any]] = st.one_of(
    ROLES.map(lambda role: lambda model: model.set_role(0, role)),
    SIDES.map(lambda side: lambda model: model.move({0: Extent(side, 100, side, 100)})),
    SIDES.map(lambda side: lambda model: model.add(Extent(200, 201 + side, 0, 50))),
    st.text("ab", min_size=1, max_size=3).map(lambda name: lambda model: model.rename(0, name)),
    st.just(lambda model: model.remove([len(model) - 1]) if len(model) > 1 else None),
)
TRAVERSE_EDITS: st.SearchStrategy[Callable[[Traverses], Any]] = st.one_of(
    SIDES.map(lambda x: lambda model: model.place({"b": (1.0 * x, 0.0, 5.0, 5.0)})),
    st.sampled_from(["calibrate", "test"]).map(lambda use: lambda model: model.set_use("a", use)),
    st.just(lambda model: model.flip("a")),
    st.just(lambda model: model.assign("a", "b")),
    st.just(lambda model: model.remove("b")),
)


def crystal_edits(store: CrystalStore) -> st.SearchStrategy[Edit]:  # noqa: F811
    there = ids(store)
    one = st.sampled_from([there["disc"], there["left"]]).map(lambda crystal: (crystal,))
    return st.one_of(
        one.map(lambda crystals: Judge(crystals=crystals, verdict="accepted")),
        one.map(lambda crystals: Classify(crystals=crystals, zone_class="reversed")),
        one.map(lambda crystals: Note(crystals=crystals, text="look again")),
    )


def edit_crystals(history: History, store: CrystalStore, edit: Edit) -> CrystalEdit:  # noqa: F811
    command = CrystalEdit(store, edit)
    history.do(command)
    return command


def assert_same(one: State, other: State) -> None:
    for name, table in one[0].items():
        pd.testing.assert_frame_equal(table, other[0][name])
    np.testing.assert_array_equal(one[1], other[1])


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_all_taken_back_is_the_first_state_all_done_again_the_last(
    store: CrystalStore,  # noqa: F811
    data: st.DataObject,
) -> None:
    history = History()
    models: tuple[SessionEdits, Traverses] = sessions(history), traverses(history)

    def states() -> tuple[pd.DataFrame, pd.DataFrame, State]:
        return models[0].table, models[1].table, state(store)

    first = states()
    for kind in data.draw(
        st.lists(st.sampled_from(["session", "traverse", "crystal"]), max_size=8)
    ):
        if kind == "session":
            data.draw(SESSION_EDITS)(models[0])
        elif kind == "traverse":
            data.draw(TRAVERSE_EDITS)(models[1])
        else:
            edit_crystals(history, store, data.draw(crystal_edits(store)))
        if data.draw(st.booleans()) and history.can_undo:
            history.undo()
            history.redo()
    last = states()
    for step, wanted in (("undo", first), ("redo", last), ("undo", first)):
        while getattr(history, f"can_{step}"):
            getattr(history, step)()
        got = states()
        pd.testing.assert_frame_equal(got[0], wanted[0])
        pd.testing.assert_frame_equal(got[1], wanted[1])
        assert_same(got[2], wanted[2])


def test_pixels_go_back_and_forth_between_edits_of_other_kinds(
    store: CrystalStore,  # noqa: F811
) -> None:
    history, there = History(), ids(store)
    model = traverses(history)
    states = [state(store)]
    merge = edit_crystals(history, store, Merge(crystals=(there["left"], there["right"])))
    kept = int(merge.target.name)
    assert merge.target == Target("crystal", kept)
    assert merge.describe() == f"crystals {there['left']}, {there['right']}: merged"
    states.append(state(store))
    model.flip("a")
    line = ((80.0, 455.0), (220.0, 455.0))
    edit_crystals(history, store, Split(crystals=(there["twins"],), lines=(line,)))
    states.append(state(store))
    assert [history.undo().describe() for _ in range(3)] == [
        f"Taken back: crystal {there['twins']}: split",
        "Taken back: traverse a flipped",
        f"Taken back: {merge.describe()}",
    ]
    assert_same(state(store), states[0])
    for _ in range(3):
        history.redo()
    assert_same(state(store), states[2])
    assert_whole(store)
    assert [entry.edit.do for entry in store.journal.entries] == [
        "merge", "split", "undo", "undo", "redo", "redo",
    ]  # fmt: skip


def test_edits_of_an_earlier_run_come_after_those_of_the_window(section: Section) -> None:  # noqa: F811
    before = CrystalStore(section)
    there = ids(before)
    first = state(before)
    before.do(Judge(crystals=(there["disc"],), verdict="accepted"))
    before.do(Judge(crystals=(there["left"],), verdict="rejected"))
    before.undo()
    before.close()

    history = History()
    model = sessions(history)
    model.set_role(0, "test")
    again = CrystalStore(section)
    take_over_journal(history, again, again.journal)
    edit_crystals(history, again, Note(crystals=(there["left"],), text="new"))
    assert [history.undo().command.target for _ in range(3)] == [
        Target("crystal", there["left"]),
        Target("session", "1"),
        Target("crystal", there["disc"]),
    ]
    assert not history.can_undo
    assert_same(state(again), first)
    again.close()
    with pytest.raises(SectionError, match="closed for edits. Start the review again."):
        history.redo()
    assert history.can_redo  # nothing has changed: it is there for when the crystals are open


def test_what_an_earlier_run_took_back_is_done_again(section: Section) -> None:  # noqa: F811
    before = CrystalStore(section)
    crystal = ids(before)["disc"]
    before.do(Judge(crystals=(crystal,), verdict="accepted"))
    before.undo()
    before.close()
    history, again = History(), CrystalStore(section)
    take_over_journal(history, again, again.journal)
    history.redo()
    assert again.table.at[crystal, "verdict"] == "accepted"
    again.close()
