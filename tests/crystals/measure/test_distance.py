"""Distances in crystals are exact, and the same at every call."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_olivine.crystals.measure.distance import exact_distance


def test_distances_are_exact_and_repeat() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        inside = random.random(random.integers(8, 150, 2)) < random.uniform(0.5, 0.999)
        inside[0, 0] = False
        found = exact_distance(inside)
        np.testing.assert_allclose(found, distance_transform_edt(inside), rtol=1e-6)
        np.testing.assert_array_equal(found, exact_distance(inside.copy()))


def test_a_mask_without_an_outside_is_far_from_it() -> None:
    assert exact_distance(np.ones((5, 5), bool)).min() > 1e3
