"""Artefacts on olivine: what is planted is found, what is zoning is left."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_olivine.calibration.outliers import artefacts, fill_along, lof_outliers
from napari_olivine.errors import Cancelled


@pytest.fixture
def crystal() -> np.ndarray:
    """A normally zoned crystal with pixel noise: grey rises towards the rim."""
    rows, columns = np.indices((160, 200))
    distance = np.hypot(rows - 80, columns - 100)
    grey = 120 + 40 / (1 + np.exp(-(distance - 60) / 8))
    return grey + np.random.default_rng(0).normal(0, 3, grey.shape)


def test_zoning_alone_is_no_artefact(crystal: np.ndarray):
    assert artefacts(crystal, np.ones(crystal.shape, bool)).mean() < 0.01


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_mantle_is_no_artefact_where_most_crystals_are_unzoned(sign: int):
    """A steep ring in one of nine crystals: the spread is that of the other eight."""
    rows, columns = np.indices((420, 420))
    distance = np.hypot(rows % 140 - 70, columns % 140 - 70)
    mineral = distance < 62
    mantled = mineral & (rows // 140 == 1) & (columns // 140 == 1)
    ring = mantled & (np.abs(distance - 38) < 9)
    grey = np.where(mineral, 130.0, 20.0) + sign * 20.0 * ring
    grey = gaussian_filter(grey, 1.5) + np.random.default_rng(0).normal(0, 2, grey.shape)
    found = artefacts(grey, mineral)
    assert found[ring].mean() < 0.1
    assert found[mantled & (distance < 56)].mean() < 0.05  # beyond, it is mixed with the glass


@pytest.mark.parametrize("width", [1, 3, 7])
def test_planted_cracks_are_found(crystal: np.ndarray, width: int):
    crack = np.zeros(crystal.shape, bool)
    crack[60 : 60 + width, 20:180] = True
    crystal[crack] -= 60
    found = artefacts(crystal, np.ones(crystal.shape, bool))
    assert found[crack].mean() > 0.99
    assert (found & ~crack).sum() < 4 * 160 + 0.01 * crack.size


def test_a_bright_inclusion_is_found_and_other_minerals_do_not_count(crystal: np.ndarray):
    crystal[100:106, 90:96] = 240
    mineral = np.ones(crystal.shape, bool)
    mineral[:, :60] = False
    crystal[:, :60] = 20
    found = artefacts(crystal, mineral)
    assert found[100:106, 90:96].all()
    assert not found[:, :60].any()
    assert found[:, 62:80].mean() < 0.02


def test_lof_finds_single_pixels_and_leaves_few_points_alone():
    random = np.random.default_rng(1)
    rows, columns = np.indices((30, 30)).reshape(2, -1)
    grey = 130 + random.normal(0, 1, 900)
    grey[[100, 450]] = 40
    found = lof_outliers(rows, columns, grey)
    assert found[[100, 450]].all()
    assert found.sum() < 20
    assert not lof_outliers(rows[:15], columns[:15], grey[:15]).any()


def test_the_work_can_be_stopped(crystal: np.ndarray):
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        artefacts(crystal, np.ones(crystal.shape, bool), check=stop)


def test_outliers_of_a_profile_are_interpolated():
    distance = np.array([0.0, 1.0, 2.0, 4.0, 5.0])
    values = np.array([10.0, np.nan, 99.0, 14.0, np.nan])
    filled = fill_along(distance, values, np.array([False, True, True, False, True]))
    assert filled.tolist() == [10.0, 11.0, 12.0, 14.0, 14.0]
    assert np.isnan(fill_along(distance, values, np.ones(5, bool))).all()
