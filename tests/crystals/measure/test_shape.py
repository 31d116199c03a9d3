"""Sizes, angles, cracks and habits of synthetic crystals, by each convention of length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import regionprops

from napari_olivine.crystals.measure.outline import RESOLVED_PX
from napari_olivine.crystals.measure.shape import (
    CrystalShape,
    classify_habit,
    fill_holes,
    find_cracks,
    in_um,
    measure_shape,
    moment_ellipse,
    outline_distance,
)

Mask = NDArray[np.bool_]
Random = np.random.Generator


def polar(half: int, random: Random) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance and direction from a place near the middle of a box."""
    y, x = np.mgrid[-half : half + 1, -half : half + 1] + random.uniform(-0.5, 0.5, (2, 1, 1))
    return np.hypot(x, y), np.arctan2(y, x) + random.uniform(0, 2 * np.pi)


def faceted(area: float, random: Random) -> Mask:
    """Crystal of 4 to 8 straight faces."""
    faces = int(random.integers(4, 9))
    away, angle = polar(int(2 * np.sqrt(area)) + 4, random)
    normals = (np.arange(faces) + random.uniform(-0.2, 0.2, faces)) * 2 * np.pi / faces
    reach = np.sqrt(area / np.pi) * random.uniform(0.9, 1.1, faces)
    lean = away[..., None] * np.cos(angle[..., None] - normals)
    return np.asarray((lean <= reach).all(axis=-1))


def resorbed(area: float, random: Random) -> Mask:
    """Crystal without faces: an ellipse."""
    away, angle = polar(int(np.sqrt(area)) + 4, random)
    stretch = random.uniform(1, 1.4)
    u, v = away * np.cos(angle) / stretch, away * np.sin(angle) * stretch
    return np.asarray(u**2 + v**2 <= area / np.pi)


def dendrite(area: float, random: Random) -> Mask:
    """Crystal of 3 to 6 arms."""
    away, angle = polar(int(1.2 * np.sqrt(area)) + 4, random)
    arms = int(random.integers(3, 7))
    reach = 0.35 + 0.65 * np.abs(np.cos(arms * angle / 2)) ** random.uniform(1.5, 4)
    return np.asarray(away <= 0.9 * np.sqrt(area) * reach)


def hopper(area: float, random: Random) -> Mask:
    """Crystal of straight faces with melt in its middle."""
    crystal = faceted(area, random)
    distance = outline_distance(crystal)
    return crystal & (distance < distance.max() * random.uniform(0.4, 0.6))


def measure(inside: Mask, **more: object) -> CrystalShape:
    """Measure at 1 um a pixel."""
    return measure_shape(inside, fill_holes(inside), 1.0, **more)  # type: ignore[arg-type]


def blob(seed: int, holes: bool = True) -> Mask:
    """Irregular crystal in one piece, not at the side of its box."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(50, 60)), 2.5)
    field[[0, -1]] = field[:, [0, -1]] = -1
    parts, count = ndimage.label(field > 0, np.ones((3, 3)))
    largest = 1 + int(np.argmax(ndimage.sum_labels(parts > 0, parts, range(1, count + 1))))
    mask = parts == largest
    return np.asarray(mask if holes else ndimage.binary_fill_holes(mask))


def disc(radius: float, half: int) -> Mask:
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    return np.asarray(np.hypot(rows, columns) <= radius)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_values_that_scikit_image_defines_alike(seed: int) -> None:
    inside = blob(seed)
    filled = fill_holes(inside)
    shape = measure(inside)
    (whole,) = regionprops(filled.astype(np.uint8))
    assert shape.area_px == np.count_nonzero(inside)
    assert shape.filled_area_px == whole.area
    assert shape.equivalent_diameter_px == pytest.approx(whole.equivalent_diameter_area)
    # Pixels are points there, squares here, which adds 1/12 to their second moments.
    assert shape.major_axis_px**2 - 4 / 3 == pytest.approx(whole.axis_major_length**2)
    assert shape.minor_axis_px**2 - 4 / 3 == pytest.approx(whole.axis_minor_length**2)
    # The angle from the row axis there, from the x axis here.
    turned = shape.long_axis_angle_deg - np.degrees(whole.orientation) - 90
    assert abs((turned + 90) % 180 - 90) < 1e-6
    assert shape.hole_fraction == pytest.approx(1 - inside.sum() / filled.sum())
    assert 0 < shape.solidity <= 1


@pytest.mark.parametrize(("rows", "columns"), [(30, 60), (60, 30), (200, 20)])
def test_conventions_of_length_for_a_rectangle(rows: int, columns: int) -> None:
    shape = measure(np.ones((rows, columns), bool))
    length, width = max(rows, columns), min(rows, columns)
    assert shape.major_axis_px == pytest.approx(2 / np.sqrt(3) * length)
    assert shape.minor_axis_px == pytest.approx(2 / np.sqrt(3) * width)
    assert shape.aspect_ratio == pytest.approx(length / width)
    assert shape.box_length_px == pytest.approx(length)
    assert shape.box_width_px == pytest.approx(width)
    assert shape.feret_max_px == pytest.approx(np.hypot(length, width), abs=0.5)
    assert shape.feret_min_px == pytest.approx(width)
    assert shape.equivalent_diameter_px == pytest.approx(1.128 * np.sqrt(length * width), rel=1e-3)
    assert shape.long_axis_angle_deg == (0 if columns > rows else 90)
    assert shape.solidity == 1
    assert shape.circularity == pytest.approx(
        np.pi * length * width / (length + width) ** 2, rel=0.06
    )


@pytest.mark.parametrize("radius", [8, 15, 50])
def test_a_disc_is_a_disc_by_every_convention(radius: float) -> None:
    shape = measure(disc(radius + 0.3, int(radius) + 2))
    diameter = 2 * (radius + 0.3)
    for name in ("equivalent_diameter_px", "major_axis_px", "minor_axis_px"):
        assert getattr(shape, name) == pytest.approx(diameter, rel=0.02)
    for name in ("feret_max_px", "feret_min_px", "box_length_px"):
        assert getattr(shape, name) == pytest.approx(diameter, abs=1.5)
    assert shape.circularity == pytest.approx(1, abs=0.03)
    assert shape.aspect_ratio == pytest.approx(1, abs=0.01)
    assert shape.solidity == 1


def test_angles_are_those_seen_on_screen() -> None:
    up_right = np.eye(40, dtype=bool)[::-1]  # rows go down: from the lower left to the upper right
    for mask, angle in ((up_right, 45), (up_right[:, ::-1], 135)):
        shape = measure(mask)
        assert shape.long_axis_angle_deg == pytest.approx(angle)
        assert shape.feret_max_angle_deg == pytest.approx(angle)


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_turning_a_crystal_turns_its_angle_alone(seed: int, quarters: int) -> None:
    mask = blob(seed)
    before, after = measure(mask), measure(np.rot90(mask, quarters))  # counter-clockwise
    turned = after.long_axis_angle_deg - before.long_axis_angle_deg - 90 * quarters
    assert abs((turned + 90) % 180 - 90) < 1e-6
    for name in ("major_axis_px", "circularity", "solidity", "hole_fraction"):
        assert getattr(after, name) == pytest.approx(getattr(before, name))


def test_axes_have_the_second_moments_of_the_pixels() -> None:
    mask = blob(5)
    rows, columns = np.nonzero(mask)
    values = np.linalg.eigvalsh(np.cov(np.stack([rows, columns]), bias=True) + np.eye(2) / 12)
    assert moment_ellipse(mask)[:2] == pytest.approx(tuple(4 * np.sqrt(values[::-1])))
    assert moment_ellipse(np.ones((1, 1), bool))[:2] == pytest.approx((4 / 12**0.5,) * 2)


@given(st.integers(0, 10_000), st.floats(0.3, 0.7))
@settings(max_examples=25, deadline=None)
def test_filling_holes_and_distances_of_any_mask(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((17, 23)) < share
    filled = fill_holes(mask)
    np.testing.assert_array_equal(filled, ndimage.binary_fill_holes(mask))
    np.testing.assert_array_equal(fill_holes(np.pad(mask, 3)[3:-3, 3:-3]), filled)
    if filled.any():
        expected = ndimage.distance_transform_edt(np.pad(filled, 1))[1:-1, 1:-1]
        np.testing.assert_allclose(outline_distance(filled), expected, rtol=1e-5)


def slit(width: int, length: int) -> tuple[Mask, Mask]:
    """Disc of 40 px radius, and a straight slit in it."""
    crystal = disc(40, 45)
    cut = np.zeros_like(crystal)
    cut[45 - length // 2 : 45 + (length + 1) // 2, 44 : 44 + width] = True
    return crystal, cut & crystal


def test_a_crack_that_the_mask_leaves_out() -> None:
    crystal, cut = slit(2, 50)
    shape = measure(crystal & ~cut)
    assert shape.crack_fraction == pytest.approx(cut.sum() / crystal.sum(), rel=0.01)
    assert shape.hole_fraction == pytest.approx(shape.crack_fraction)
    cracks = find_cracks(crystal & ~cut, crystal, 1.0)
    np.testing.assert_array_equal(cracks, cut)


def test_a_crack_from_the_outline_inwards_or_right_through() -> None:
    crystal, cut = slit(3, 95)
    for crack in (cut, cut & (np.arange(91)[:, None] < 50)):
        cracked = crystal & ~crack
        shape = measure(cracked)
        assert shape.hole_fraction == 0
        assert shape.crack_fraction == pytest.approx(crack.sum() / crystal.sum(), rel=0.1)


@pytest.mark.parametrize(
    ("width", "length"), [(8, 50), (2, 10)], ids=["wide as a melt channel", "short"]
)
def test_what_is_wide_or_short_is_no_crack(width: int, length: int) -> None:
    crystal, cut = slit(width, length)
    shape = measure(crystal & ~cut)
    assert shape.crack_fraction == 0
    assert shape.hole_fraction == pytest.approx(cut.sum() / crystal.sum())


def test_cracks_are_as_wide_in_um_whatever_the_pixel() -> None:
    crystal, cut = slit(6, 60)
    assert find_cracks(crystal & ~cut, crystal, 1.0) is None
    fine = find_cracks(crystal & ~cut, crystal, 0.5)
    np.testing.assert_array_equal(fine, cut)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_dark_lines_of_the_bse_are_cracks(dtype: type) -> None:
    crystal = disc(60, 66)
    rows, columns = np.indices(crystal.shape)
    crack = crystal & (np.abs(rows - 0.7 * columns - 20) < 1.3)
    noise = np.random.default_rng(0).normal(0, 3, crystal.shape)
    zoned = 120 + 0.2 * rows + noise
    rock = np.where(crystal, 0, 90)  # brighter than olivine, like oxides
    grey = (zoned + rock - 60 * crack).astype(dtype)
    cracks = find_cracks(crystal, crystal, 1.0, grey)
    assert cracks is not None
    assert (cracks & crack).sum() > 0.9 * crack.sum()
    wider = cv2.dilate(crack.astype(np.uint8), np.ones((3, 3))) > 0
    assert (cracks & ~wider).sum() < 0.03 * crack.sum()
    assert not (cracks & ~crystal).any()
    shape = measure(crystal, grey=grey)
    assert shape.crack_fraction == pytest.approx(crack.sum() / crystal.sum(), rel=0.15)
    assert shape.hole_fraction == 0


@pytest.mark.parametrize("seed", range(3))
def test_noise_zoning_and_bright_lines_are_no_cracks(seed: int) -> None:
    crystal = disc(60, 66)
    rows, columns = np.indices(crystal.shape)
    noise = np.random.default_rng(seed).normal(0, 3, crystal.shape)
    zoned = 150 - 30 * (np.hypot(rows - 66, columns - 66) > 40) + noise
    bright = zoned + 60 * (np.abs(rows - columns) < 2)
    dark_rock = np.where(crystal, bright, 20)
    assert measure(crystal, grey=dark_rock.astype(np.uint8)).crack_fraction == 0


@pytest.mark.parametrize(
    ("draw", "habits"),
    [
        (faceted, {"euhedral"}), (resorbed, {"rounded"}), (dendrite, {"skeletal"}),
        (hopper, {"skeletal"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("area", [1000, 6000])
def test_habits(draw: Callable[[float, Random], Mask], habits: set[str], area: float) -> None:
    random = np.random.default_rng(int(area))
    found = [measure(draw(area, random)).habit for _ in range(20)]
    right = [habit in habits for habit in found]
    assert np.mean(right) >= 0.9, found


def test_no_habit_for_small_or_cut_crystals() -> None:
    random = np.random.default_rng(0)
    assert measure(faceted(0.5 * RESOLVED_PX, random)).habit == ""
    cut = disc(40, 45)[45:]
    assert measure(cut).habit != ""
    shape = measure(cut, on_edge=(True, False, False, False))
    assert shape.edge_contact == pytest.approx(2 / (2 + np.pi), abs=0.02)
    assert shape.habit == ""
    gaps = np.zeros_like(disc(40, 45))
    gaps[:45] = True
    assert measure(disc(40, 45) & ~gaps, gaps=gaps).habit == ""


def test_cracks_of_small_crystals_are_unknown() -> None:
    small = np.ones((10, 40), bool)
    small[5, 5:35] = False
    assert np.isnan(measure(small).crack_fraction)
    assert measure(small).hole_fraction == pytest.approx(30 / 400)


def test_cracks_make_no_crystal_skeletal() -> None:
    inside = np.ones((60, 60), bool)
    inside[3:-3, 4:-4:8] = inside[3:-3, 5:-4:8] = False
    shape = measure(inside)
    assert shape.hole_fraction > 0.15
    assert shape.crack_fraction == pytest.approx(shape.hole_fraction)
    assert shape.habit == "euhedral"


def test_bounds_of_habits() -> None:
    assert classify_habit(0.99, 0.1, 0.0) == "euhedral"
    assert classify_habit(0.99, 0.45, 0.0) == "subhedral"
    assert classify_habit(0.99, 0.9, 0.0) == "rounded"
    assert classify_habit(0.7, 0.1, 0.0) == "skeletal"
    assert classify_habit(0.99, 0.1, 0.3) == "skeletal"
    assert classify_habit(0.7, np.nan, 0.3) == ""


def test_pixels_become_micrometres() -> None:
    columns = asdict(measure(disc(20, 22)))
    converted = in_um(columns, 1.5)
    assert converted["area_um2"] == columns["area_px"] * 2.25
    assert converted["hull_area_um2"] == columns["hull_area_px"] * 2.25
    assert converted["feret_max_um"] == columns["feret_max_px"] * 1.5
    assert converted["long_axis_angle_deg"] == columns["long_axis_angle_deg"]
    assert converted["habit"] == columns["habit"]
    assert not any("px" in name for name in converted)
    table = pd.DataFrame([columns, columns])
    whole = pd.DataFrame(in_um(table, 1.5))
    pd.testing.assert_frame_equal(whole, pd.DataFrame([converted, converted]))


def test_columns_are_plain_numbers_and_a_name() -> None:
    crystal, cut = slit(2, 50)
    for shape in (measure(crystal & ~cut), measure(np.ones((1, 1), bool))):
        columns = asdict(shape)
        assert type(columns.pop("habit")) is str
        assert all(type(value) is float for value in columns.values())
