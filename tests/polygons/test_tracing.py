"""Polygons around pixels give back the pixels, whatever their shape."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.polygons import Rings, trace_polygons
from napari_olivine.polygons.tracing import Ring
from tests.helpers.rasterise import rasterise


def area(ring: Ring) -> float:
    """Area by the shoelace formula."""
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2


def check(inside: NDArray[np.bool_]) -> list[Rings]:
    polygons = trace_polygons(inside)
    rings = [ring for polygon in polygons for ring in polygon]
    assert (rasterise(rings, inside.shape) == inside).all()
    assert sum(area(ring) for ring in rings) == inside.sum()
    assert len(polygons) == ndimage.label(inside)[1]
    for outer, *holes in polygons:
        assert area(outer) > 0
        assert all(area(hole) < 0 for hole in holes)
    for ring in rings:
        assert len(np.unique(ring, axis=0)) == len(ring)  # it does not meet itself
        steps = np.roll(ring, -1, axis=0) - ring
        assert (np.count_nonzero(steps, axis=1) == 1).all()  # along the pixels
        assert (np.sum(steps * np.roll(steps, 1, axis=0), axis=1) == 0).all()  # it turns
    return polygons


@pytest.mark.parametrize("share", [0.2, 0.5, 0.6, 0.9])
def test_pixels_of_any_shape_come_back(share: float) -> None:
    random = np.random.default_rng(3)
    for _ in range(60):
        inside = random.random(random.integers(1, 14, 2)) < share
        check(inside)
    check(ndimage.gaussian_filter(random.normal(size=(90, 120)), 2) > 0)


def test_a_hole_that_touches_the_outside_in_a_corner_stays_a_hole() -> None:
    inside = np.ones((3, 3), bool)
    inside[1, 1] = inside[0, 0] = False
    ((outer, hole),) = check(inside)
    assert {tuple(corner) for corner in outer.tolist()} & {
        tuple(corner) for corner in hole.tolist()
    } == {(1, 1)}


def test_parts_that_touch_in_a_corner_are_polygons_of_their_own() -> None:
    first, second = check(np.eye(2, dtype=bool))
    assert first[0].tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    assert second[0].tolist() == [[1, 1], [2, 1], [2, 2], [1, 2]]


def test_nothing_has_no_polygons() -> None:
    assert trace_polygons(np.zeros((3, 3), bool)) == []
