"""Which regions of olivine are several crystals that touch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.crystals.instances.necks import deep_notches, oversegment
from napari_olivine.crystals.instances.splitting import (
    Cut,
    SplittingSettings,
    is_notched,
    probability,
    split_region,
)

Mask = NDArray[np.bool_]
HEIGHT, WIDTH = 150, 180
GLASS, CRACK = 110.0, 45.0


def disc(row: float, column: float, radius: float) -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(np.hypot(rows - row, columns - column) <= radius)


def polygon(*corners: tuple[float, float]) -> Mask:
    """Pixels of a polygon with corners (row, column)."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    points = np.array([(column, row) for row, column in corners]).round().astype(np.int32)
    cv2.fillPoly(drawn, [points], 1)
    return drawn > 0


def rectangle(row0: int, row1: int, col0: int, col1: int) -> Mask:
    drawn = np.zeros((HEIGHT, WIDTH), bool)
    drawn[row0:row1, col0:col1] = True
    return drawn


def depth(mask: Mask) -> NDArray[np.float32]:
    padded = np.pad(mask.astype(np.uint8), 1)
    away = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away[1:-1, 1:-1], np.float32)


def zoned(*crystals: tuple[Mask, float, float], seed: int = 0) -> NDArray[np.float32]:
    """mg# of crystals (mask, core, rim), each zoned along its own outline over 25 px."""
    mg = np.full((HEIGHT, WIDTH), np.nan)
    for mask, core, rim in crystals:
        inward = np.minimum(depth(mask) / 25, 1)
        mg[mask] = (rim + (core - rim) * inward)[mask]
    return (mg + np.random.default_rng(seed).normal(0, 0.008, mg.shape)).astype(np.float32)


def bse(olivine: Mask, cracks: Mask | None = None, seed: int = 0) -> NDArray[np.float32]:
    grey = np.where(olivine, 130.0, GLASS)
    if cracks is not None:
        grey[cracks] = CRACK
    return (grey + np.random.default_rng(seed).normal(0, 4, grey.shape)).astype(np.float32)


def parted(region: Mask, pixel_um: float = 1.0, **given: Any) -> tuple[Any, pd.DataFrame]:
    parts, cuts = split_region(region, pixel_um, **given)
    return parts, Cut.table(cuts)


def share(found: Mask, true: Mask) -> float:
    return float((found & true).sum() / (found | true).sum())


PHENOCRYST = polygon((30, 20), (20, 80), (60, 115), (110, 100), (130, 50), (90, 15))
EMBAYED = polygon((20, 20), (20, 120), (60, 120), (66, 60), (76, 58), (84, 120), (130, 120),
                  (130, 20))  # fmt: skip
SKELETAL = (
    rectangle(65, 85, 30, 150) | rectangle(20, 130, 80, 100)
    | rectangle(45, 105, 25, 40) | rectangle(45, 105, 140, 155)
    | rectangle(15, 30, 65, 115) | rectangle(120, 135, 65, 115)
)  # fmt: skip
"""A cross whose arms broaden at their ends, as hopper and dendritic olivine does."""


@pytest.mark.parametrize("turns", range(2))
@pytest.mark.parametrize(
    ("radii", "overlap"), [((40, 25), 3), ((40, 12), 2), ((40, 6), 1), ((20, 18), 4), ((9, 6), 1)]
)
def test_touching_crystals_are_parted(radii: tuple[int, int], overlap: float, turns: int) -> None:
    large = disc(75, 60, radii[0])
    small = disc(75, 60 + sum(radii) - overlap, radii[1]) & ~large
    mg = zoned((large, 0.87, 0.78), (small, 0.85, 0.78))
    pictures = {"mg": mg, "grey": bse(large | small)}
    turned = {name: np.rot90(image, turns) for name, image in pictures.items()}
    parts, table = parted(np.rot90(large | small, turns), 1.0, **turned)
    assert parts.max() == 2
    assert share(parts == 1, np.rot90(large, turns)) > 0.97
    assert share(parts == 2, np.rot90(small, turns)) > 0.85
    kept = table[table["kept"]]
    assert kept[["a", "b"]].apply(set, axis=1).tolist() == [{1, 2}]
    assert kept["probability"].item() > 0.8


def test_a_microlite_on_a_face_is_cut_off_although_there_is_no_neck() -> None:
    host = rectangle(30, 120, 20, 100)
    microlite = rectangle(68, 82, 100, 110)  # broader along the contact than across it
    mg = zoned((host, 0.88, 0.80), (microlite, 0.74, 0.74))
    parts, table = parted(host | microlite, 1.0, mg=mg, grey=bse(host | microlite))
    assert share(parts == 1, host) > 0.98
    assert share(parts == 2, microlite) > 0.8
    cut = table[table["kept"]].iloc[0]
    assert abs(cut["mg_difference"]) == pytest.approx(0.06, abs=3 * cut["mg_difference_se"])
    ends = cut[["row0", "col0", "row1", "col1"]].to_numpy(float).reshape(2, 2)
    assert np.abs(ends[:, 1] - 99.5).max() <= 2
    assert sorted(ends[:, 0]) == pytest.approx([68, 81], abs=2)


def test_glomerocryst_of_three_is_parted_in_three() -> None:
    one, two, three = disc(50, 45, 35), disc(60, 105, 28), disc(112, 75, 30)
    two &= ~one
    three &= ~(one | two)
    mg = zoned((one, 0.88, 0.78), (two, 0.88, 0.78), (three, 0.88, 0.78))
    parts, _ = parted(one | two | three, 1.0, mg=mg)
    assert parts.max() == 3
    for crystal in (one, two, three):
        assert max(share(parts == k, crystal) for k in (1, 2, 3)) > 0.95


@pytest.mark.parametrize("crystal", [EMBAYED, SKELETAL, PHENOCRYST], ids=["em", "sk", "ph"])
@pytest.mark.parametrize("zoning", [(0.88, 0.78), (0.76, 0.86), (0.85, 0.85)])
@pytest.mark.parametrize("seen", [("mg", "grey"), ("mg",), ("grey",), ()])
def test_one_crystal_stays_whole(
    crystal: Mask, zoning: tuple[float, float], seen: tuple[str, ...]
) -> None:
    pictures = {"mg": zoned((crystal, *zoning)), "grey": bse(crystal)}
    parts, table = parted(crystal, 1.0, **{name: pictures[name] for name in seen})
    np.testing.assert_array_equal(parts, crystal)
    assert not table["kept"].any()


def test_zoning_that_ignores_the_neck_keeps_a_crystal_whole() -> None:
    """The same outline is one crystal or two, as its zoning goes on through the neck or not."""
    left, right = disc(75, 60, 35), disc(75, 115, 28)
    whole = left | right
    one = zoned((whole, 0.88, 0.78))
    two = zoned((left, 0.88, 0.78), (right & ~left, 0.88, 0.78))
    parts, table = parted(whole, 1.0, mg=one)
    assert parts.max() == 1
    assert table["own_outlines"].item() == pytest.approx(0, abs=0.15)
    parts, table = parted(whole, 1.0, mg=two)
    assert parts.max() == 2
    assert table["own_outlines"].item() == pytest.approx(1, abs=0.3)
    assert table["neck_um"].item() < table["neck_ratio"].item() * 60


def test_cracks_and_inclusions_are_no_necks() -> None:
    crystal = disc(75, 80, 55)
    cracks = crystal & (np.abs(np.mgrid[:HEIGHT, :WIDTH][0] - 75) <= 2)
    bridge = disc(75, 85, 12)  # where the crack has not opened
    cracks &= ~bridge
    inclusions = disc(50, 60, 9) | disc(52, 85, 9) | disc(50, 105, 8)
    region = crystal & ~cracks & ~inclusions
    assert is_notched(region, 1.0)
    grey = bse(crystal & ~inclusions, cracks)
    parts, _ = parted(region, 1.0, grey=grey)
    np.testing.assert_array_equal(parts, region)


def test_as_in_the_paper_nothing_is_parted_but_cuts_are_listed() -> None:
    region = disc(75, 60, 40) | disc(75, 115, 20)
    parts, table = parted(region, 1.0, settings=SplittingSettings(part_from=1))
    np.testing.assert_array_equal(parts, region)
    assert len(table) >= 1 and not table["kept"].any()
    assert table["probability"].max() > 0.5
    assert table.columns.tolist() == Cut.columns()


def test_lengths_are_in_um() -> None:
    region = disc(75, 60, 40) | disc(75, 115, 20)
    coarse, fine = (parted(region, size)[1].iloc[0] for size in (1.0, 0.5))
    assert fine["neck_um"] == coarse["neck_um"] / 2
    assert fine["neck_ratio"] == coarse["neck_ratio"]
    tiny = disc(75, 60, 40) | disc(75, 104, 5)
    assert parted(tiny, 1.0)[0].max() == 2
    assert parted(tiny, 0.5)[0].max() == 1  # below the smallest area


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 7), grain=st.sampled_from([1, 2, 5])
)  # fmt: skip
def test_parts_are_the_region_numbered_by_size(seed: int, count: int, grain: int) -> None:
    rng = np.random.default_rng(seed)
    region = np.zeros((HEIGHT, WIDTH), bool)
    for row, column, radius in zip(
        rng.uniform(20, 130, count), rng.uniform(20, 160, count), rng.uniform(3, 30, count),
        strict=True,
    ):  # fmt: skip
        region |= disc(row, column, radius)
    rough = ndimage.gaussian_filter(rng.normal(size=region.shape), grain) * grain
    region &= rough > -0.6
    labels, _ = ndimage.label(region, np.ones((3, 3)))
    region = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    parts, table = parted(region, 1.0)
    np.testing.assert_array_equal(parts > 0, region)
    areas = np.bincount(parts.ravel())[1:]
    assert (np.diff(areas) <= 0).all() and areas.min() > 0
    kept = table[table["kept"]]
    assert (kept["a"] != kept["b"]).all()
    assert (table.loc[~table["kept"], "a"] == table.loc[~table["kept"], "b"]).all()
    assert set(kept["a"]) | set(kept["b"]) == (
        set(range(1, len(areas) + 1)) if len(kept) else set()
    )
    assert table["probability"].between(0, 1).all()


@pytest.mark.parametrize("seed", [595, 734, 1578])
def test_a_crack_that_was_filled_is_no_part(seed: int) -> None:
    """Ragged as a network that learned little finds it, with dark bays that are filled."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(60, 160))
    coarse = ndimage.gaussian_filter(rng.normal(size=(size, size)), rng.uniform(2, 9))
    fine = ndimage.gaussian_filter(rng.normal(size=(size, size)), rng.uniform(0.7, 3))
    ragged = coarse / coarse.std() + rng.uniform(0.2, 1.2) * fine / fine.std()
    region = ragged > rng.uniform(-0.3, 0.6)
    labels, _ = ndimage.label(region, np.ones((3, 3)))
    region = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    rows, columns = ndimage.find_objects(region.astype(int))[0]
    region = region[rows, columns]
    grey = np.where(region, 120, 60 if rng.random() < 0.5 else 20)
    grey = (grey + rng.normal(0, 4, region.shape)).astype(np.float32)
    for pixel_um in (0.5, 1.0, 2.0):
        eager = SplittingSettings(part_from=0.001)
        parts, cuts = split_region(region, pixel_um, eager, grey=grey)
        areas = np.bincount(parts.ravel())[1:]
        assert all(cut.a in range(1, len(areas) + 1) for cut in cuts)
        assert all(cut.b in range(1, len(areas) + 1) for cut in cuts)
        assert len(areas) == 1 or areas.min() * pixel_um**2 >= eager.least_area_um2


@pytest.mark.parametrize("seed", range(2))
def test_specks_and_separate_pieces_keep_their_pixels(seed: int) -> None:
    speckled = np.random.default_rng(seed).random((50, 60)) < 0.4
    for region in (
        speckled,
        disc(75, 60, 40) | disc(20, 140, 3) | disc(120, 150, 15),
        disc(9, 9, 0),
    ):
        parts, _ = split_region(region, 1.0)
        np.testing.assert_array_equal(parts > 0, region)


def test_evidence_counts_in_its_direction() -> None:
    plain = Cut(
        1, 2, 0, 0, 0, 0, neck_um=10, neck_ratio=0.6, notch=0.5, notch_deep=0.6,
        notch_darkness=np.nan, solidity_small=0.93, solidity_large=0.93, solidity_gain=0.05,
    )  # fmt: skip
    base = probability(plain)
    assert probability(replace(plain, neck_ratio=0.95)) < base
    assert probability(replace(plain, notch=0.05)) < base
    assert probability(replace(plain, notch_darkness=3)) < base
    assert probability(replace(plain, mg_difference=0.05, mg_difference_se=0.005)) > base
    assert probability(replace(plain, mg_difference=0.05, mg_difference_se=0.5)) == pytest.approx(
        base, abs=0.15
    )
    rims = [probability(replace(plain, own_outlines=x, own_outlines_se=0.1)) for x in (0, 0.5, 1)]
    assert rims == sorted(rims) and rims[0] < 0.5 < rims[2]
    vague = replace(plain, own_outlines=0, own_outlines_se=3)
    assert probability(vague) == pytest.approx(base, abs=0.05)


def test_candidates_are_found_from_outlines_alone() -> None:
    assert is_notched(disc(110, 40, 22) | disc(110, 70, 12), 1.0)  # touching
    assert not is_notched(disc(40, 40, 30), 1.0)
    assert not is_notched(rectangle(20, 60, 90, 140), 1.0)
    assert not is_notched(disc(100, 150, 4), 1.0)


def test_notches_are_counted_by_depth() -> None:
    region = rectangle(30, 110, 20, 120)
    assert deep_notches(region, 1) == 0
    region &= ~rectangle(30, 40, 60, 70) & ~rectangle(106, 110, 60, 70)
    assert deep_notches(region, 8) == 1
    assert deep_notches(region, 3) == 2
    region &= ~rectangle(60, 70, 60, 70)  # a hole is none
    assert deep_notches(region, 3) == 2


def test_every_pixel_gets_a_part_even_across_corners() -> None:
    region = rectangle(30, 60, 30, 60) | rectangle(60, 90, 60, 90)  # one corner in common
    parts = oversegment(region, depth(region), 2.5, 40)
    np.testing.assert_array_equal(parts > 0, region)
    assert len(np.unique(parts[region])) == 2
    assert parted(region, 1.0)[1]["kept"].tolist() == [True]
