"""The order in which a person is shown crystals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.review import Progress, ReviewQueue, reviewed


def crystals(*ids: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ids,
            "size_class": ["phenocryst" if k % 2 else "microlite" for k in ids],
            "verdict": "", "reviewed_class": "", "corrected": False,
        }
    )  # fmt: skip


DOUBT = pd.Series({1: 0.1, 2: 0.9, 3: 0.5, 4: 0.7})


def test_the_most_doubtful_come_first_and_equal_ones_in_reading_order() -> None:
    assert ReviewQueue(crystals(1, 2, 3, 4), DOUBT).ids.tolist() == [2, 4, 3, 1]
    equal = pd.Series(0.5, [1, 2, 3, 4])
    assert ReviewQueue(crystals(4, 2, 3, 1), equal).ids.tolist() == [1, 2, 3, 4]


def test_crystals_without_a_doubt_come_last() -> None:
    doubt = pd.Series({1: 0.0, 3: np.nan, 4: 0.2})
    assert ReviewQueue(crystals(1, 2, 3, 4), doubt).ids.tolist() == [4, 1, 2, 3]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("verdict", "accepted"),
        ("verdict", "rejected"),
        ("reviewed_class", "normal"),
        ("corrected", True),
    ],
)
def test_what_a_person_judged_is_not_shown_again(column: str, value: object) -> None:
    table = crystals(1, 2, 3, 4)
    table.loc[1, column] = value
    assert reviewed(table).tolist() == [False, True, False, False]
    queue = ReviewQueue(table, DOUBT)
    assert queue.ids.tolist() == [4, 3, 1]
    assert queue.progress == Progress(1, 4)


def test_what_lies_outside_the_region_of_study_is_not_looked_at() -> None:
    table = crystals(1, 2, 3, 4).assign(region_share=[1.0, 0.4, 0.6, 0.0])
    queue = ReviewQueue(table, DOUBT)
    assert queue.ids.tolist() == [3, 1]
    assert queue.next(after=2) == 3
    assert queue.progress == Progress(0, 2)


def test_a_note_is_no_review_and_missing_columns_say_nothing() -> None:
    table = crystals(1, 2).assign(note="odd")
    assert not reviewed(table).any()
    assert not reviewed(table[["id"]]).any()
    assert not reviewed(table.assign(verdict=None)).any()


def test_going_through_the_queue() -> None:
    queue = ReviewQueue(crystals(1, 2, 3, 4), DOUBT)
    first = queue.next()
    assert first == 2
    queue.close(first)
    second = queue.next(first)
    assert second == 4
    assert queue.next(second) == 3  # left for later
    assert queue.previous(3) == 4
    assert queue.previous(4) == 2  # reviewed, but it was shown
    assert queue.previous(2) is None
    assert queue.next(2) == 4
    assert queue.progress == Progress(1, 4)


def test_behind_the_last_one_comes_the_first_that_is_left() -> None:
    queue = ReviewQueue(crystals(1, 2, 3, 4), DOUBT)
    queue.close(1, 2)
    assert queue.next(3) == 4
    queue.close(3)
    assert queue.next(4) == 4
    queue.close(4)
    assert queue.next(4) is None
    assert queue.progress == Progress(4, 4)
    assert queue.progress.share == 1


def test_what_comes_next_is_told_and_not_remembered() -> None:
    queue = ReviewQueue(crystals(1, 2, 3, 4), DOUBT)
    assert queue.coming(None, 2) == [2, 4]
    queue.close(4)
    assert queue.coming(2, 2) == [3, 1]
    assert queue.coming(1, 2) == []
    assert queue.previous() is None
    assert queue.next() == 2


def test_some_size_classes_or_some_crystals_only() -> None:
    queue = ReviewQueue(crystals(1, 2, 3, 4), DOUBT, sizes=["phenocryst"])
    assert queue.ids.tolist() == [3, 1]
    assert queue.progress == Progress(0, 2)
    queue.close(2)  # not in sight, but reviewed all the same
    queue.restrict(chosen=[2, 3])
    assert queue.ids.tolist() == [3]
    assert queue.progress == Progress(1, 2)
    queue.restrict(sizes=[])
    assert queue.next() is None
    queue.restrict()
    assert queue.ids.tolist() == [4, 3, 1]


def test_a_merge_and_a_split_change_the_queue_in_place() -> None:
    queue = ReviewQueue(crystals(1, 2, 3, 4), DOUBT)
    assert queue.next() == 2
    merged = crystals(1, 3, 4)
    merged.loc[2, "corrected"] = True  # 4 took in 2
    queue.sync(merged)
    assert queue.ids.tolist() == [3, 1]
    assert queue.progress == Progress(1, 3)
    assert queue.next(2) == 3  # 2 is gone: from the beginning
    assert queue.previous(3) is None
    queue.sync(crystals(1, 3, 4, 5), pd.Series({5: 0.6, 1: 0.55}))
    assert queue.ids.tolist() == [4, 5, 1, 3]
    queue.sync(crystals(1, 2, 3, 4))  # both undone: the old doubt is remembered
    assert queue.ids.tolist() == [2, 4, 1, 3]


def test_a_new_order_forgets_no_verdict() -> None:
    queue = ReviewQueue(crystals(1, 2, 3, 4), DOUBT, sizes=["phenocryst", "microlite"])
    queue.close(2)
    queue.rank(pd.Series({1: 0.9, 2: 0.8, 3: 0.2, 4: 0.1}))
    assert queue.ids.tolist() == [1, 3, 4]
    queue.restrict(sizes=["phenocryst"])
    queue.rank(pd.Series({1: 0.1, 3: 0.2}))
    assert queue.ids.tolist() == [3, 1]


def test_an_empty_table() -> None:
    queue = ReviewQueue(crystals(), pd.Series(dtype=float))
    assert queue.next() is None
    assert queue.previous() is None
    assert queue.progress.share == 1


def test_the_table_may_have_the_ids_as_its_index_too() -> None:
    table = crystals(1, 2, 3, 4).set_index("id", drop=False)
    table.loc[4, "verdict"] = "accepted"
    assert ReviewQueue(table, DOUBT).ids.tolist() == [2, 3, 1]


@given(st.lists(st.integers(1, 50), unique=True), st.integers(0, 1000), st.integers(1, 7))
@settings(max_examples=50, deadline=None)
def test_every_crystal_is_shown_once_however_often_the_order_changes(
    ids: list[int], seed: int, every: int
) -> None:
    random = np.random.default_rng(seed)
    queue = ReviewQueue(crystals(*ids), pd.Series(random.random(len(ids)), ids))
    shown: list[int] = []
    while (crystal := queue.next(shown[-1] if shown else None)) is not None:
        shown.append(crystal)
        queue.close(crystal)
        if len(shown) % every == 0:
            queue.rank(pd.Series(random.random(len(ids)), ids))
    assert sorted(shown) == sorted(ids)
    assert queue.progress == Progress(len(ids), len(ids))
