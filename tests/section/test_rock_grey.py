"""Vesicles and resin told from rock by their grey."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_olivine.section import rock_only, vesicle_threshold
from tests.helpers.vesicles import vesicular_rock


@pytest.mark.parametrize("share", [0.005, 0.05, 0.3, 0.7])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_vesicles_are_found_by_their_grey(share: float, dtype: type) -> None:
    grey = vesicular_rock(4, share)
    scale = {np.uint8: 1, np.uint16: 40, np.float32: 0.01}[dtype]
    threshold = vesicle_threshold((grey * scale).astype(dtype))
    assert threshold is not None
    # Half-way between the vesicles and the rock.
    assert threshold / scale == pytest.approx((30 + 112) / 2, abs=4)


def test_vesicles_clipped_to_black_and_hot_pixels() -> None:
    grey = vesicular_rock(5, 0.05)
    grey[grey < 60] -= 80
    grey.flat[::5000] = 60_000
    threshold = vesicle_threshold(np.clip(grey, 0, 65_535).astype(np.uint16))
    assert threshold == pytest.approx(112 / 2, abs=3)


def test_rock_without_vesicles_has_no_threshold() -> None:
    dense = vesicular_rock(6, 0)
    assert vesicle_threshold(dense) is None
    assert vesicle_threshold(np.rint(dense).astype(np.uint8)) is None
    assert vesicle_threshold(np.full((5, 5), 7, np.uint8)) is None
    assert vesicle_threshold(np.zeros((0, 4), np.uint8)) is None
    # Plagioclase is darker than glass and olivine, but no vesicle.
    random = np.random.default_rng(0)
    for greys in ([95.0, 112.0, 125.0], [100.0, 122.0, 125.0]):
        minerals = random.choice(greys, (300, 300), p=[0.2, 0.5, 0.3])
        assert vesicle_threshold(minerals + random.normal(0, 2, minerals.shape)) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("share", [0.002, 0.005, 0.02, 0.05])
def test_rock_beside_saturated_oxides_is_no_vesicle(share: float, dtype: type) -> None:
    grey = np.clip(np.random.default_rng(1).normal(100, 8, 200_000), 1, 255)
    grey[: int(share * grey.size)] = 255
    assert vesicle_threshold(np.rint(grey).astype(dtype)) is None


def test_gaps_are_no_vesicles() -> None:
    grey = vesicular_rock(7, 0)
    grey[:, :100] = 0
    seen = np.ones(grey.shape, bool)
    seen[:, :100] = False
    assert vesicle_threshold(grey, seen) is None
    assert vesicle_threshold(grey) is not None


def test_threshold_gives_blurred_vesicles_their_area() -> None:
    true = vesicular_rock(8, 0.3) < 70
    grey = cv2.GaussianBlur(np.where(true, 30.0, 112.0), (0, 0), 1.5)
    grey += np.random.default_rng(0).normal(0, 3, grey.shape)
    threshold = vesicle_threshold(grey)
    assert threshold is not None
    assert (grey < threshold).mean() == pytest.approx(true.mean(), rel=0.02)


@pytest.mark.parametrize("resin", [0.0, 0.05, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_grey_of_rock_is_the_same_whatever_lies_around_it(resin: float, dtype: type) -> None:
    random = np.random.default_rng(1)
    scale = {np.uint8: 1, np.uint16: 40, np.float32: 0.01}[dtype]
    grey = random.choice([100.0, 112.0, 125.0], (400, 500), p=[0.2, 0.5, 0.3])
    grey[: int(400 * resin)] = 18
    grey += random.normal(0, 3, grey.shape)
    grey[-1] = 255 if dtype is np.uint8 else 300  # charging
    grey[:, :20] = 0  # a gap of the mosaic
    rock = rock_only((grey.clip(0) * scale).astype(dtype)) / scale
    assert np.median(rock) == pytest.approx(112, abs=2)
    assert np.percentile(rock, 1) > 88


def test_an_image_without_rock_stays_as_it_is() -> None:
    black = np.zeros((4, 5), np.uint8)
    assert rock_only(black).size == 20
