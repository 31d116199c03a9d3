"""Touching crystals are parted and cracked ones joined, whatever the memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.instances.split_labels import SplitLabels, SplitRegion
from napari_olivine.job import Event, Job
from napari_olivine.section import Section, create_raster
from tests.crystals.test_step import labels_of, make_section, put


@pytest.fixture
def section(tmp_path: Path) -> Section:
    """Two zoned crystals that touch on a seam of strips, and one that a crack halves."""
    rows, columns = np.mgrid[:1300, :700]
    olivine = np.zeros(rows.shape, bool)
    mg = np.full(rows.shape, 0.5)
    discs = [(1020, 200, 0.9, 0.78), (1020, 318, 0.9, 0.78), (300, 400, 0.86, 0.8)]
    for row, column, core, rim in discs:
        away = np.hypot(rows - row, columns - column)
        inside = away <= 60
        better = (core + (rim - core) * (away / 60) ** 2) * inside
        mg = np.where(inside & (~olivine | (better > mg)), better, mg)
        olivine |= inside
    crack = np.abs(columns - 400 - (rows - 300) / 8) < 1.2
    olivine &= ~(crack & (rows < 600))
    noise = np.random.default_rng(0).normal(0, 0.004, rows.shape)
    made = make_section(tmp_path / "section", olivine, mg + noise)
    grey = np.where(olivine, 180 - 80 * mg, 100)
    grey = np.where(crack & (rows < 600) & (np.hypot(rows - 300, columns - 400) <= 60), 40, grey)
    put(made, "images", "BSE", np.clip(grey + 200 * noise, 0, 255).astype(np.uint8), version=2)
    return made


def test_touching_crystals_are_parted_and_a_cracked_one_is_whole(section: Section) -> None:
    product = find_crystals(section)
    table = section.table("crystals", "crystals")
    assert table["id"].tolist() == [1, 2, 3]
    assert table["area_px"].tolist() == pytest.approx([np.pi * 60**2] * 3, rel=0.04)
    assert table["zoning_class"].tolist() == ["normal"] * 3
    assert (product.notes["cuts"], product.notes["gaps"]) == (1, 1)
    cut = section.table("crystals", "cuts").query("kept").iloc[0]
    assert {cut["a"], cut["b"]} == {2, 3}
    for end in "01":
        assert cut[f"row{end}"] == pytest.approx(1020, abs=15)
        assert cut[f"col{end}"] == pytest.approx(259, abs=4)
    gap = section.table("crystals", "gaps").query("joined").iloc[0]
    assert gap["a"] == gap["b"] == 1
    assert (gap["row"], gap["col"]) == pytest.approx((300, 400), abs=6)
    labels = labels_of(section)
    assert labels[1020, 200] != labels[1020, 318]
    assert labels[300, 370] == labels[300, 430] == 1
    for crystal in table.itertuples():
        where = np.argwhere(labels == crystal.id)
        assert len(where) == crystal.area_px
        np.testing.assert_allclose(where.mean(axis=0) * 2, (crystal.y_um, crystal.x_um))
        box = [crystal.row0, crystal.row1 - 1, crystal.col0, crystal.col1 - 1]
        assert np.ravel([where.min(0), where.max(0)], order="F").tolist() == box


def test_memory_changes_nothing(section: Section) -> None:
    find_crystals(section, CrystalsSettings(), Job(memory_bytes=8 << 20))
    tiny, cuts = (section.table("crystals", name) for name in ("crystals", "cuts"))
    find_crystals(section, CrystalsSettings(), Job(force=True))
    pd.testing.assert_frame_equal(tiny, section.table("crystals", "crystals"))
    pd.testing.assert_frame_equal(cuts, section.table("crystals", "cuts"))


def test_a_region_too_large_to_be_parted_is_told(section: Section) -> None:
    warnings: list[str] = []

    def listen(event: Event) -> None:
        if event["event"] == "warning":
            warnings.append(event["message"])

    find_crystals(section, CrystalsSettings(), Job(memory_bytes=2 << 20, listen=listen))
    assert len(section.table("crystals", "crystals")) == 2
    (told,) = warnings
    assert told.startswith("1 region of olivine is too large to be parted.")


def test_the_paper_neither_parts_nor_joins(section: Section) -> None:
    product = find_crystals(section, CrystalsSettings(part_touching=False, bridge_um=0))
    assert product.notes["crystals"] == 3
    table = section.table("crystals", "crystals")
    assert sorted(table["area_px"] // 1000) == [5, 5, 22]
    assert (product.notes["cuts"], product.notes["gaps"]) == (0, 0)


def test_windows_of_parted_regions_agree_with_the_whole(tmp_path: Path) -> None:
    raster = create_raster(tmp_path / "r", (60, 50), "uint32", 1.0, reduction="mode")
    whole = np.zeros((60, 50), np.uint32)
    whole[10:50, 5:45] = 7
    whole[20:25, 20:25] = 8  # another one within its box
    raster.write(0, 0, whole)
    parts = np.ones((40, 40), np.uint16)
    parts[:, 20:] = 2
    parts[30:, :] = 3
    parts[10:15, 15:20] = 0
    regions = SplitLabels(raster, [SplitRegion(7, 10, 5, parts, first_new=20)])
    expected = whole.copy()
    expected[10:40, 25:45] = 20
    expected[40:50, 5:45] = 21
    assert np.array_equal(regions.read(slice(0, 60), slice(0, 50)), expected)
    window = slice(12, 44), slice(18, 33)
    assert np.array_equal(regions.read(*window), expected[window])
