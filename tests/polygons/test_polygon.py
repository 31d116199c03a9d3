"""Polygons: the pixels inside, what is wrong with one, and files of QuPath."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from skimage.draw import polygon as filled

from napari_olivine.errors import InputError
from napari_olivine.polygons import Polygon, fault_of, pixels_inside, read_geojson

SHAPE = (90, 120)


def star(row: float, column: float, radius: float, corners: int = 31) -> np.ndarray:
    """Corners of a star, no two at the height of a pixel's centre."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    away = radius * (1 + 0.4 * np.sin(7 * angle))
    return np.stack([row + away * np.sin(angle), column + away * np.cos(angle)], axis=1) + 0.013


def test_pixels_are_those_whose_centres_lie_inside() -> None:
    ring = star(40, 60, 45)  # reaches beyond the image above and below
    expected = np.zeros(SHAPE, bool)
    expected[filled(ring[:, 0], ring[:, 1], SHAPE)] = True
    one = Polygon("star", (ring,))
    found = np.zeros(SHAPE, bool)
    for row in range(0, 90, 32):
        for column in range(0, 120, 50):
            window = slice(row, min(row + 32, 90)), slice(column, min(column + 50, 120))
            inside = pixels_inside([one], *window)
            found[window] = inside if inside is not None else False
    np.testing.assert_array_equal(found, expected)


def test_two_outlines_are_joined_and_a_hole_is_left_out() -> None:
    square = np.array([[10.0, 10], [10, 30], [30, 30], [30, 10]])
    ring = Polygon("ring", (square, square[::-1] * 0.5 + 10))
    beside = Polygon("beside", (square + np.array([0, 15]),))
    inside = pixels_inside([ring, beside], slice(0, 90), slice(0, 120))
    assert inside is not None
    assert not inside[20, 20]
    assert inside[12, 20]
    assert inside[20, 28]  # in both
    assert pixels_inside([ring], slice(60, 90), slice(0, 120)) is None


@pytest.mark.parametrize(
    ("corners", "fault"),
    [
        ([[10, 10], [10, 40], [40, 40], [40, 10]], ""),
        ([[10, 10], [40, 40], [10, 40], [40, 10]], "crosses itself"),
        ([[10, 10], [10, 40], [25, 40], [25, 10], [25, 30], [40, 10]], "crosses itself"),
        ([[10, 10], [10, 10], [10, 40], [40, 40], [40, 10]], ""),
        ([[-50, 10], [-50, 40], [-10, 40]], "lies outside the image"),
        ([[-50, 10], [-50, 40], [30, 40]], ""),
        ([[10, 10], [40, 40]], "has fewer than 3 corners"),
        ([[10.2, 10.2], [10.2, 10.6], [10.6, 10.4]], "encloses no pixel"),
    ],
)
def test_what_is_wrong_with_a_polygon_is_said(corners: list[list[float]], fault: str) -> None:
    assert fault_of(Polygon("a", (np.array(corners, float),)), SHAPE) == fault


def test_a_file_of_qupath_is_read(tmp_path: Path) -> None:
    """Coordinates are x, y from the corner of the first pixel; the last corner is the first."""
    square = [[10.5, 20.5], [30.5, 20.5], [30.5, 40.5], [10.5, 20.5]]
    shapes = [
        {"type": "Polygon", "coordinates": [square]},
        {"type": "MultiPolygon", "coordinates": [[square], [square]]},
        {"type": "Point", "coordinates": [1, 2]},
    ]
    features = [
        {"type": "Feature", "geometry": shape, "properties": {"name": "ol15"}} for shape in shapes
    ]
    file = tmp_path / "outlines.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    polygons, other = read_geojson(file, "outlines", "outline")
    assert [one.name for one in polygons] == ["ol15", "ol15 (2)", "ol15 (3)"]
    assert other == 1
    np.testing.assert_array_equal(polygons[0].rings[0], [[20, 10], [20, 30], [40, 30]])


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "Polygon", "coordinates": [[["a", 1]]]}'])
def test_a_file_that_has_no_polygon_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.geojson"
    file.write_text(text)
    with pytest.raises(InputError, match=r"wrong\.geojson") as error:
        read_geojson(file, "outlines", "outline")
    assert error.value.facts.setting == "outlines"
