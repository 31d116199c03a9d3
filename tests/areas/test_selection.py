"""The greedy choice: diminishing returns, disjoint roles, as good as it must be."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from napari_olivine.areas import Objective, select, smallest


@st.composite
def objectives(draw: st.DrawFn) -> Objective:
    cells, kinds = draw(st.integers(1, 7)), draw(st.integers(0, 4))
    numbers = st.floats(0, 20).map(lambda value: round(value, 2))
    counts = draw(hnp.arrays(float, (cells, kinds), elements=numbers))
    counts = counts[:, counts.sum(axis=0) >= 0.5]
    shares = st.floats(0, 1).map(lambda value: round(value, 2))
    likeness = draw(hnp.arrays(float, (cells, cells), elements=shares))
    np.fill_diagonal(likeness, 1)
    weights = draw(hnp.arrays(float, cells, elements=st.floats(0.1, 1)))
    importance = draw(hnp.arrays(float, counts.shape[1], elements=st.floats(0.1, 1)))
    return Objective(counts, likeness, weights, importance / max(importance.sum(), 0.1))


@given(objectives(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_cell_adds_less_to_a_larger_set(objective: Objective, random: object) -> None:
    cells = list(range(len(objective.counts)))
    random.shuffle(cells)  # type: ignore[attr-defined]
    *rest, last = cells
    for size in range(len(rest)):
        small, large = rest[:size], rest[: size + 1]
        to_small = objective.value([*small, last]) - objective.value(small)
        to_large = objective.value([*large, last]) - objective.value(large)
        assert to_small >= to_large - 1e-9
        assert to_large >= -1e-9


@given(objectives(), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_it_is_worth_what_greedy_choice_guarantees(objective: Objective, count: int) -> None:
    cells = len(objective.counts)
    count = min(count, cells)
    picks = select(objective, np.ones(cells, bool), count, 0)
    chosen = [pick.cell for pick in picks]
    assert len(set(chosen)) == len(chosen) == count
    best = max(objective.value(some) for some in combinations(range(cells), count))
    assert objective.value(chosen) >= (1 - 1 / np.e) * best - 1e-9


@given(objectives(), st.data())
@settings(max_examples=80, deadline=None)
def test_roles_are_disjoint_and_closed_cells_stay_closed(
    objective: Objective, data: st.DataObject
) -> None:
    cells = len(objective.counts)
    free = data.draw(hnp.arrays(bool, cells))
    train, val = data.draw(st.integers(1, 5)), data.draw(st.integers(0, 3))
    picks = select(objective, free, train, val)
    chosen = [pick.cell for pick in picks]
    assert len(set(chosen)) == len(chosen) == min(train + val, free.sum())
    assert free[chosen].all()
    roles = [pick.role for pick in picks]
    assert roles.count("train") <= train
    assert roles.count("val") <= val
    assert picks == select(objective, free, train, val), "the same again"


@given(objectives(), st.integers(1, 6), st.sampled_from([0.0, 0.2, 0.5]))
@settings(max_examples=80, deadline=None)
def test_smallest_set_shows_every_kind_and_has_no_cell_too_many(
    objective: Objective, pieces: int, validation: float
) -> None:
    free = np.ones(len(objective.counts), bool)
    picks = smallest(objective, free, pieces, validation)
    train = [pick.cell for pick in picks if pick.role == "train"]
    chosen = [pick.cell for pick in picks]
    assert len(set(chosen)) == len(chosen)
    assert train
    assert objective.shown(train, pieces).all()
    for cell in train if len(train) > 1 else ():
        rest = [one for one in train if one != cell]
        assert not objective.shown(rest, pieces).all() or cell == train[0]


def test_validation_leaves_the_last_of_a_kind_to_training() -> None:
    """Only cell 2 has the rare mineral; validation comes to choose before training has it."""
    counts = np.array([[9.0, 0], [8.0, 0], [0.0, 1], [7.0, 0]])
    objective = Objective(counts, np.eye(4), np.ones(4), np.full(2, 0.5))
    picks = select(objective, np.ones(4, bool), 2, 2)
    assert {pick.cell for pick in picks if pick.role == "train"} >= {2}


def test_texture_alone_takes_cells_that_stand_for_all_others() -> None:
    """Three looks: four cells, two cells, one cell."""
    look = np.array([0, 0, 0, 0, 1, 1, 2])
    likeness = np.where(look[:, None] == look[None, :], 1.0, 0.1)
    objective = Objective(np.zeros((7, 0)), likeness, np.ones(7), np.zeros(0))
    picks = select(objective, np.ones(7, bool), 3, 0)
    assert [look[pick.cell] for pick in picks] == [0, 1, 2]
