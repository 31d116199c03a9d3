"""Rock around crystals, in sections whose vesicles, gaps and edges are known."""

from __future__ import annotations

from dataclasses import asdict

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from napari_olivine.crystals.measure import surroundings
from napari_olivine.crystals.measure.surroundings import (
    Surroundings,
    measure_surroundings,
    vesicle_threshold,
)
from napari_olivine.errors import InputError

Mask = NDArray[np.bool_]
RADIUS_UM = 50.0
DISC = np.pi * RADIUS_UM**2


def around(
    rock: Mask, x: list[float], y: list[float], seen: Mask | None = None, pixel_um: float = 1.0
) -> Surroundings:
    """Measure within 50 um at full resolution."""
    seen = np.ones_like(rock) if seen is None else seen
    return measure_surroundings(rock, seen, np.array(x), np.array(y), RADIUS_UM, pixel_um)


def section(seed: int, vesicles: float, shape: tuple[int, int] = (300, 400)) -> NDArray[np.float64]:
    """BSE of a rock of glass, plagioclase and olivine, with a share of round vesicles."""
    random = np.random.default_rng(seed)
    grey = random.choice([100.0, 112.0, 125.0], shape, p=[0.2, 0.5, 0.3])
    canvas = np.zeros(shape, np.uint8)
    while (canvas > 0).mean() < vesicles:
        centre = (int(random.integers(shape[1])), int(random.integers(shape[0])))
        cv2.circle(canvas, centre, int(random.integers(3, 20)), 1, -1)
    grey[canvas > 0] = 30
    return np.asarray(grey + random.normal(0, 4, shape))


def test_plain_rock_fills_the_disc() -> None:
    plain = np.ones((301, 401), bool)
    found = around(plain, [200, 150.3, 249.9], [150, 120.7, 100.5])
    assert found.rock_area_um2 == pytest.approx(np.full(3, DISC), rel=1e-9)
    assert found.vesicle_fraction == pytest.approx(np.zeros(3), abs=1e-9)
    assert found.seen_fraction == pytest.approx(np.ones(3))


def test_edges_and_corners_of_the_section() -> None:
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
    rock = section(seed % 7, 0.3) > 70
    rows, columns = np.indices(rock.shape)
    # Parts of pixels by 1 - 0 over a pixel at the circle.
    share = np.clip(RADIUS_UM + 0.5 - np.hypot(rows - y, columns - x), 0, 1)
    found = around(rock, [x], [y])
    assert found.rock_area_um2[0] == pytest.approx((share * rock).sum(), abs=0.004 * DISC)
    assert found.seen_fraction[0] == pytest.approx(share.sum() / DISC, abs=0.004)


def test_crystals_of_a_large_section_are_measured_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    rock = section(1, 0.3) > 70
    random = np.random.default_rng(0)
    x, y = random.uniform(-5, 405, 200), random.uniform(-5, 305, 200)
    whole = around(rock, list(x), list(y))
    monkeypatch.setattr(surroundings, "BAND_PIXELS", 1)
    monkeypatch.setattr(surroundings, "CHORDS", 700)
    for name, values in asdict(around(rock, list(x), list(y))).items():
        np.testing.assert_allclose(values, getattr(whole, name), rtol=1e-9)


@pytest.mark.parametrize("pixel_um", [1.0, 0.5])
def test_a_coarse_level_gives_the_same(pixel_um: float) -> None:
    grey = section(2, 0.25, (512, 512))
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


@pytest.mark.parametrize("share", [0.005, 0.05, 0.3, 0.7])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_vesicles_are_found_by_their_grey(share: float, dtype: type) -> None:
    grey = section(4, share)
    scale = {np.uint8: 1, np.uint16: 40, np.float32: 0.01}[dtype]
    threshold = vesicle_threshold((grey * scale).astype(dtype))
    assert threshold is not None
    # Half-way between the vesicles and the rock.
    assert threshold / scale == pytest.approx((30 + 112) / 2, abs=4)


def test_vesicles_clipped_to_black_and_hot_pixels() -> None:
    grey = section(5, 0.05)
    grey[grey < 60] -= 80
    grey.flat[::5000] = 60_000
    threshold = vesicle_threshold(np.clip(grey, 0, 65_535).astype(np.uint16))
    assert threshold == pytest.approx(112 / 2, abs=3)


def test_rock_without_vesicles_has_no_threshold() -> None:
    dense = section(6, 0)
    assert vesicle_threshold(dense) is None
    assert vesicle_threshold(np.rint(dense).astype(np.uint8)) is None
    assert vesicle_threshold(np.full((5, 5), 7, np.uint8)) is None
    assert vesicle_threshold(np.zeros((0, 4), np.uint8)) is None
    # Plagioclase is darker than glass and olivine, but no vesicle.
    random = np.random.default_rng(0)
    for greys in ([95.0, 112.0, 125.0], [100.0, 122.0, 125.0]):
        minerals = random.choice(greys, (300, 300), p=[0.2, 0.5, 0.3])
        assert vesicle_threshold(minerals + random.normal(0, 2, minerals.shape)) is None


def test_gaps_are_no_vesicles() -> None:
    grey = section(7, 0)
    grey[:, :100] = 0
    seen = np.ones(grey.shape, bool)
    seen[:, :100] = False
    assert vesicle_threshold(grey, seen) is None
    assert vesicle_threshold(grey) is not None


def test_threshold_gives_blurred_vesicles_their_area() -> None:
    true = section(8, 0.3) < 70
    grey = cv2.GaussianBlur(np.where(true, 30.0, 112.0), (0, 0), 1.5)
    grey += np.random.default_rng(0).normal(0, 3, grey.shape)
    threshold = vesicle_threshold(grey)
    assert threshold is not None
    assert (grey < threshold).mean() == pytest.approx(true.mean(), rel=0.02)
