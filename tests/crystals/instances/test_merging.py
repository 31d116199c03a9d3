"""Which neighbours are the parts of one cracked crystal."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.crystals.instances.evidence import (
    distance_to,
    hull_area,
    hull_excess,
    outer_points,
    own_outlines,
    step_across,
)
from napari_olivine.crystals.instances.merging import (
    Gap,
    MergingSettings,
    gap_window,
    judge_gap,
    merged_ids,
    near_pairs,
    probability,
)

SIDE = 150
GLASS, CRACK = 110.0, 45.0
MG_NOISE, GREY_NOISE = 0.01, 5.0


def disc(row: float, column: float, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.asarray(np.hypot(rows - row, columns - column) <= radius)


def inside(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(distance_to(~mask), np.float32)


def images(
    crystals: list[NDArray[np.bool_]], cores: list[float], rim: float = 0.78, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """mg# (each crystal with its own zoning) and the grey that goes with it, both noisy."""
    rng = np.random.default_rng(seed)
    mg = np.full((SIDE, SIDE), np.nan)
    for crystal, core in zip(crystals, cores, strict=True):
        depth = inside(crystal)
        mg[crystal] = (rim + (core - rim) * depth / depth.max())[crystal]
    grey = np.where(np.isnan(mg), GLASS, 255 - 150 * mg)
    mg += rng.normal(0, MG_NOISE, mg.shape)
    grey = grey + rng.normal(0, GREY_NOISE, mg.shape)
    return mg.astype(np.float32), grey.astype(np.float32)


def crack(width: float, middle: float = SIDE / 2, slope: float = 0.3) -> NDArray[np.float64]:
    """Rows above (negative) and below a wandering crack; 0 in it."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    away = rows - middle - slope * (columns - SIDE / 2) - 4 * np.sin(columns / 13)
    away /= np.hypot(1, slope)
    return np.asarray(np.where(np.abs(away) <= width / 2, 0, away))


def cracked(
    width: float, seed: int = 0, middle: float = SIDE / 2
) -> tuple[NDArray[np.int32], dict[str, NDArray[Any]]]:
    """Labels 1 and 2 of a zoned crystal that a dark crack cuts in two, and its images."""
    whole = disc(SIDE / 2, SIDE / 2, 55)
    mg, grey = images([whole], [0.88], seed=seed)
    away = crack(width, middle)
    grey[whole & (away == 0)] = CRACK
    mg[away == 0] = np.nan
    labels = np.where(whole, 1 * (away < 0) + 2 * (away > 0), 0).astype(np.int32)
    return labels, {"grey": grey, "mg": mg}


def neighbours(
    gap: int, cores: tuple[float, float] = (0.88, 0.88)
) -> tuple[NDArray[np.int32], dict[str, NDArray[Any]]]:
    """Two whole crystals with the same rim and glass between them."""
    one, two = disc(75, 37, 33), disc(75, 37 + 33 + 34 + gap, 33)
    mg, grey = images([one, two], list(cores))
    return (one + 2 * two).astype(np.int32), {"grey": grey, "mg": mg}


def judged(labels: NDArray[np.integer], pictures: dict[str, NDArray[Any]], **values: Any) -> Gap:
    found = judge_gap(labels, 1, 2, 1.0, MergingSettings(**values), **pictures)
    assert found is not None
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30), reach=st.integers(0, 12)
)  # fmt: skip
def test_near_pairs_are_those_of_a_comparison_of_all(seed: int, count: int, reach: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 80, (count, 2))
    stop = start + rng.integers(1, 40, (count, 2))
    boxes = np.stack([start[:, 0], stop[:, 0], start[:, 1], stop[:, 1]], axis=1)
    expected = []
    for a in range(count):
        for b in range(a + 1, count):
            between = np.maximum(start[a], start[b]) - np.minimum(stop[a], stop[b])
            if (between <= reach).all():
                expected.append((a, b))
    assert [tuple(pair) for pair in near_pairs(boxes, reach)] == expected


@pytest.mark.parametrize("width", [2.5, 4, 7])
@pytest.mark.parametrize("middle", [50, 75, 100])
def test_a_crack_is_bridged(width: float, middle: float) -> None:
    labels, pictures = cracked(width, middle=middle)
    found = judged(labels, pictures)
    assert found.joined and found.probability > 0.95
    assert found.gap_um == pytest.approx(width, abs=1.2)
    assert found.gap_spread_um <= 1
    assert found.contact_um > 80
    assert found.darkness > 2.5
    assert found.solidity_gain > -0.01
    assert found.hull_excess < 0.3
    assert abs(found.row - middle) < 6 and abs(found.col - 75) < 12


@pytest.mark.parametrize("gap", [1, 2, 4, 7])
def test_neighbours_with_equal_rims_stay_apart(gap: int) -> None:
    found = judged(*neighbours(gap))
    assert not found.joined and found.probability < 0.1
    assert found.darkness < 1
    assert found.hull_excess > 0.2
    assert found.solidity_gain < -0.05


def test_zoning_tells_a_crack_from_a_rim() -> None:
    labels, pictures = cracked(3)
    one = judged(labels, {"mg": pictures["mg"]})
    assert one.own_outlines == pytest.approx(0, abs=0.2)
    labels, pictures = neighbours(3)
    two = judged(labels, {"mg": pictures["mg"]})
    assert two.own_outlines == pytest.approx(1, abs=0.3)
    assert max(one.own_outlines_se, two.own_outlines_se) < 0.1


def test_a_dark_gap_between_unlike_crystals_is_not_bridged() -> None:
    # A crack along the boundary of two crystals: all but the composition speaks for one crystal.
    labels, pictures = cracked(3)
    rng = np.random.default_rng(1)
    mg = np.where(labels == 1, 0.86, 0.80) + rng.normal(0, MG_NOISE, labels.shape)
    pictures["mg"] = np.where(labels > 0, mg, np.nan).astype(np.float32)
    found = judged(labels, pictures)
    assert found.mg_difference == pytest.approx(0.06, abs=3 * found.mg_difference_se)
    assert found.mg_difference_se < 0.004
    assert not found.joined


def test_order_turn_and_brightness_do_not_matter() -> None:
    labels, pictures = cracked(3)
    plain = judged(labels, pictures)
    swapped = judged(np.choose(labels, [0, 2, 1]), pictures)
    assert swapped.mg_difference == pytest.approx(-plain.mg_difference, abs=1e-6)
    turned = judged(np.rot90(labels).copy(), {k: np.rot90(v) for k, v in pictures.items()})
    brighter = judged(labels, pictures | {"grey": 30 * pictures["grey"]})
    for other in (swapped, turned, brighter):
        assert other.joined
        for name in ("gap_um", "contact_um", "darkness", "hull_excess", "own_outlines"):
            assert getattr(other, name) == pytest.approx(getattr(plain, name), rel=0.03, abs=0.03)


def test_only_the_surroundings_of_the_smaller_part_are_looked_at() -> None:
    labels, pictures = cracked(3, middle=30)
    boxes = [
        (box[0].start, box[0].stop, box[1].start, box[1].stop)
        for box in ndimage.find_objects(labels)
    ]
    window = gap_window(boxes[0], boxes[1], labels.shape)
    assert window == gap_window(boxes[1], boxes[0], labels.shape)
    assert window[0].stop < boxes[1][1]  # the larger part reaches beyond
    whole = judged(labels, pictures)
    part = judged(labels[window], {name: image[window] for name, image in pictures.items()})
    # Sums of floats depend on where arrays begin.
    assert asdict(replace(part, row=whole.row, col=whole.col)) == pytest.approx(asdict(whole))
    assert part.row + window[0].start == pytest.approx(whole.row)
    assert part.col + window[1].start == pytest.approx(whole.col)


def test_lengths_are_in_um() -> None:
    labels, pictures = cracked(4)
    plain = judged(labels, pictures)
    fine = judge_gap(labels, 1, 2, 0.5, **pictures)
    assert fine is not None
    assert fine.gap_um == plain.gap_um / 2
    assert fine.contact_um == plain.contact_um / 2


def test_outlines_alone_can_do_when_nothing_else_is_known() -> None:
    labels, _ = cracked(2)
    one = judged(labels, {})
    assert np.isnan([one.darkness, one.mg_difference, one.grey_difference, one.own_outlines]).all()
    assert one.joined
    assert not judged(neighbours(2)[0], {}).joined


def test_what_is_not_compared() -> None:
    labels, pictures = cracked(3)
    assert judge_gap(labels, 1, 2, 1.0, MergingSettings(reach_um=1), **pictures) is None
    assert judge_gap(labels, 1, 2, 1.0, MergingSettings(least_area_um2=1e4), **pictures) is None
    assert judge_gap(neighbours(20)[0], 1, 2, 1.0) is None
    touching = np.where(labels == 0, 0, 1 + (np.indices(labels.shape)[0] > 75))
    assert judge_gap(touching, 1, 2, 1.0) is None


def test_as_in_the_paper_nothing_is_joined() -> None:
    found = judged(*cracked(3), join_from=1)
    assert found.probability > 0.95 and not found.joined


def test_a_bigger_step_of_mg_or_a_brighter_gap_is_less_likely_one_crystal() -> None:
    found = judged(*cracked(3))
    steps = [probability(replace(found, mg_difference=step)) for step in (0, 0.02, 0.04, 0.08)]
    assert steps == sorted(steps, reverse=True) and steps[0] > steps[-1]
    greys = [probability(replace(found, darkness=dark)) for dark in (4, 2, 1, 0)]
    assert greys == sorted(greys, reverse=True) and greys[0] > greys[-1]
    unsure = replace(found, mg_difference=0.08, mg_difference_se=0.2)
    assert probability(unsure) > steps[-1]


def test_quarters_of_a_twice_cracked_crystal_become_one() -> None:
    whole = disc(75, 75, 55)
    mg, grey = images([whole], [0.88])
    one, two = crack(3), crack(4).T
    grey[whole & ((one == 0) | (two == 0))] = CRACK
    labels = np.where(whole, (1 + (one > 0) + 2 * (two > 0)) * (one != 0) * (two != 0), 0)
    labels[5:15, 5:15] = 5  # another crystal
    pairs = [(a, b) for a in range(1, 6) for b in range(a + 1, 6)]
    gaps = [judge_gap(labels, a, b, 1.0, grey=grey, mg=mg) for a, b in pairs]
    table = Gap.table([gap for gap in gaps if gap is not None])
    assert table.columns.tolist() == Gap.columns()
    assert merged_ids(np.arange(1, 6), table).tolist() == [1, 1, 1, 1, 5]


def test_a_person_may_overrule() -> None:
    table = Gap.table([judged(*cracked(3))])
    assert merged_ids(np.array([7, 2, 1]), table).tolist() == [7, 1, 1]
    table["joined"] = False
    assert merged_ids(np.array([7, 2, 1]), table).tolist() == [7, 2, 1]
    assert merged_ids(np.array([3, 4]), Gap.table([])).tolist() == [3, 4]


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.integers(1, 15), st.integers(1, 15), st.booleans()), max_size=20
    )
)  # fmt: skip
def test_joining_is_an_equivalence(pairs: list[tuple[int, int, bool]]) -> None:
    table = pd.DataFrame(pairs, columns=["a", "b", "joined"])
    ids = np.arange(1, 16)
    found = dict(zip(ids, merged_ids(ids, table), strict=True))
    assert all(found[name] == name for name in found.values())  # each group has its own smallest
    assert all(found[name] <= name for name in found)
    assert all(found[a] == found[b] for a, b, joined in pairs if joined)
    groups = 15 - len(set(found.values()))
    assert groups <= sum(joined for *_, joined in pairs)


def test_areas_of_hulls() -> None:
    box = np.zeros((60, 80), bool)
    box[10:40, 20:70] = True
    assert hull_area(outer_points(box)) == pytest.approx(1500, rel=0.002)
    box[15:30, 30:60] = False  # a hole changes nothing
    assert hull_area(outer_points(box)) == pytest.approx(1500, rel=0.002)
    assert hull_area(outer_points(disc(75, 75, 50))) == pytest.approx(np.pi * 2500, rel=0.015)
    left, right = box.copy(), box.copy()
    left[:, 45:], right[:, :48] = False, False
    assert hull_excess(outer_points(left), outer_points(right)) == pytest.approx(0.136, abs=0.01)


@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_the_error_of_a_step_is_what_it_says(smooth: float) -> None:
    """Step 0.02 on a slope, in noise that is independent or smoothed, measured 60 times."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[:50, :70]
    left, right = columns < 33, columns > 36
    to_left, to_right = distance_to(left), distance_to(right)
    deviations = []
    for _ in range(60):
        noise = rng.normal(0, 0.015, rows.shape)
        if smooth:
            noise = cv2.GaussianBlur(noise, (0, 0), smooth)
        values = 0.8 + 0.0015 * columns - 0.001 * rows + 0.02 * left + noise
        found = step_across(values, left, right, to_left, to_right, 4)
        deviations.append((found.value - 0.02) / found.error)
    assert abs(np.mean(deviations)) < 0.4
    assert 0.6 < np.std(deviations) < 1.5


def test_unzoned_crystals_give_no_verdict_on_outlines() -> None:
    labels, _ = cracked(3)
    joint = inside(labels > 0)
    apart = np.maximum(inside(labels == 1), inside(labels == 2))
    verdicts = 0
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(0, MG_NOISE, labels.shape)
        found = own_outlines((0.85 + noise).astype(np.float32), labels, joint, apart)
        verdicts += np.isfinite(found.value)
    assert verdicts <= 1
