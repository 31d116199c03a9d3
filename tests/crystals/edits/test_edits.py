"""A person's edits of crystals: carried out, taken back, kept through crashes and reruns."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from numpy.typing import NDArray

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.edits import (
    Classify,
    CrystalStore,
    Edit,
    Journal,
    Judge,
    Merge,
    Note,
    Redraw,
    Shape,
    Split,
    bring_up_to_date,
)
from napari_olivine.errors import EditError, SectionError
from napari_olivine.job import Job
from napari_olivine.section import Section
from tests.crystals.test_step import labels_of, make_section, put

Image = NDArray[Any]

AS_FOUND = CrystalsSettings(bridge_um=0, part_touching=False)
"""Every connected region is a crystal: what is to be corrected stays as it is."""

PLACES = {"disc": (150, 150), "twins": (150, 450), "left": (400, 120), "right": (400, 186)}


def scene() -> tuple[Image, Image]:
    """A zoned disc, two discs that touch, two halves of a disc beside a crack, a square."""
    rows, columns = np.mgrid[:560, :700]
    olivine = np.zeros(rows.shape, bool)
    mg = np.full(rows.shape, 0.5)
    for row, column, radius, core, rim in [
        (150, 150, 60, 0.9, 0.8), (150, 410, 50, 0.9, 0.8), (150, 500, 50, 0.8, 0.88),
        (400, 150, 70, 0.85, 0.85),
    ]:  # fmt: skip
        away = np.hypot(rows - row, columns - column)
        inside = away <= radius
        olivine |= inside
        mg[inside] = (core + (rim - core) * (away / radius) ** 2)[inside]
    olivine[:, 151:155] = np.where(rows[:, 151:155] > 300, False, olivine[:, 151:155])
    olivine[400:440, 500:540] = True
    olivine[404:410, 504:510] = False
    olivine[150:158, 120:128] = False
    return olivine, mg


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    section = make_section(tmp_path_factory.mktemp("edits") / "section", *scene())
    find_crystals(section, AS_FOUND, Job())
    return section.path


@pytest.fixture
def section(found: Path, tmp_path: Path) -> Section:
    shutil.copytree(found, tmp_path / "section")
    return Section(tmp_path / "section")


@pytest.fixture
def store(section: Section) -> Iterator[CrystalStore]:
    store = CrystalStore(section)
    yield store
    store.close()


def at(store: CrystalStore, row: int, column: int) -> int:
    """Return the crystal at a place."""
    return int(store.labels.read(slice(row, row + 1), slice(column, column + 1))[0, 0])


def ids(store: CrystalStore) -> dict[str, int]:
    return {name: at(store, *place) for name, place in PLACES.items()}


def assert_whole(store: CrystalStore) -> None:
    """Labels, table and overviews tell the same."""
    labels = labels_of(store.section)
    counts = np.bincount(labels.ravel())
    there = np.flatnonzero(counts[1:]) + 1
    assert there.tolist() == store.table["id"].tolist() == store.table.index.tolist()
    assert counts[there].tolist() == store.table["area_px"].tolist()
    for crystal, row in store.table.iterrows():
        down, right = np.nonzero(labels == crystal)
        box = [down.min(), down.max() + 1, right.min(), right.max() + 1]
        assert row[["row0", "row1", "col0", "col1"]].tolist() == box
    assert set(store.profiles["id"]) <= set(there)
    for level in range(1, len(store.labels.levels)):
        shape = store.labels.levels[level].shape
        window = slice(0, shape[0]), slice(0, shape[1])
        np.testing.assert_array_equal(
            store.labels.read(*window, level), store.labels.reduced(level, *window)
        )


State = tuple[dict[str, pd.DataFrame], Image]


def state(store: CrystalStore) -> State:
    return dict(store.tables), labels_of(store.section)


def assert_same(one: State, other: State) -> None:
    for name, table in one[0].items():
        pd.testing.assert_frame_equal(
            table, other[0][name], check_exact=True, check_index_type=False
        )
    np.testing.assert_array_equal(one[1], other[1])


def circle(row: int, column: int, radius: int, crystal: int = 0) -> Redraw:
    side = np.arange(-radius, radius + 1)
    mask = np.hypot(side[:, None], side) <= radius
    shape = Shape.of_mask(mask, row - radius, column - radius)
    return Redraw(crystals=(crystal,) if crystal else (), drawn=shape)


# ---------------------------------------------------------------------- what edits do


def test_a_verdict_a_class_and_a_note_are_in_the_table_with_who_and_when(
    store: CrystalStore,
) -> None:
    disc = ids(store)["disc"]
    assert store.table.at[disc, "zoning_class"] == "normal"
    store.do(Judge(crystals=(disc,), verdict="accepted"), who="Ada")
    store.do(Classify(crystals=(disc,), zone_class="mg_rich_mantle"), who="Ada")
    store.do(Note(crystals=(disc,), text="see also 3"), who="Grace")
    row = store.table.loc[disc]
    assert (row["verdict"], row["note"], row["reviewer"]) == ("accepted", "see also 3", "Grace")
    assert row["reviewed_at"] > "2026"
    assert (row["zone_class"], row["reviewed_class"]) == ("mg_rich_mantle", "mg_rich_mantle")
    assert row["zoning_class"] == "none"  # as the paper files mantled crystals
    assert row["mantled"]
    assert row["zone_probability"] == 1
    store.flush()
    on_disk = store.section.table("crystals", "crystals")
    pd.testing.assert_frame_equal(on_disk, store.table.reset_index(drop=True))
    notes = store.section.require("crystals").notes
    assert (notes["edits"], notes["phenocrysts_normal"]) == (3, 0)


def test_rejected_crystals_do_not_count(store: CrystalStore) -> None:
    before = store.section.require("crystals").notes["phenocrysts"]
    store.do(Judge(crystals=tuple(ids(store).values()), verdict="rejected"))
    store.flush()
    assert store.section.require("crystals").notes["phenocrysts"] == before - 4
    assert (labels_of(store.section) > 0).sum() == scene()[0].sum()  # they stay to be seen


def test_merged_halves_are_measured_as_one(store: CrystalStore) -> None:
    names = ids(store)
    assert names["left"] != names["right"]
    areas = store.table.loc[[names["left"], names["right"]], "area_px"]
    keeper = int(areas.idxmax())
    _, change = store.do(Merge(crystals=(names["left"], names["right"])))
    assert change.crystals == [keeper]
    row = store.table.loc[keeper]
    assert row["area_px"] == areas.sum()
    assert row["feret_max_um"] == pytest.approx(2 * 141, abs=3)
    assert row["zone_class"] == "unzoned"
    assert row["corrected"]
    assert_whole(store)


@pytest.mark.parametrize("by", ["line", "markers"])
def test_twins_are_split_and_each_has_its_own_zoning(store: CrystalStore, by: str) -> None:
    twins = ids(store)["twins"]
    if by == "line":
        edit = Split(crystals=(twins,), lines=(((80.0, 455.0), (220.0, 455.0)),))
    else:
        edit = Split(crystals=(twins,), markers=((150.0, 400.0), (140.0, 510.0)))
    before = store.table.at[twins, "area_px"]
    _, change = store.do(edit)
    assert change.crystals[0] == twins
    normal, reversed_ = at(store, 150, 410), at(store, 150, 500)
    assert {normal, reversed_} == set(change.crystals)
    assert store.table.loc[[normal, reversed_], "zoning_class"].tolist() == ["normal", "reversed"]
    assert store.table.loc[[normal, reversed_], "area_px"].sum() == before
    for crystal in (normal, reversed_):
        assert store.table.at[crystal, "area_px"] == pytest.approx(np.pi * 50**2, rel=0.04)
    assert_whole(store)


def test_what_was_merged_falls_into_its_pieces_again(store: CrystalStore) -> None:
    names = ids(store)
    labels = labels_of(store.section)
    keeper = store.do(Merge(crystals=(names["left"], names["right"])))[1].crystals[0]
    store.do(Split(crystals=(keeper,)))
    now = ids(store)
    assert now["left"] != now["right"]
    np.testing.assert_array_equal(labels_of(store.section) > 0, labels > 0)
    assert_whole(store)


def test_a_line_across_a_crack_cuts_both_sides(store: CrystalStore) -> None:
    names = ids(store)
    keeper = store.do(Merge(crystals=(names["left"], names["right"])))[1].crystals[0]
    store.close()
    (store.folder / "product.json").write_text(  # a crack of 8 um is bridged
        (store.folder / "product.json").read_text().replace('"bridge_um": 0.0', '"bridge_um": 8.0')
    )
    again = CrystalStore(store.section)
    _, change = again.do(Split(crystals=(keeper,), lines=(((400.0, 60.0), (400.0, 240.0)),)))
    assert len(change.crystals) == 2
    assert at(again, 370, 120) == at(again, 370, 186) != at(again, 430, 120)
    assert at(again, 430, 120) == at(again, 430, 186)
    assert_whole(again)
    again.close()


def test_a_redrawn_outline_takes_from_its_neighbour_and_keeps_note_and_class(
    store: CrystalStore,
) -> None:
    disc = ids(store)["disc"]
    store.do(Note(crystals=(disc,), text="cut by a vesicle"))
    store.do(Classify(crystals=(disc,), zone_class="patchy"))
    store.do(circle(150, 300, 100, disc))
    assert at(store, 150, 150) == 0
    assert at(store, 150, 380) == disc
    assert store.table.loc[disc, ["note", "zone_class"]].tolist() == ["cut by a vesicle", "patchy"]
    twins = at(store, 150, 450)
    assert store.table.at[twins, "corrected"]
    assert_whole(store)


def test_a_crystal_that_was_not_found_is_drawn(store: CrystalStore) -> None:
    new = store.do(circle(300, 600, 30))[1].crystals[0]
    assert new == 6
    assert store.table.at[new, "size_class"] == "phenocryst"
    assert_whole(store)


def test_a_crystal_that_is_painted_over_wholly_is_gone(store: CrystalStore) -> None:
    square = at(store, 420, 520)
    store.do(circle(420, 520, 40))
    assert square not in store.table.index
    assert_whole(store)
    store.undo()
    assert at(store, 420, 520) == square
    assert_whole(store)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (Judge(crystals=(99,), verdict="accepted"), "no crystal 99"),
        (Split(crystals=(1,), lines=(((150.0, 100.0), (150.0, 150.0)),)), "in two"),
        (Split(crystals=(1,), lines=(((10.0, 10.0), (20.0, 20.0)),)), "in two"),
        (Split(crystals=(1,), markers=((150.0, 150.0), (10.0, 10.0))), "two markers"),
        (Split(crystals=(1,)), "one piece"),
        (Redraw(crystals=(1,), drawn=Shape.of_mask(np.zeros((5, 5), bool), 0, 0)), "Nothing"),
        (Redraw(crystals=(), drawn=Shape.of_mask(np.ones((9, 9), bool), 555, 0)), "in the section"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    store: CrystalStore, edit: Edit, told: str
) -> None:
    before = state(store)
    with pytest.raises(EditError, match=told):
        store.do(edit)
    assert_same(before, state(store))
    assert store.journal.last == 0


# ---------------------------------------------------------------------- there and back


@st.composite
def plans(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    kinds = st.sampled_from(
        ["judge", "classify", "note", "merge", "line", "markers", "pieces", "draw", "undo", "redo"]
    )
    number = st.integers(0, 10_000)
    return draw(st.lists(st.tuples(kinds, number, number), min_size=1, max_size=8))


def carry_out(store: CrystalStore, kind: str, one: int, two: int) -> None:
    there = store.table.index
    a, b = int(there[one % len(there)]), int(there[two % len(there)])
    box = store.table.loc[a, ["row0", "row1", "col0", "col1"]].to_numpy(float)
    middle = box[2] + (box[3] - box[2]) * ((two % 7) + 1) / 8
    if kind == "undo":
        store.undo()
    elif kind == "redo":
        store.redo()
    elif kind == "judge":
        store.do(Judge(crystals=(a,), verdict=("accepted", "rejected", "")[two % 3]))
    elif kind == "classify":
        store.do(Classify(crystals=(a,), zone_class=("normal", "patchy", "unzoned")[two % 3]))
    elif kind == "note":
        store.do(Note(crystals=tuple({a, b}), text=f"µ {two}"))
    elif kind == "merge" and a != b:
        store.do(Merge(crystals=(a, b)))
    elif kind == "line":
        line = ((box[0] - 2, middle), (box[1] + 2, middle))
        store.do(Split(crystals=(a,), lines=(line,)))
    elif kind == "markers":
        places = ((box[0] + 20, middle), (box[1] - 20, middle))
        store.do(Split(crystals=(a,), markers=places))
    elif kind == "pieces":
        store.do(Split(crystals=(a,)))
    elif kind == "draw":
        store.do(circle(40 + one % 480, 40 + two % 620, 10 + one % 30, a if two % 2 else 0))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plan=plans())
@example(plan=[("line", 0, 0), ("merge", 0, 1393), ("line", 1, 412)])  # a profile of one depth
def test_any_edits_are_taken_back_and_done_again(
    found: Path, tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[str, int, int]]
) -> None:
    path = tmp_path_factory.mktemp("plan") / "section"
    shutil.copytree(found, path)
    store = CrystalStore(Section(path))
    first = state(store)
    for step in plan:
        try:
            carry_out(store, *step)
        except EditError:
            continue
    assert_whole(store)
    last = state(store)
    back = 0
    while store.journal.active():
        store.undo()
        back += 1
    assert_same(first, state(store))
    for _ in range(back):
        store.redo()
    assert_same(last, state(store))
    store.close()
    again = CrystalStore(Section(path))
    assert_same(last, state(again))
    again.close()
    # Crystals of which nobody has written the edits come to the same from the journal alone.
    shutil.rmtree(path / "crystals")
    shutil.copytree(found / "crystals", path / "crystals")
    anew = CrystalStore(Section(path))
    np.testing.assert_array_equal(labels_of(anew.section) > 0, last[1] > 0)
    assert_whole(anew)
    anew.close()
    shutil.rmtree(path)


def test_there_is_nothing_to_take_back_at_first(store: CrystalStore) -> None:
    with pytest.raises(EditError, match="take back"):
        store.undo()
    with pytest.raises(EditError, match="do again"):
        store.redo()
    store.do(Note(crystals=(1,), text="x"))
    store.undo()
    store.do(Note(crystals=(1,), text="y"))
    with pytest.raises(EditError, match="do again"):  # another edit ends what could be done again
        store.redo()


# ---------------------------------------------------------------------- crashes


EDITOR = """
import sys
from napari_olivine.crystals.edits import CrystalStore, Judge, Merge, Split
from napari_olivine.section import Section
store = CrystalStore(Section(sys.argv[1]))
left, right = (int(store.labels.read(slice(400, 401), slice(c, c + 1))[0, 0]) for c in (120, 186))
for k in range(10_000):
    if k % 3 == 0:
        keeper = store.do(Merge(crystals=(left, right)))[1].crystals[0]
    elif k % 3 == 1:
        left, right = store.do(Split(crystals=(keeper,)))[1].crystals
    else:
        store.do(Judge(crystals=(1,), verdict=("accepted", "rejected")[k % 2]))
    if k % 4 == 0:
        store.flush()
    print(k + 1, flush=True)
"""


def test_a_record_that_was_not_written_is_mended(section: Section) -> None:
    before = section.require("crystals").fingerprint
    record = section.path / "crystals" / "product.json"
    old = record.read_bytes()
    store = CrystalStore(section)
    store.do(Note(crystals=(at(store, 150, 150),), text="seen"))
    store.close()
    after = section.require("crystals").fingerprint
    record.write_bytes(old)  # as if it had been killed just before
    CrystalStore(section).close()
    assert section.require("crystals").fingerprint == after != before


def test_crystals_that_nobody_can_write_are_open_for_reading(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    store = CrystalStore(section)
    assert "nobody can write there: Permission denied" in store.held_by
    with pytest.raises(SectionError, match="only be looked at"):
        store.do(Note(crystals=(at(store, 150, 150),), text="seen"))


def test_a_killed_process_loses_no_confirmed_edit(section: Section) -> None:
    """The process is killed at once, wherever it stands: five times in a row."""
    confirmed = 0
    for wait in (1, 5, 9, 14, 17):
        with subprocess.Popen(
            [sys.executable, "-c", EDITOR, str(section.path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(wait)]
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        confirmed += told[-1]
        journal = Journal(section.path)
        assert journal.last >= confirmed
        confirmed = journal.last  # an edit may have been confirmed before it was told
        store = CrystalStore(section)
        assert store.applied == journal.last
        assert_whole(store)
        joined = [e.edit.do for e in journal.entries if e.edit.do in ("merge", "split")]
        assert (ids(store)["left"] == ids(store)["right"]) == (joined[-1] == "merge")
        if joined[-1] == "merge":  # as the next process expects it
            store.undo()
            confirmed += 1
        store.close()


def test_an_edit_that_was_confirmed_but_not_begun_is_carried_out_later(
    store: CrystalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ids(store)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store.changes, "keep", crash)
    with pytest.raises(KeyboardInterrupt):
        store.do(Merge(crystals=(names["left"], names["right"])))
    store.journal.release()
    again = CrystalStore(store.section)
    assert ids(again)["left"] == ids(again)["right"]
    assert_whole(again)
    again.close()


def test_half_a_line_at_the_end_was_never_confirmed(store: CrystalStore) -> None:
    store.do(Judge(crystals=(1,), verdict="accepted"))
    store.do(Judge(crystals=(2,), verdict="accepted"))
    store.close()
    file = store.journal.file
    file.write_bytes(file.read_bytes()[:-20])
    shutil.rmtree(store.folder / "edits")
    again = CrystalStore(store.section)
    assert again.journal.last == 1
    again.do(Judge(crystals=(3,), verdict="rejected"))
    assert [entry.n for entry in Journal(store.section.path).entries] == [1, 2]
    again.close()


@pytest.mark.parametrize("harm", ["word", "number", "order"])
def test_a_damaged_journal_is_told_by_its_line(store: CrystalStore, harm: str) -> None:
    store.do(Note(crystals=(1,), text="a"))
    store.do(Note(crystals=(1,), text="b"))
    store.close()
    lines = store.journal.file.read_text().splitlines()
    if harm == "word":
        lines[0] = lines[0].replace('"note"', '"nota"')
    elif harm == "number":
        lines[0] = lines[0].replace('"n":1', '"n":7')
    else:
        told = json.loads(lines[0]) | {"edit": {"do": "undo", "of": 3}}
        lines[0] = json.dumps(told)
    store.journal.file.write_text("\n".join(lines) + "\n")
    with pytest.raises(SectionError, match=r"Line 1 of .*journal\.jsonl"):
        CrystalStore(store.section)


# ---------------------------------------------------------------------- reruns


def rerun(section: Section, olivine: Image) -> list[str]:
    """Segment anew, find the crystals again; return the warnings."""
    told: list[str] = []

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "warning":
            told.append(event["message"])

    shutil.rmtree(section.path / "segmentation")
    put(section, "segmentation", "olivine", olivine.astype(np.uint8), version=2)
    find_crystals(section, AS_FOUND, Job(listen=listen))
    return told


def test_edits_are_carried_out_again_after_a_rerun(store: CrystalStore) -> None:
    names = ids(store)
    square = at(store, 420, 520)
    store.do(Judge(crystals=(names["disc"],), verdict="accepted"), who="Ada")
    store.do(Split(crystals=(names["twins"],), lines=(((80.0, 455.0), (220.0, 455.0)),)))
    store.do(Note(crystals=(at(store, 150, 500),), text="the right twin"))
    store.do(Merge(crystals=(names["left"], names["right"])))
    store.do(Judge(crystals=(square,), verdict="rejected"))
    store.do(Note(crystals=(names["disc"],), text="taken back"))
    store.undo()
    new = store.do(circle(300, 600, 30))[1].crystals[0]
    store.do(Judge(crystals=(new,), verdict="accepted"))
    store.close()
    olivine, _ = scene()
    olivine[10:20, 10:20] = True  # what is found first shifts every number
    olivine[400:440, 500:540] = False  # the square is gone
    olivine[150:220, 90:95] = True
    assert rerun(store.section, olivine) == [
        f"Edit 5 (rejected {square}) is set aside: Where crystal {square} was, there is none of "
        "that shape any more."
    ]
    again = CrystalStore(store.section)
    now = ids(again)
    assert now["disc"] == names["disc"] + 1
    assert again.table.loc[now["disc"], ["verdict", "reviewer", "note"]].tolist() == [
        "accepted", "Ada", "",
    ]  # fmt: skip
    assert at(again, 150, 410) != at(again, 150, 500)
    assert again.table.at[at(again, 150, 500), "note"] == "the right twin"
    assert now["left"] == now["right"]
    assert again.table.at[at(again, 300, 600), "verdict"] == "accepted"
    assert [aside.entry.n for aside in again.aside()] == [5]
    notes = again.section.require("crystals").notes
    assert (notes["edits"], notes["edits_aside"]) == (7, 1)
    assert_whole(again)
    # The history goes on: what was done before the rerun is taken back, aside or not.
    for _ in range(7):
        again.undo()
    assert not again.table["corrected"].any()
    assert at(again, 150, 410) == at(again, 150, 500)
    np.testing.assert_array_equal(labels_of(again.section) > 0, olivine)
    assert_whole(again)
    again.redo()
    assert again.table.at[now["disc"], "verdict"] == "accepted"
    again.close()


def test_an_edit_of_several_crystals_is_carried_out_on_those_that_are_left(
    store: CrystalStore,
) -> None:
    disc, square = ids(store)["disc"], at(store, 420, 520)
    store.do(Judge(crystals=(disc, square), verdict="rejected"))
    store.close()
    olivine, _ = scene()
    olivine[400:440, 500:540] = False
    assert "1 of 2 crystals are there no more" in rerun(store.section, olivine)[0]
    again = CrystalStore(store.section)
    assert again.table["verdict"].tolist().count("rejected") == 1
    assert again.table.at[ids(again)["disc"], "verdict"] == "rejected"
    again.close()


def test_a_crystal_drawn_by_hand_that_is_found_later_is_redrawn(store: CrystalStore) -> None:
    store.do(circle(300, 600, 30))
    store.close()
    olivine, _ = scene()
    rows, columns = np.mgrid[:560, :700]
    olivine |= np.hypot(rows - 300, columns - 602) <= 27
    assert rerun(store.section, olivine) == []
    again = CrystalStore(store.section)
    one = at(again, 300, 600)
    drawn = np.count_nonzero(np.hypot(rows - 300, columns - 600) <= 30)
    assert again.table.at[one, "area_px"] == drawn
    assert len(again.table) == 6
    again.close()


def test_merging_what_was_found_as_one_is_settled(store: CrystalStore) -> None:
    names = ids(store)
    store.do(Merge(crystals=(names["left"], names["right"])))
    store.close()
    olivine, _ = scene()
    olivine[380:420, 145:160] = True
    assert "found as one crystal" in rerun(store.section, olivine)[0]


# ---------------------------------------------------------------------- others


def test_a_second_one_may_only_look(store: CrystalStore) -> None:
    other = CrystalStore(store.section)
    assert not other.writable
    assert "process" in other.held_by
    with pytest.raises(SectionError, match="edited elsewhere"):
        other.do(Judge(crystals=(1,), verdict="accepted"))
    store.close()
    third = CrystalStore(store.section)
    assert third.writable
    third.close()


def test_whoever_reads_the_crystals_sees_every_edit(store: CrystalStore) -> None:
    before = store.section.fingerprint("crystals")
    store.do(Judge(crystals=(1,), verdict="accepted"))
    store.journal.release()  # killed before the table was written
    assert store.section.table("crystals", "crystals")["verdict"].eq("").all()
    bring_up_to_date(store.section)
    assert store.section.table("crystals", "crystals")["verdict"].tolist()[0] == "accepted"
    assert store.section.fingerprint("crystals") == f"{before}-edit1"
    assert store.section.state("crystals") == "fresh"


def test_crystals_found_anew_under_the_hands_are_not_edited(store: CrystalStore) -> None:
    product = json.loads((store.folder / "product.json").read_text())
    product["created"] = "2030-01-01T00:00:00+00:00"
    (store.folder / "product.json").write_text(json.dumps(product))
    with pytest.raises(SectionError, match="found anew"):
        store.do(Judge(crystals=(1,), verdict="accepted"))


def test_crystals_found_anew_are_not_overwritten_by_edits_that_wait(store: CrystalStore) -> None:
    store.do(Judge(crystals=(1,), verdict="accepted"))
    find_crystals(store.section, CrystalsSettings(min_area_um2=5000.0, bridge_um=0), Job())
    files = sorted(store.folder.glob("*.*"))
    before = [file.read_bytes() for file in files]
    store.close()
    assert [file.read_bytes() for file in files] == before
    again = CrystalStore(store.section)
    assert again.journal.last == 1
    assert again.table["verdict"].eq("accepted").sum() == 1
    again.close()


def test_tables_of_before_there_were_reviews_are_edited(section: Section) -> None:
    file = section.path / "crystals" / "crystals.parquet"
    table = pd.read_parquet(file)
    table.drop(columns=["verdict", "note", "corrected"]).to_parquet(file)
    store = CrystalStore(section)
    store.do(Judge(crystals=(1,), verdict="accepted"))
    assert_whole(store)
    store.close()


def test_a_shape_survives_its_text() -> None:
    random = np.random.default_rng(0)
    mask = random.random((37, 51)) > 0.5
    shape = Shape.of_mask(mask, 3, 4, crystal=9)
    np.testing.assert_array_equal(Shape.model_validate_json(shape.model_dump_json()).mask, mask)
    bomb = shape.model_copy(update={"rows": 2})
    with pytest.raises(Exception, match="fill its box"):
        _ = bomb.mask
