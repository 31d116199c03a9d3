"""Radial profiles of single crystals with known composition, and profiles compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.crystals.measure.shape import fill_holes, outline_distance
from napari_olivine.crystals.zoning.radial import (
    GRID,
    RadialProfile,
    independent_values,
    median_variance,
    most_alike,
    noise_level,
    on_grid,
    profile_distances,
    radial_profile,
)

Image = NDArray[np.float64]


def disc(radius: float) -> tuple[NDArray[np.bool_], Image]:
    """Disc in the middle of a square, and each pixel's distance to its centre."""
    half = int(radius) + 3
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    away = np.hypot(rows, columns)
    return away <= radius, away


def correlated(seed: int, shape: tuple[int, ...], sigma: float, smooth_px: float) -> Image:
    """Noise of a given standard deviation, smoothed."""
    noise = np.random.default_rng(seed).normal(0, 1, (shape[0] + 40, shape[1] + 40))
    smooth = ndimage.gaussian_filter(noise, smooth_px) if smooth_px else noise
    # White noise smoothed by s px has the standard deviation 1 / (2 s sqrt(pi)).
    return np.asarray(sigma * (smooth / smooth.std())[20:-20, 20:-20])


def profile_of(
    mg: Image, inside: NDArray[np.bool_], border_px: float = 3, **counts: int
) -> RadialProfile:
    distance = outline_distance(fill_holes(inside))
    profile = radial_profile(inside, distance, mg.astype(np.float32), border_px, **counts)
    assert profile is not None
    return profile


def test_bins_of_equal_area_hold_the_medians_of_their_depths() -> None:
    inside, away = disc(80)
    mg = 0.88 - 0.1 * (away / 80) ** 4 + correlated(0, away.shape, 0.01, 0)
    profile = profile_of(mg, inside)
    assert profile.n.sum() == np.count_nonzero(inside & (outline_distance(inside) > 3))
    assert profile.n.max() < 1.2 * profile.n.min()
    assert profile.depth_max_px == pytest.approx(80, abs=1.5)
    assert profile.edges_px[0] > 3
    for array in (profile.edges_px, profile.depth_px, profile.s):
        assert (np.diff(array) > 0).all()
    expected = 0.88 - 0.1 * (1 - profile.s) ** 4
    # Depth is counted from the first pixel inside: up to one pixel less than the radius tells.
    slope = 0.4 * (1 - profile.s) ** 3 / 80
    np.testing.assert_array_less(np.abs(profile.median - expected), 4 * profile.se + slope)


def test_cracks_and_holes_do_not_move_the_profile() -> None:
    inside, away = disc(80)
    mg = 0.88 - 0.1 * (away / 80) ** 4 + correlated(1, away.shape, 0.01, 1)
    clean = profile_of(mg, inside)
    mg[70:74] = 0.99  # a crack that nobody masked
    mg[:, 100:103] = 0.2  # an oxide vein
    mg[40:50, 60:70] = np.nan  # masked
    holed = inside.copy()
    holed[90:110, 50:70] = False  # an inclusion
    spoilt = profile_of(mg, holed)
    np.testing.assert_allclose(spoilt.median, clean.median, atol=0.004)
    assert spoilt.depth_max_px == clean.depth_max_px


@pytest.mark.parametrize("smooth_px", [0.0, 0.7, 1.5])
def test_standard_errors_tell_the_scatter_of_repeated_measurements(smooth_px: float) -> None:
    inside, away = disc(45)
    runs = [
        profile_of(0.85 + correlated(seed, away.shape, 0.01, smooth_px), inside)
        for seed in range(50)
    ]
    deviations = np.array([(run.median - 0.85) / run.se for run in runs])
    assert deviations.std() == pytest.approx(1, rel=0.15)
    assert runs[0].n_eff.sum() <= runs[0].n.sum()


@pytest.mark.parametrize("smooth_px", [0.0, 0.7, 1.0, 1.5])
def test_speckle_finds_size_and_extent_of_the_noise(smooth_px: float) -> None:
    inside, away = disc(90)
    mg = 0.9 - 0.1 * (away / 90) ** 2 + correlated(3, away.shape, 0.008, smooth_px)
    sigma, patch = noise_level(mg.astype(np.float32), inside)
    assert sigma == pytest.approx(0.008, rel=0.12)
    assert patch == pytest.approx(max(4 * np.pi * smooth_px**2, 1), rel=0.25)


@pytest.mark.parametrize("smooth_px", [0.1, 0.4, 0.7, 1.0, 3.0])
def test_variance_of_a_median_of_values_that_share_noise(smooth_px: float) -> None:
    lags = np.arange(-25, 26)
    alike = np.exp(-(lags[:, np.newaxis] ** 2 + lags**2) / (4 * smooth_px**2))
    # Two normal values of correlation c have signs of correlation 2 / pi arcsin(c).
    assert median_variance(alike.sum()) == pytest.approx(
        np.arcsin(alike).sum() / alike.sum(), abs=0.012
    )


@pytest.mark.parametrize("width", [1.0, 2.0, 4.0, 10.0, 30.0])
def test_independent_values_of_a_band(width: float) -> None:
    patch, length = 12.0, 400.0
    at = np.linspace(0, 1, 4001)

    def variance(extent: float) -> float:
        # Of the mean over an extent: twice the integral of (1 - t) c(extent t).
        return 2 * float(np.mean((1 - at) * np.exp(-np.pi * (extent * at) ** 2 / patch)))

    expected = 1 / (variance(width) * variance(length))
    found = independent_values(np.array([int(width * length)]), np.array([width]), patch)
    assert found[0] == pytest.approx(expected, rel=0.1)


def test_small_crystals_get_fewer_bins_and_smaller_ones_none() -> None:
    sizes = []
    for radius in (14, 20, 30, 60):
        inside, away = disc(radius)
        profile = profile_of(0.85 + 0 * away, inside)
        sizes.append(profile.cell_median.shape)
        assert profile.n.min() >= 30
        np.testing.assert_allclose(profile.median, 0.85, atol=1e-4)
    assert sizes == sorted(sizes)
    assert sizes[0][0] < sizes[-1][0] == 24
    inside, away = disc(9)
    distance = outline_distance(inside)
    assert radial_profile(inside, distance, away.astype(np.float32), 3) is None
    nowhere = np.full(away.shape, np.nan, np.float32)
    assert radial_profile(inside, distance, nowhere, 0) is None


def test_a_thin_crystal_whose_rows_share_their_depth() -> None:
    inside = np.zeros((24, 900), bool)
    inside[2:-2, 2:-2] = True
    profile = profile_of(np.full(inside.shape, 0.8), inside)
    assert len(profile.n) <= 7  # ten rows deep, three of them border
    assert (profile.n > 0).all()
    assert len(profile.edges_px) == len(profile.n) + 1


def test_sectors_tell_the_sides_of_a_crystal_apart() -> None:
    rows, columns = np.mgrid[-60:61, -130:131]
    inside = (rows / 55) ** 2 + (columns / 120) ** 2 <= 1
    mg = np.where(columns > 0, 0.90, 0.80) + correlated(4, rows.shape, 0.005, 0)
    profile = profile_of(mg, inside)
    np.testing.assert_array_equal(profile.cell_n.sum(axis=1), profile.n)
    right = profile.rim_col > 130
    pure = np.abs(profile.rim_col - 130) > 25
    assert right.sum() == len(right) // 2
    np.testing.assert_allclose(profile.cell_median[:, right & pure], 0.90, atol=0.005)
    np.testing.assert_allclose(profile.cell_median[:, ~right & pure], 0.80, atol=0.005)
    # Equal areas although the crystal is twice as long as wide.
    shares = profile.cell_n.sum(axis=0) / profile.n.sum()
    assert shares.max() < 1.4 * shares.min()


@settings(max_examples=15, deadline=None)
@given(
    turns=st.integers(0, 3),
    flip=st.booleans(),
    shift=st.floats(-0.2, 0.1),
    seed=st.integers(0, 1000),
)
def test_profile_does_not_depend_on_how_the_crystal_lies(
    turns: int, flip: bool, shift: float, seed: int
) -> None:
    rows, columns = np.mgrid[-40:41, -60:61]
    inside = (rows / 34) ** 2 + ((columns + 0.3 * rows) / 50) ** 2 <= 1
    mg = 0.85 + 0.0004 * columns + correlated(seed, rows.shape, 0.01, 1)
    one = profile_of(mg, inside)
    turned = [np.rot90(image[::-1] if flip else image, turns) for image in (mg + shift, inside)]
    other = profile_of(turned[0], turned[1].astype(bool))
    np.testing.assert_array_equal(other.n, one.n)
    np.testing.assert_allclose(other.median, one.median + shift, atol=5e-4)
    np.testing.assert_allclose(other.mad, one.mad, atol=5e-4)


def test_crystals_of_unlike_size_agree_on_the_common_grid() -> None:
    sampled = []
    for radius, seed in ((50, 5), (120, 6)):
        inside, away = disc(radius)
        mg = 0.88 - 0.08 * (away / radius) ** 3 + correlated(seed, away.shape, 0.01, 1)
        profile = profile_of(mg, inside)
        sampled.append(on_grid(profile))
        in_border = radius * GRID < 3
        assert np.isnan(sampled[-1][0][in_border]).all()
    (one, one_error), (other, other_error) = sampled
    both = np.isfinite(one + other)
    assert np.count_nonzero(both) >= 17
    off = np.abs(one - other)[both]
    # One pixel of the small crystal is a fiftieth of its depth.
    allowed = 4 * np.hypot(one_error, other_error)[both] + 0.24 / 50
    np.testing.assert_array_less(off, allowed)
    assert profile_distances(one, one_error, other[np.newaxis], other_error[np.newaxis])[0] < 2


def test_distance_of_profiles() -> None:
    flat, exact = np.full(len(GRID), 0.85), np.zeros(len(GRID))
    others = np.stack([flat, flat + 0.006, flat + 0.03])
    distances = profile_distances(flat, exact, others, np.zeros_like(others), floor=0.003)
    np.testing.assert_allclose(distances, [0, 2, 10])
    # The same the other way round, and with errors of either.
    error = np.full(len(GRID), 0.004)
    forth = profile_distances(flat, error, others[2:], exact[np.newaxis])
    back = profile_distances(others[2], exact, flat[np.newaxis], error[np.newaxis])
    np.testing.assert_allclose(forth, back)
    # A crystal that could be anything is not like everything.
    vague = profile_distances(flat, exact, flat[np.newaxis], np.full((1, len(GRID)), 0.1))
    assert vague[0] > distances[1]
    unknown = np.where(GRID < 0.6, np.nan, flat)
    order, ranked = most_alike(
        flat, exact, np.stack([others[2], unknown, others[1]]), np.zeros((3, len(GRID)))
    )
    assert order.tolist() == [2, 0]
    np.testing.assert_allclose(ranked, [2, 10])


def test_crystals_like_this_one_are_those_of_its_population() -> None:
    random = np.random.default_rng(7)
    kinds = random.integers(0, 4, 3000)
    shapes = np.stack(
        [
            0.88 - 0.10 * np.exp(-GRID / 0.2),
            0.78 + 0.09 * np.exp(-GRID / 0.2),
            np.full(len(GRID), 0.84),
            0.80 + 0.08 * np.exp(-(((GRID - 0.5) / 0.15) ** 2)),
        ]
    )
    errors = random.uniform(0.0005, 0.004, (3000, 1)) * np.ones(len(GRID))
    own = random.normal(0, 0.003, (3000, len(GRID)))
    profiles = shapes[kinds] + own + random.normal(0, 1, errors.shape) * errors
    profiles[random.random(profiles.shape) < 0.05] = np.nan
    for crystal in range(8):
        order, distances = most_alike(profiles[crystal], errors[crystal], profiles, errors)
        alike = np.count_nonzero(kinds == kinds[crystal])
        assert (kinds[order[:alike]] == kinds[crystal]).mean() > 0.99
        assert (np.diff(distances) >= 0).all()
