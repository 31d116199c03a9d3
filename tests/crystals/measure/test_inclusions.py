"""Holes and inclusions as children of their host."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.edits import CrystalStore, Split
from napari_olivine.crystals.measure.inclusions import (
    LEAST_PX,
    MOST,
    Inclusion,
    find_inclusions,
    inclusion_table,
)
from napari_olivine.crystals.measure.shape import fill_holes
from tests.crystals.test_step import make_section

HOST = 7
SHAPE = (240, 260)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A host of grey 100 +- 3 that encloses one thing of each kind; ids and grey."""
    random = np.random.default_rng(2)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    labels = np.where(np.hypot(rows - 120, columns - 130) <= 110, HOST, 0).astype(np.uint32)
    grey = np.where(labels > 0, 100, 60) + random.normal(0, 3, SHAPE)
    for row, column, value in [(60, 130, 5), (180, 130, 70), (120, 60, 200), (120, 200, 100)]:
        hole = np.hypot(rows - row, columns - column) <= 8
        labels[hole] = 0
        grey[hole] = value + random.normal(0, 3, np.count_nonzero(hole))
    labels[118:121, 90:150] = 0
    grey[118:121, 90:150] = 40
    ring = np.hypot(rows - 170, columns - 190) <= 12
    labels[ring] = 0
    labels[np.hypot(rows - 170, columns - 190) <= 11] = 9  # an olivine in an olivine
    labels[200, 100] = 0  # a speck
    return labels, grey.astype(np.float32)


def found(vesicle_grey: float | None = 30.0, *, bse: bool = True) -> list[Inclusion]:
    labels, grey = scene()
    inside = labels == HOST
    return find_inclusions(
        HOST, inside, fill_holes(inside), labels, grey if bse else None, (1000, 2000), 2.0,
        vesicle_grey,
    )  # fmt: skip


def test_each_kind_is_told_with_its_place_and_size() -> None:
    by_kind = {one.kind: one for one in found()}
    assert set(by_kind) == {"vesicle", "dark", "bright", "alike", "crack", "crystal"}
    assert by_kind["crystal"].crystal == 9
    assert all(one.crystal == 0 for kind, one in by_kind.items() if kind != "crystal")
    vesicle = by_kind["vesicle"]
    assert (vesicle.x_um, vesicle.y_um) == pytest.approx((2130 * 2, 1060 * 2))
    assert vesicle.area_um2 == pytest.approx(np.pi * 8**2 * 4, rel=0.03)
    assert vesicle.length_um == pytest.approx(34, abs=2)
    assert vesicle.grey == pytest.approx(5, abs=1)
    crack = by_kind["crack"]
    assert (crack.length_um, crack.width_um) == pytest.approx((120, 6))


def test_numbers_are_unique_and_the_largest_comes_first() -> None:
    every = found()
    assert [one.id for one in every] == [HOST * MOST + k for k in range(len(every))]
    areas = [one.area_um2 for one in every]
    assert areas == sorted(areas, reverse=True)
    assert min(areas) >= LEAST_PX * 4


def test_without_vesicles_in_the_section_a_dark_hole_is_dark() -> None:
    assert [one.kind for one in found(None)].count("dark") == 2


def test_without_bse_kinds_are_unknown_but_for_crystals() -> None:
    assert {one.kind for one in found(bse=False)} == {"unknown", "crystal"}


def test_a_whole_crystal_encloses_nothing() -> None:
    mask = np.ones((9, 9), bool)
    assert find_inclusions(1, mask, mask, mask.astype(np.uint32), None, (0, 0), 1.0, None) == []
    table = inclusion_table([])
    assert len(table) == 0
    assert {"id", "host", "kind", "area_um2"} <= set(table.columns)


def test_the_step_keeps_them_and_an_edit_follows(tmp_path: Path) -> None:
    labels, _ = scene()
    section = make_section(tmp_path / "section", labels > 0)
    find_crystals(section, CrystalsSettings(part_touching=False, bridge_um=0))
    store = CrystalStore(section)
    host = int(store.table["area_px"].idxmax())
    before = store.tables["inclusions"]
    assert set(before["host"]) == {host}
    assert len(before) == 6
    _, change = store.do(
        Split(crystals=(host,), lines=(((-5.0, 75.0), (245.0, 75.0)),))
    )  # through none of them but near the left one
    after = store.tables["inclusions"]
    assert sorted(after["host"].map({host: 5, change.crystals[1]: 1})) == [1, 5, 5, 5, 5, 5]
    assert after["area_um2"].sum() == before["area_um2"].sum()
    store.undo()
    assert store.tables["inclusions"].equals(before)
    store.close()
    assert len(section.table("crystals", "inclusions")) == 6
