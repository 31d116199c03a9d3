"""Where the points of a traverse lie, and the grey that is read there."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.calibration import line_positions
from napari_olivine.calibration.traverse import Patch, require_inside, sample, window_around
from napari_olivine.errors import InputError


def test_points_are_stretched_to_the_placed_ends():
    x, y = line_positions(np.array([0.0, 2.0, 8.0]), (10.0, 20.0, 20.0, 20.0), "line")
    assert x.tolist() == [10.0, 12.5, 20.0]
    assert y.tolist() == [20.0] * 3


def test_the_step_of_the_microprobe_is_kept_about_the_middle():
    x, y = line_positions(np.array([5.0, 10.0, 15.0]), (0.0, 0.0, 12.0, 16.0), "epma")
    assert np.hypot(np.diff(x), np.diff(y)) == pytest.approx([5.0, 5.0])
    assert (x[1], y[1]) == pytest.approx((6.0, 8.0))


def test_a_profile_off_the_section_is_told_by_how_much():
    x, y = np.array([50.0, 212.5]), np.array([10.0, 20.0])
    with pytest.raises(InputError, match=r"'p7' leaves the section: .* 13\.5 um right of"):
        require_inside("p7", x, y, (100, 200), 1.0)
    with pytest.raises(InputError, match=r"4\.0 um above"):
        require_inside("p7", np.array([1.0, 2.0]), np.array([-4.0, 3.0]), (100, 200), 1.0)
    with pytest.raises(InputError, match="without a position"):
        require_inside("p7", np.array([1.0, np.nan]), np.array([1.0, 3.0]), (100, 200), 1.0)
    require_inside("p7", np.array([0.0, 99.5]), np.array([0.0, 49.5]), (100, 200), 0.5)


def plane(bad: tuple[slice, slice] | None = None) -> Patch:
    rows, columns = np.indices((40, 50)) + np.array([100, 200])[:, None, None]
    good = np.ones(rows.shape, bool)
    grey = (2.0 * rows + columns).astype(np.float32)
    if bad is not None:
        good[bad] = False
        grey[bad] = 0
    return Patch(grey, good, 100, 200)


def test_a_gradient_is_read_as_it_is():
    rows, columns = np.array([110.0, 120.0]), np.array([215.0, 230.0])
    for sigma in (0.0, 0.5, 1.5):
        result = sample(plane(), rows, columns, sigma_px=sigma)
        assert result.raw == pytest.approx(2 * rows + columns)
        assert result.filtered == pytest.approx(result.raw)
        assert not result.outlier.any()


def test_bad_pixels_are_left_out_and_bad_points_are_told():
    patch = plane((slice(19, 22), slice(0, 50)))
    rows, columns = np.array([110.0, 117.5, 120.0]), np.array([220.0] * 3)
    result = sample(patch, rows, columns, sigma_px=1.0)
    assert result.outlier.tolist() == [False, False, True]
    assert result.filtered[1] == pytest.approx(2 * 117.5 + 220, abs=1.5)
    assert result.raw[1] < result.filtered[1] - 3
    assert np.isnan(result.filtered[2])


def test_a_window_stays_in_the_image():
    rows, columns = window_around(np.array([2.2, 95.0]), np.array([30.0, 44.6]), 8, (100, 50))
    assert (rows, columns) == (slice(0, 100), slice(22, 50))
