"""Rock around crystals, in sections whose vesicles, gaps and edges are known."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from napari_olivine.crystals.measure import surroundings
from napari_olivine.crystals.measure.surroundings import (
    Surroundings,
    measure_surroundings,
)
from napari_olivine.errors import InputError
from tests.helpers.vesicles import vesicular_rock

Mask = NDArray[np.bool_]
RADIUS_UM = 50.0
DISC = np.pi * RADIUS_UM**2


def around(
    rock: Mask, x: list[float], y: list[float], seen: Mask | None = None, pixel_um: float = 1.0
) -> Surroundings:
    """Measure within 50 um at full resolution."""
    seen = np.ones_like(rock) if seen is None else seen
    return measure_surroundings(rock, seen, np.array(x), np.array(y), RADIUS_UM, pixel_um)


def test_plain_rock_fills_the_disc() -> None:
    plain = np.ones((301, 401), bool)
    found = around(plain, [200, 150.3, 249.9], [150, 120.7, 100.5])
    assert found.rock_area_um2 == pytest.approx(np.full(3, DISC), rel=1e-9)
    assert found.vesicle_fraction == pytest.approx(np.zeros(3), abs=1e-9)
    assert found.seen_fraction == pytest.approx(np.ones(3))


def test_edges_and_corners_of_the_vesicular_rock() -> None:
    plain = np.ones((300, 400), bool)
    # The section begins half a pixel before the centre of its first pixel.
    found = around(plain, [-0.5, 200, -0.5, 399.5, -200], [150, 299.5, -0.5, 299.5, 150])
    shares = np.array([1 / 2, 1 / 2, 1 / 4, 1 / 4, 0])
    assert found.seen_fraction == pytest.approx(shares, abs=1e-3)
    assert found.rock_area_um2 == pytest.approx(shares * DISC, abs=1e-3 * DISC)
    assert np.isnan(found.vesicle_fraction[4])
    assert found.vesicle_fraction[:4] == pytest.approx(np.zeros(4), abs=1e-9)


def test_vesicles_and_gaps_do_not_count() -> None:
    rock, seen = np.ones((300, 400), bool), np.ones((300, 400), bool)
    rock[:, :200] = False  # a vesicle to the left of x = 199.5
    seen[150:] = False  # a gap below y = 149.5
    rock &= seen
    found = around(rock, [199.5, 100, 300], [149.5, 50, 149.5], seen)
    assert found.rock_area_um2 == pytest.approx(DISC * np.array([1 / 4, 0, 1 / 2]), abs=2)
    assert found.vesicle_fraction == pytest.approx(np.array([1 / 2, 1, 0]), abs=1e-3)
    assert found.seen_fraction == pytest.approx(np.array([1 / 2, 1, 1 / 2]), abs=1e-3)


@given(st.integers(0, 10_000), st.floats(0, 399), st.floats(0, 299))
@settings(max_examples=20, deadline=None)
def test_area_is_that_of_the_pixels_in_the_disc(seed: int, x: float, y: float) -> None:
    rock = vesicular_rock(seed % 7, 0.3) > 70
    rows, columns = np.indices(rock.shape)
    # Parts of pixels by 1 - 0 over a pixel at the circle.
    share = np.clip(RADIUS_UM + 0.5 - np.hypot(rows - y, columns - x), 0, 1)
    found = around(rock, [x], [y])
    assert found.rock_area_um2[0] == pytest.approx((share * rock).sum(), abs=0.004 * DISC)
    assert found.seen_fraction[0] == pytest.approx(share.sum() / DISC, abs=0.004)


def test_crystals_of_a_large_section_are_measured_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    rock = vesicular_rock(1, 0.3) > 70
    random = np.random.default_rng(0)
    x, y = random.uniform(-5, 405, 200), random.uniform(-5, 305, 200)
    whole = around(rock, list(x), list(y))
    monkeypatch.setattr(surroundings, "BAND_PIXELS", 1)
    monkeypatch.setattr(surroundings, "CHORDS", 700)
    for name, values in asdict(around(rock, list(x), list(y))).items():
        np.testing.assert_allclose(values, getattr(whole, name), rtol=1e-9)


@pytest.mark.parametrize("pixel_um", [1.0, 0.5])
def test_a_coarse_level_gives_the_same(pixel_um: float) -> None:
    grey = vesicular_rock(2, 0.25, (512, 512))
    random = np.random.default_rng(0)
    x, y = random.uniform(60, 440, (2, 30)) * pixel_um
    full = grey > 70
    fine = measure_surroundings(full, np.ones_like(full), x, y, RADIUS_UM * pixel_um, pixel_um)
    halved = grey.reshape(128, 4, 128, 4).mean(axis=(1, 3)) > 70
    coarse = measure_surroundings(
        halved, np.ones_like(halved), x, y, RADIUS_UM * pixel_um, pixel_um, level=2
    )
    area = DISC * pixel_um**2
    assert coarse.rock_area_um2 == pytest.approx(fine.rock_area_um2, abs=0.015 * area)
    assert np.mean(coarse.rock_area_um2 - fine.rock_area_um2) == pytest.approx(0, abs=0.005 * area)


def test_no_crystals_and_too_small_a_radius() -> None:
    rock = np.ones((10, 10), bool)
    assert around(rock, [], []).rock_area_um2.shape == (0,)
    with pytest.raises(InputError, match="less than a pixel"):
        measure_surroundings(rock, rock, np.zeros(1), np.zeros(1), 5.0, 1.0, level=3)
