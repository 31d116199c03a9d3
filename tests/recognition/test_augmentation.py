"""Images are changed in ways that leave their class true; crops keep their scale."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.recognition.learning import (
    CropPlace,
    augment,
    cut,
    draw_place,
    log_resolution,
    with_channels,
)


@pytest.mark.parametrize("shape", [(40, 40, 1), (30, 50, 3)])
def test_every_augmentation_keeps_the_shape_and_changes_pixels(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    random = np.random.default_rng(1)
    for _ in range(20):
        changed = augment(random, image, share=1.0)
        assert changed.shape == shape and changed.dtype == np.float32
        assert np.isfinite(changed).all() and not np.array_equal(changed, image)


def test_without_strength_an_image_is_turned_and_mirrored_alone() -> None:
    image = np.arange(16, dtype=np.float32).reshape(4, 4, 1) / 16
    seen = {augment(np.random.default_rng(k), image, 0.0).tobytes() for k in range(60)}
    assert len(seen) == 8
    assert all(sorted(np.frombuffer(one, np.float32)) == sorted(image.ravel()) for one in seen)


def test_a_crop_that_is_enlarged_has_more_pixels_per_micrometre() -> None:
    assert log_resolution(0.5, CropPlace(0, 0, 100), 200) == pytest.approx(np.log10(4.0))
    assert log_resolution(0.5, CropPlace(0, 0, 400), 200) == pytest.approx(0.0)


def test_crops_lie_inside_and_have_all_scales() -> None:
    random = np.random.default_rng(0)
    places = [draw_place(random, (60, 100), 0.25) for _ in range(300)]
    assert all(p.top + p.side <= 60 and p.left + p.side <= 100 for p in places)
    sides = np.array([place.side for place in places])
    assert sides.min() < 18 and sides.max() > 55
    assert np.median(sides) == pytest.approx(30, abs=4)  # even in the logarithm of 15 to 60


def test_a_crop_shows_its_place() -> None:
    image = np.zeros((20, 20, 1), np.float32)
    image[4:8, 10:14] = 1
    assert cut(image, CropPlace(4, 10, 4), 8).min() == 1
    assert cut(image, CropPlace(12, 0, 8), 4).max() == 0


def test_grey_becomes_colours_and_colours_become_grey() -> None:
    grey = np.full((2, 2, 1), 0.5, np.float32)
    assert with_channels(grey, 3).shape == (2, 2, 3)
    assert with_channels(with_channels(grey, 3), 1) == pytest.approx(0.5)
