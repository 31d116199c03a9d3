"""TiePoints of the same materials reconcile the scales of sessions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.job import Job
from napari_olivine.levelling.scales import Priors, solve_session_scales
from napari_olivine.levelling.seams import Steps
from napari_olivine.levelling.shading import find_shading, tile_planes
from napari_olivine.levelling.tie_points import TiePoints

PRIORS = Priors(0.05, 30.0, 1.0)
GREYS = np.array([40.0, 90.0, 120.0, 160.0, 210.0])


def tie_points(
    gains: np.ndarray, offsets: np.ndarray, seed: int, tiles: int = 12, noise: float = 0.2
) -> TiePoints:
    random = np.random.default_rng(seed)
    rows = []
    for session, (gain, offset) in enumerate(zip(gains, offsets, strict=True)):
        for tile in range(tiles):
            own = random.normal(0, 0.5)
            for material, grey in enumerate(GREYS):
                seen = gain * grey + offset + own + random.normal(0, noise)
                rows.append((session, material, session * tiles + tile, seen, noise))
    return TiePoints.of_rows(rows)


scales = st.lists(st.tuples(st.floats(0.9, 1.1), st.floats(-20, 20)), min_size=2, max_size=5).map(
    lambda pairs: (np.array([g for g, _ in pairs]), np.array([o for _, o in pairs]))
)


@settings(max_examples=25, deadline=None)
@given(scale=scales, seed=st.integers(0, 1000))
def test_planted_scales_are_found_within_their_errors(scale, seed):
    gains, offsets = scale
    found = solve_session_scales(tie_points(gains, offsets, seed), len(gains), 120.0, PRIORS, Job())
    gain, offset, covariance = found.relative(0)
    true_gain = gains / gains[0]
    true_offset = offsets - true_gain * offsets[0]
    assert gain == pytest.approx(true_gain, abs=0.006)
    level = gain * 120 + offset - (true_gain * 120 + true_offset)
    assert np.abs(level).max() < 1.2
    error = np.sqrt(covariance[1:, 0, 0])
    assert np.all(np.abs(gain - true_gain)[1:] < 6 * error)


@settings(max_examples=20, deadline=None)
@given(scale=scales, seed=st.integers(0, 1000))
def test_the_choice_of_reference_only_rescales(scale, seed):
    gains, offsets = scale
    found = solve_session_scales(tie_points(gains, offsets, seed), len(gains), 120.0, PRIORS, Job())
    gain, offset, _ = found.relative(0)
    other_gain, other_offset, _ = found.relative(1)
    assert other_gain * gain[1] == pytest.approx(gain)
    assert other_gain * offset[1] + other_offset == pytest.approx(offset, abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(scale=scales, seed=st.integers(0, 1000), order=st.randoms())
def test_the_order_of_sessions_is_irrelevant(scale, seed, order):
    gains, offsets = scale
    seen = tie_points(gains, offsets, seed)
    new = list(range(len(gains)))
    order.shuffle(new)
    place = np.array(new)
    moved = replace(seen, session=place[seen.session])
    one = solve_session_scales(seen, len(gains), 120.0, PRIORS, Job()).relative(0)
    other = solve_session_scales(moved, len(gains), 120.0, PRIORS, Job()).relative(int(place[0]))
    assert other[0][place] == pytest.approx(one[0], abs=1e-6)
    assert other[1][place] == pytest.approx(one[1], abs=1e-4)


def test_a_material_that_is_another_in_one_session_counts_for_nothing():
    seen = tie_points(np.array([1.0, 1.05]), np.array([0.0, -8.0]), 3)
    grey = seen.grey + 25.0 * ((seen.material == 3) & (seen.session == 1) & (seen.tile < 16))
    wrong = replace(seen, grey=grey)
    gain, offset, _ = solve_session_scales(wrong, 2, 120.0, PRIORS, Job()).relative(0)
    assert gain[1] == pytest.approx(1.05, abs=0.006)
    assert gain[1] * 120 + offset[1] == pytest.approx(1.05 * 120 - 8, abs=1.0)


def test_one_material_gives_the_level_and_no_gain():
    seen = tie_points(np.array([1.0, 1.0]), np.array([0.0, 10.0]), 3)
    alone = seen.where(seen.material == 2)
    found = solve_session_scales(alone, 2, 120.0, PRIORS, Job())
    gain, offset, covariance = found.relative(0)
    assert np.sqrt(covariance[1, 0, 0]) > 0.8 * PRIORS.gain
    assert gain[1] * 120 + offset[1] == pytest.approx(130, abs=1.0)


def test_sessions_that_share_nothing_are_two_groups():
    rows = [(0, 0, -1, 50.0, 0.1), (1, 0, -1, 55.0, 0.1), (2, 1, -1, 80.0, 0.1)]
    seen = TiePoints.of_rows([*rows, (3, 1, -1, 81.0, 0.1)])
    assert seen.groups(5).tolist() == [0, 0, 2, 2, 4]
    assert len(TiePoints.of_rows([]).shared()) == 0


def test_steps_round_a_ring_of_tiles_give_their_slopes():
    random = np.random.default_rng(0)
    true = random.normal(0, 2, (30, 3)) * [0.2, 1, 1]
    before, after = np.divmod(np.arange(900), 30)
    at_before, at_after = random.uniform(-0.5, 0.5, (2, 900, 2))

    def value(tile, at):
        return true[tile, 0] + (true[tile, 1:] * at).sum(axis=1)

    step = value(after, at_after) - value(before, at_before) + random.normal(0, 0.1, 900)
    step[random.choice(900, 45, replace=False)] += 40.0  # seams along the outline of a crystal
    steps = Steps(before, after, at_before, at_after, step, np.full(900, 0.1))
    found = tile_planes(steps, 30, np.ones(30, bool), 1.0, Job())
    found[:, 0] -= (found - true)[:, 0].mean()
    assert np.abs(found - true).max() < 0.3


@pytest.mark.parametrize("bow", [0.0, 2.0])
def test_a_shading_counts_only_where_it_is_sure(bow: float):
    random = np.random.default_rng(5)
    tile = np.repeat(np.arange(40), 1500)
    x, y = random.uniform(-0.5, 0.5, (2, tile.size))
    crystal = 30.0 * (np.hypot(x - 0.2, y) < 0.1) * (tile < 5)
    off = random.normal(0, 3, tile.size) + crystal - bow * (x * x + y * y - 1 / 6)
    found = find_shading(tile, x, y, off, 1.0)
    assert found is not None
    assert found.significant == (bow > 0)
    assert found.bend[:2] == pytest.approx((-bow, -bow), abs=0.7), "the crystals are not eaten"
    assert find_shading(tile[:6000], x[:6000], y[:6000], off[:6000], 1.0) is None, "four tiles"
