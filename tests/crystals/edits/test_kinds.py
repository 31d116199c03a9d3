"""Kinds of crystals that a person gives: by name, taken back, kept as long as they are known."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from pydantic import ValidationError

from napari_olivine.crystals import find_crystals
from napari_olivine.crystals.edits import CrystalStore, GiveKind, Merge, Split, describe
from napari_olivine.errors import EditError
from napari_olivine.job import Job
from tests.crystals.edits.test_edits import (  # noqa: F401
    assert_whole,
    at,
    circle,
    found,
    ids,
    section,
    store,
)


def test_a_kind_is_given_and_taken_away_by_name(store: CrystalStore) -> None:  # noqa: F811
    names = ids(store)
    disc, twins = names["disc"], names["twins"]
    given = GiveKind(crystals=(disc, twins), kind=" skeletal  olivine ")
    entry, _ = store.do(given, who="Ada")
    assert store.table.loc[[disc, twins], "kind"].tolist() == ["skeletal olivine"] * 2
    assert store.table.at[disc, "reviewer"] == "Ada"
    assert describe(entry.edit) == f"of the kind skeletal olivine {disc}, {twins}"
    store.do(GiveKind(crystals=(disc,), kind=""))
    assert store.table.loc[[disc, twins], "kind"].tolist() == ["", "skeletal olivine"]
    store.undo()
    assert store.table.at[disc, "kind"] == "skeletal olivine"
    store.redo()
    assert store.table.at[disc, "kind"] == ""
    with pytest.raises(EditError, match="differs from 'Skeletal olivine' in its spelling alone"):
        store.do(GiveKind(crystals=(disc,), kind="Skeletal olivine"))
    for name in ("None of these", "a\x07b"):
        with pytest.raises(ValidationError):
            GiveKind(crystals=(disc,), kind=name)


def test_a_kind_lasts_through_new_outlines_as_long_as_it_is_known(store: CrystalStore) -> None:  # noqa: F811
    names = ids(store)
    left, right, twins, disc = (names[name] for name in ("left", "right", "twins", "disc"))
    store.do(GiveKind(crystals=(disc, left, twins), kind="xenocryst"))
    store.do(circle(150, 300, 100, disc))
    assert store.table.at[disc, "kind"] == "xenocryst"
    assert store.table.at[at(store, 150, 450), "kind"] == "xenocryst"  # it lost some pixels
    keeper = store.do(Merge(crystals=(left, right)))[1].crystals[0]
    assert store.table.at[keeper, "kind"] == "xenocryst"
    parts = store.do(Split(crystals=(keeper,)))[1].crystals
    assert store.table.loc[parts, "kind"].tolist() == ["", ""]
    store.undo()
    store.undo()
    assert store.table.loc[[left, right], "kind"].tolist() == ["xenocryst", ""]
    store.do(GiveKind(crystals=(right,), kind="antecryst"))
    keeper = store.do(Merge(crystals=(left, right)))[1].crystals[0]
    assert store.table.at[keeper, "kind"] == ""


def test_kinds_are_given_again_after_a_rerun(store: CrystalStore) -> None:  # noqa: F811
    disc = ids(store)["disc"]
    store.do(GiveKind(crystals=(disc,), kind="xenocryst"))
    store.close()
    find_crystals(store.section, store.settings, Job(force=True))
    table = store.section.table("crystals", "crystals").set_index("id")
    assert table.loc[table["kind"] == "xenocryst"].index.tolist() == [disc]


def test_an_edit_of_before_there_were_kinds_is_taken_back_whole(store: CrystalStore) -> None:  # noqa: F811
    names = ids(store)
    areas = store.table["area_px"]
    store.do(Merge(crystals=(names["left"], names["right"])))
    store.close()
    file = store.folder / "edits" / "changes.jsonl"
    record = json.loads(file.read_text())
    for row in (row for rows in record["rows"]["crystals"] for row in rows):
        del row["kind"]
    file.write_text(json.dumps(record) + "\n")
    again = CrystalStore(store.section)
    again.undo()
    pd.testing.assert_series_equal(again.table["area_px"], areas, check_index_type=False)
    assert again.table["kind"].eq("").all()
    assert_whole(again)
    again.close()
