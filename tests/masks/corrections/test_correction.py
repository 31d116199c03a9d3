"""A stroke or polygon takes the same pixels whatever window is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from napari_olivine.errors import EditError
from napari_olivine.masks.corrections import Correction, connected_piece, make_correction
from napari_olivine.masks.corrections.connected import FIRST_PX, LARGEST_PX
from napari_olivine.section import create_raster

SHAPE = (90, 120)

places = st.tuples(st.floats(-20, 110), st.floats(-20, 140))


def whole(correction: Correction) -> np.ndarray:
    return correction.pixels(slice(0, SHAPE[0]), slice(0, SHAPE[1]))


@settings(max_examples=60, deadline=None)
@given(
    line=st.lists(places, min_size=1, max_size=5),
    radius=st.floats(0.3, 30),
    row=st.integers(0, 80),
    column=st.integers(0, 110),
)
def test_a_stroke_is_the_same_in_every_window(
    line: list[tuple[float, float]], radius: float, row: int, column: int
) -> None:
    stroke = Correction(label="olivine", tool="brush", line=tuple(line), radius_px=radius)
    inside = whole(stroke)
    rows, columns = slice(row, row + 10), slice(column, column + 10)
    assert np.array_equal(stroke.pixels(rows, columns), inside[rows, columns])
    tiles = stroke.tiles(16, SHAPE)
    for found in zip(*np.nonzero(inside), strict=True):
        assert (found[0] // 16, found[1] // 16) in tiles


def test_a_stroke_is_as_wide_as_the_brush() -> None:
    stroke = Correction(label="other", tool="brush", line=((20, 20), (20, 80)), radius_px=5)
    inside = whole(stroke)
    assert inside[:, 50].sum() == 11
    assert inside.sum() == pytest.approx(60 * 11 + np.pi * 25, rel=0.05)
    disc = Correction(label="other", tool="brush", line=((20, 20),), radius_px=5)
    assert whole(disc).sum() == pytest.approx(np.pi * 25, rel=0.05)


def test_what_has_no_shape_or_no_place_is_refused() -> None:
    for values in (
        {},
        {"line": ((1, 2),), "rings": (((0, 0), (0, 1), (1, 1)),)},
        {"line": ((float("nan"), 2),)},
    ):
        with pytest.raises(ValidationError):
            make_correction(label="olivine", tool="brush", **values)


@pytest.fixture(scope="module")
def mask(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """A ring of olivine with a pixel at its corner, and a band right across the section."""
    pixels = np.zeros((700, 2 * LARGEST_PX), np.uint8)
    pixels[100 : 100 + 2 * FIRST_PX, 100 : 100 + 2 * FIRST_PX] = 1
    pixels[200:300, 200:300] = 0
    pixels[99, 99] = 1  # touches in a corner only
    pixels[680:] = 1
    folder = tmp_path_factory.mktemp("mask") / "olivine"
    raster = create_raster(folder, pixels.shape, np.uint8, 1.0, reduction="mode")
    raster.write(0, 0, pixels)
    return raster, pixels


def test_a_piece_is_filled_to_its_last_pixel(mask: tuple) -> None:
    raster, pixels = mask
    hole = connected_piece(raster, 250, 250, "olivine")
    found = hole.pixels(slice(0, 700), slice(0, 1000))
    expected = np.zeros((700, 1000), bool)
    expected[200:300, 200:300] = True
    assert np.array_equal(found, expected)
    ring = connected_piece(raster, 150, 150, "other")
    expected = pixels[:, :1000] == 1
    expected[99, 99], expected[680:] = False, False
    assert np.array_equal(ring.pixels(slice(0, 700), slice(0, 1000)), expected)
    assert len(ring.rings) == 2


def test_a_piece_that_is_too_large_or_right_already_is_told(mask: tuple) -> None:
    raster, _ = mask
    with pytest.raises(EditError, match="too large"):
        connected_piece(raster, 690, 4000, "other")
    with pytest.raises(EditError, match="already"):
        connected_piece(raster, 150, 150, "olivine")
    with pytest.raises(EditError, match="no mask"):
        connected_piece(raster, -1, 150, "olivine")
