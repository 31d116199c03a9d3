"""The paper's error measures on profiles made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.calibration import fit_scores


def test_a_shift_is_all_of_the_error():
    measured = np.linspace(0.75, 0.9, 40)
    result = fit_scores(measured, measured + 0.02, ["a"] * 40)
    assert result.rmse == pytest.approx(0.02)
    assert result.rmse10 == pytest.approx(0.02)
    assert result.rmse_sh == pytest.approx(0, abs=1e-12)
    assert result.rmse_sh10 == pytest.approx(0, abs=1e-12)
    assert result.points == 40


def test_r2_as_in_the_paper():
    measured = np.array([0.7, 0.8, 0.9])
    predicted = np.array([0.71, 0.8, 0.87])
    expected = 1 - (0.01**2 + 0.03**2) / (2 * 0.1**2)
    assert fit_scores(measured, predicted, ["a"] * 3).r2 == pytest.approx(expected)


def test_rmse10_leaves_ten_points_off_each_end_of_each_profile():
    measured = np.full(60, 0.8)
    predicted = measured.copy()
    predicted[[0, 9, 20, 29, 30, 39, 50, 59]] += 0.1
    names = ["a"] * 30 + ["b"] * 30
    assert fit_scores(measured, predicted, names).rmse10 == 0
    predicted[[10, 45]] += 0.1
    assert fit_scores(measured, predicted, names).rmse10 == pytest.approx(0.1 * np.sqrt(2 / 20))


def test_each_profile_has_its_own_shift():
    measured = np.tile(np.linspace(0.7, 0.9, 30), 2)
    predicted = measured + np.repeat([0.03, -0.01], 30)
    result = fit_scores(measured, predicted, np.repeat(["a", "b"], 30))
    assert result.rmse_sh == pytest.approx(0, abs=1e-12)
    assert result.rmse == pytest.approx(np.sqrt((0.03**2 + 0.01**2) / 2))


def test_points_that_do_not_count():
    measured = np.array([0.8, np.nan, 0.8, 0.85])
    predicted = np.array([0.8, 0.8, 0.9, 0.85])
    result = fit_scores(measured, predicted, ["a"] * 4, valid=[True, True, False, True])
    assert (result.points, result.rmse) == (2, 0)
    assert result.as_dict()["rmse10"] is None
