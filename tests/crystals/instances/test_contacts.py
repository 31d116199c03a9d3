"""Grains that share boundaries are parted, and single crystals are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.instances import large_regions, resolve
from napari_olivine.crystals.instances.contact_fields import contact_fields
from napari_olivine.crystals.instances.contact_graph import ContactGraph, Evidence
from napari_olivine.crystals.instances.contacts import (
    WEIGHTS,
    may_hold_contacts,
    part_contacts,
    probabilities,
)
from napari_olivine.crystals.instances.grain_pieces import pieces_between
from napari_olivine.crystals.instances.parting import decisions_table, part_region
from napari_olivine.errors import Cancelled
from napari_olivine.job import Event, Job
from napari_olivine.section import Section
from tests.crystals.test_step import labels_of, make_section, put

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
NOISE = 0.004


def mosaic(height: int, width: int, seed: int = 0) -> tuple[NDArray[np.int64], Floats]:
    """Polygonal grains some 90 px wide, and their mg#: flat in each, with smoothed noise."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    seeds = [
        (r + random.uniform(-15, 15), c + random.uniform(-15, 15))
        for r in range(45, height, 90)
        for c in range(45, width, 90)
    ]
    away = np.stack([np.hypot(rows - r, columns - c) for r, c in seeds])
    grain = away.argmin(axis=0) + 1
    steps = 0.80 + 0.03 * (np.arange(len(seeds) + 1) * 2 % 5)
    return grain, steps[grain] + noise(grain.shape, seed)


def noise(shape: tuple[int, ...], seed: int = 0) -> Floats:
    """Noise of mg# as the median and Gaussian filter of the map leave it."""
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, shape), 1)
    return np.asarray(NOISE * rough / rough.std())


def disc(shape: tuple[int, int], radius: float) -> tuple[Mask, Floats]:
    """A disc in the middle, and the distance of each pixel to its centre over the radius."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(rows - shape[0] / 2, columns - shape[1] / 2) / radius
    return away <= 1, away


def agreement(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Share of the true grains that one part has more than 80 % of pixels in common with."""
    good = []
    for grain in np.unique(truth[truth > 0]):
        here = truth == grain
        part = np.bincount(found[here]).argmax()
        good.append((here & (found == part)).sum() / (here | (found == part)).sum() > 0.8)
    return float(np.mean(good))


def test_a_mosaic_without_any_neck_is_parted() -> None:
    grain, mg = mosaic(300, 380)
    parts, contacts = part_contacts(grain > 0, 1.0, mg=mg.astype(np.float32))
    assert agreement(parts, grain) == 1
    assert parts.max() == grain.max()
    kept = [one for one in contacts if one.kept]
    assert len(kept) >= grain.max() - 1
    for one in kept:
        assert one.a != one.b and one.probability >= 0.5
        for row, column in ((int(one.row0), int(one.col0)), (int(one.row1), int(one.col1))):
            near = parts[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
            assert {one.a, one.b} <= set(near.ravel().tolist())


def test_grey_tells_where_there_is_no_mg() -> None:
    grain, mg = mosaic(300, 380)
    parts, _ = part_contacts(grain > 0, 1.0, grey=(250 - 200 * mg).astype(np.float32))
    assert agreement(parts, grain) > 0.8


def test_without_images_nothing_is_parted() -> None:
    grain, _ = mosaic(200, 200)
    parts, contacts = part_contacts(grain > 0, 1.0)
    assert parts.max() == 1 and contacts == []
    parts, _ = part_contacts(grain > 0, 1.0, mg=np.full(grain.shape, np.nan, np.float32))
    assert parts.max() == 1


@pytest.mark.parametrize("width", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("rim", [0.90, 0.75])
def test_zoning_is_no_contact(width: float, rim: float) -> None:
    inside, away = disc((320, 320), 140)
    core = np.clip((1 - away) / width, 0, 1)
    mg = 0.84 * core + rim * (1 - core) + noise(inside.shape)
    parts, _ = part_contacts(inside, 1.0, mg=np.where(inside, mg, np.nan).astype(np.float32))
    assert parts.max() == 1


def test_a_sharp_core_is_no_grain_of_its_own() -> None:
    inside, away = disc((320, 320), 140)
    mg = np.where(away < 0.5, 0.88, 0.80) + noise(inside.shape)
    parts, contacts = part_contacts(inside, 1.0, mg=np.where(inside, mg, np.nan).astype(np.float32))
    assert parts.max() == 1
    assert max(one.step for one in contacts) > 3  # it was seen


def test_a_crack_without_a_step_is_no_contact() -> None:
    inside, _ = disc((320, 320), 140)
    drawn = np.zeros(inside.shape, np.uint8)
    cv2.polylines(drawn, [np.array([[30, 150], [120, 175], [200, 140], [300, 165]])], False, 1, 3)
    crack = drawn > 0
    mg = np.where(inside & ~crack, 0.85 + noise(inside.shape), np.nan).astype(np.float32)
    grey = np.where(crack, 30, 120) + np.random.default_rng(1).normal(0, 2, inside.shape)
    parts, contacts = part_contacts(inside, 1.0, grey=grey.astype(np.float32), mg=mg)
    assert parts.max() == 1
    assert not any(one.kept for one in contacts)


def test_regions_that_cannot_hold_contacts_are_not_looked_at() -> None:
    inside, _ = disc((320, 320), 140)
    assert not may_hold_contacts(inside, 1.0)  # as solid as a single crystal
    assert may_hold_contacts(inside, 4.0)  # but hardly one crystal of 1 mm2
    ell = np.ones((100, 100), bool)
    ell[:60, 40:] = False
    assert may_hold_contacts(ell, 1.0)
    assert not may_hold_contacts(ell, 0.3)  # too small
    assert part_region(inside, 1.0) is None


def test_evidence_counts_in_its_direction() -> None:
    plain = Evidence(*np.zeros(len(Evidence._fields)))
    for name in ("step", "step_sure", "kink", "dark_share", "solidity_gain", "notch"):
        more = plain._replace(**{name: 1.0})
        low, high = probabilities([plain, more])
        assert high > low, name
    for name in ("unknown_share", "shared", "contact_ratio"):
        low, high = probabilities([plain._replace(**{name: 1.0}), plain])
        assert high > low, name
    assert len(WEIGHTS) == len(Evidence._fields)


def test_evidence_after_merging_is_that_of_the_merged_pieces() -> None:
    grain, mg = mosaic(200, 240)
    fields = contact_fields(grain > 0, None, mg.astype(np.float32))
    assert fields is not None
    pieces = pieces_between(fields.edges, grain > 0)
    graph = ContactGraph(pieces, fields, 1.0)
    random = np.random.default_rng(3)
    merged = pieces.copy()
    for _ in range(int(pieces.max()) - 8):
        a = int(random.choice([k for k, some in enumerate(graph.borders) if some]))
        b = int(random.choice(list(graph.borders[a])))
        graph.merge(a, b)
        merged[merged == b] = a
    anew = ContactGraph(merged, fields, 1.0)
    pairs = {(a, b) for a, some in enumerate(graph.borders) for b in some}
    assert pairs == {(a, b) for a, some in enumerate(anew.borders) for b in some} and pairs
    for a, b in pairs:
        np.testing.assert_allclose(graph.evidence(a, b), anew.evidence(a, b), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(graph.contact_um(a, b), anew.contact_um(a, b))


def test_every_pixel_belongs_to_a_piece() -> None:
    region = np.zeros((60, 60), bool)
    region[10:30, 10:30] = region[30:50, 30:50] = True  # one corner in common
    region[55, 55] = True
    pieces = pieces_between(np.zeros(region.shape, np.float32), region)
    np.testing.assert_array_equal(pieces > 0, region)
    whole = pieces_between(np.zeros(region.shape, np.float32), np.ones_like(region))
    assert whole.min() == whole.max() == 1


def test_the_table_holds_cuts_and_contacts() -> None:
    grain, mg = mosaic(300, 380)
    region = grain > 0
    region[120:, :200] = False  # it does not fill its hull
    found = part_region(region, 1.0, mg=mg.astype(np.float32))
    assert found is not None and found.parts.max() > 5
    areas = np.bincount(found.parts.ravel())[1:]
    assert (np.diff(areas) <= 0).all() and areas.min() > 0
    table = decisions_table(found.contacts, found.cuts)
    assert len(table) == len(found.contacts) + len(found.cuts)
    assert table.columns[-1] == "kept" and table["kept"].dtype == bool
    assert table["step"].notna().sum() == len(found.contacts)
    pd.testing.assert_index_equal(decisions_table([], []).columns, table.columns)


@pytest.fixture
def section(tmp_path: Path) -> Section:
    grain, mg = mosaic(400, 560)
    olivine = np.ones(grain.shape, bool)
    olivine[:, 540:] = False
    olivine[:180, :180] = False
    made = make_section(tmp_path / "section", olivine, mg)
    put(made, "images", "BSE", (250 - 150 * mg).astype(np.uint8), version=2)
    return made


def blockwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks so small that the section takes four of them."""
    monkeypatch.setattr(resolve, "LARGEST_PX", 50_000)
    monkeypatch.setattr(large_regions, "SIDE_PX", 256)
    monkeypatch.setattr(large_regions, "HALO_PX", 128)


def test_blocks_find_the_grains_that_one_window_finds(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_crystals(section)
    whole = labels_of(section)
    blockwise(monkeypatch)
    find_crystals(section, CrystalsSettings(), Job(force=True))
    labels, table = labels_of(section), section.table("crystals", "crystals")
    assert whole.max() > 12
    assert agreement(labels, whole) > 0.9
    for crystal in table.itertuples():
        where = np.argwhere(labels == crystal.id)
        assert len(where) == crystal.area_px
        np.testing.assert_allclose(where.mean(axis=0) * 2, (crystal.y_um, crystal.x_um))
        box = [crystal.row0, crystal.row1 - 1, crystal.col0, crystal.col1 - 1]
        assert np.ravel([where.min(0), where.max(0)], order="F").tolist() == box
    cuts = section.table("crystals", "cuts").query("kept")
    assert len(cuts) > 12 and cuts[["a", "b"]].isin(table["id"].tolist()).all(axis=None)
    for cut in cuts[cuts["a"] != cuts["b"]].itertuples():
        row, column = int(cut.row0), int(cut.col0)
        near = labels[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        assert {cut.a, cut.b} & set(near.ravel().tolist())


def test_blocks_go_on_after_a_stop(section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    blockwise(monkeypatch)
    find_crystals(section)
    whole = labels_of(section)
    seen: list[float] = []

    def listen(event: Event) -> None:
        if event.get("message") == "Parting large regions":
            seen.append(event["done"])
            if len(seen) == 3:
                job.cancel.set()

    job = Job(force=True, listen=listen)
    with pytest.raises(Cancelled):
        find_crystals(section, CrystalsSettings(), job)
    find_crystals(section, CrystalsSettings(), Job(force=True))
    np.testing.assert_array_equal(labels_of(section), whole)


def test_no_part_touching_leaves_large_regions_whole(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    blockwise(monkeypatch)
    product = find_crystals(section, CrystalsSettings(part_touching=False))
    assert (product.notes["crystals"], product.notes["cuts"]) == (1, 0)
