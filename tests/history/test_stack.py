"""One order of edits over models that know nothing of each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, strategies as st

from napari_olivine.errors import EditError
from napari_olivine.history import History, Target
from napari_olivine.history.command import Command, HistoryStep, Kind


@dataclass
class Model:
    """Numbers, of which the last one is taken back: as strict about the order as a journal."""

    numbers: list[int] = field(default_factory=list)
    broken: bool = False


@dataclass(frozen=True)
class Put:
    """Put a number on a model."""

    model: Model
    number: int
    kind: Kind = "session"
    back: bool = False

    @property
    def target(self) -> Target:
        return Target(self.kind, "" if self.back else str(self.number))

    def do(self) -> None:
        if self.model.broken:
            raise EditError("It cannot be done.")
        if self.back:
            assert self.model.numbers.pop() == self.number
        else:
            self.model.numbers.append(self.number)

    def inverse(self) -> Command:
        return replace(self, back=not self.back)

    def describe(self) -> str:
        return f"{self.kind} {self.number} put"


def test_the_last_edit_is_taken_back_first_and_done_again_last() -> None:
    history, model = History(), Model()
    for number in (1, 2):
        history.do(Put(model, number))
    assert (history.next_undo, history.next_redo) == ("session 2 put", "")
    steps: list[HistoryStep] = []
    history.moved.connect(steps.append)
    history.undo()
    assert model.numbers == [1]
    assert (history.next_undo, history.next_redo) == ("session 1 put", "session 2 put")
    history.redo()
    assert model.numbers == [1, 2]
    assert [step.describe() for step in steps] == [
        "Taken back: session 2 put",
        "Done again: session 2 put",
    ]
    assert [step.command.target for step in steps] == [
        Target("session", ""),
        Target("session", "2"),
    ]


def test_a_new_edit_of_any_kind_forgets_what_was_taken_back() -> None:
    history, model, other = History(), Model(), Model()
    history.do(Put(model, 1))
    history.undo()
    history.do(Put(other, 2, "traverse"))
    assert not history.can_redo
    with pytest.raises(EditError, match="no edit to do again"):
        history.redo()


def test_nothing_to_take_back() -> None:
    with pytest.raises(EditError, match="no edit to take back"):
        History().undo()


@pytest.mark.parametrize("back", [True, False])
def test_an_edit_that_fails_keeps_its_place(back: bool) -> None:
    history, model = History(), Model()
    history.do(Put(model, 1))
    if not back:
        history.undo()
    model.broken = True
    with pytest.raises(EditError, match="cannot be done"):
        (history.undo if back else history.redo)()
    with pytest.raises(EditError, match="cannot be done"):
        history.do(Put(model, 2))
    model.broken = False
    (history.undo if back else history.redo)()
    assert model.numbers == ([] if back else [1])
    assert len(history) == (0 if back else 1)


def test_while_it_pauses_nothing_is_taken_back() -> None:
    history, model = History(), Model()
    history.do(Put(model, 1))
    history.pause("Finish the line first.")
    assert not history.can_undo
    with pytest.raises(EditError, match="Finish the line"):
        history.undo()
    history.pause("")
    history.undo()
    assert model.numbers == []


def test_a_kind_is_forgotten_and_the_others_stay() -> None:
    history, model, other = History(), Model(), Model()
    history.do(Put(model, 1))
    history.do(Put(other, 2, "traverse"))
    history.do(Put(model, 3))
    history.forget("session")
    history.undo()
    assert (model.numbers, other.numbers) == ([1, 3], [])
    assert not history.can_undo


def test_a_record_on_disk_keeps_its_places_and_adds_older_edits_before_all_others() -> None:
    """A journal that was read again: 7 is older than the window, 8 was made in it."""
    history, journal, other = History(), Model([7]), Model()
    history.do(Put(other, 1, "traverse"))
    history.do(Put(journal, 8, "crystal"))
    history.do(Put(other, 2, "traverse"))
    history.take_over(
        "crystal",
        [Put(journal, 7, "crystal"), Put(journal, 8, "crystal")],
        [Put(journal, 9, "crystal", back=True)],
    )
    undone = []
    while history.can_undo:
        undone.append(history.undo().command.describe())
    assert undone == ["traverse 2 put", "crystal 8 put", "traverse 1 put", "crystal 7 put"]
    while history.can_redo:
        history.redo()
    assert (journal.numbers, other.numbers) == ([7, 8, 9], [1, 2])


def test_a_record_that_lost_edits_meanwhile() -> None:
    history, journal, other = History(), Model(), Model()
    history.do(Put(journal, 1, "crystal"))
    history.do(Put(other, 2, "traverse"))
    history.do(Put(journal, 3, "crystal"))
    journal.numbers.pop()  # another program took it back
    history.take_over("crystal", [Put(journal, 1, "crystal")], [])
    history.undo()
    history.undo()
    assert (journal.numbers, other.numbers, history.can_undo) == ([], [], False)


@given(st.lists(st.sampled_from(["session", "traverse", "crystal", "undo", "redo"]), max_size=40))
def test_any_walk_back_and_forth_ends_where_it_began(walk: list[str]) -> None:
    history = History()
    models: dict[Kind, Model] = {"session": Model(), "traverse": Model(), "crystal": Model()}
    for number, step in enumerate(walk):
        if step in ("undo", "redo"):
            if getattr(history, f"can_{step}"):
                getattr(history, step)()
        else:
            kind: Kind = step  # type: ignore[assignment]
            history.do(Put(models[kind], number, kind))
    while history.can_redo:
        history.redo()
    last = {kind: list(model.numbers) for kind, model in models.items()}
    while history.can_undo:
        history.undo()
    assert not any(model.numbers for model in models.values())
    while history.can_redo:
        history.redo()
    assert {kind: model.numbers for kind, model in models.items()} == last
