"""Outlines of discs, ellipses, rectangles and blobs of known lengths, and steps across them."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ellipe
from skimage.measure import perimeter_crofton, regionprops
from skimage.morphology import convex_hull_image

from napari_olivine.crystals.measure.outline import (
    RESOLVED_PX,
    Boundary,
    Outline,
    curve_length,
    grey_noise,
    measure_boundary,
    measure_outline,
    trace_outline,
)

Mask = NDArray[np.bool_]


def axes(
    reach: float, shift: tuple[float, float] = (0, 0), turn: float = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates along and across a direction, of the pixels of a box around a shape."""
    half = int(np.ceil(reach)) + 3
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    y, x = y - shift[0], x - shift[1]
    return x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)


def ellipse(a: float, b: float, shift: tuple[float, float] = (0, 0), turn: float = 0) -> Mask:
    """Ellipse of half axes a and b."""
    u, v = axes(max(a, b), shift, turn)
    return np.asarray((u / a) ** 2 + (v / b) ** 2 <= 1)


def rectangle(
    length: float, width: float, shift: tuple[float, float] = (0, 0), turn: float = 0
) -> Mask:
    """Rectangle; its length points `turn` radians counter-clockwise from the x axis on screen."""
    u, v = axes(np.hypot(length, width) / 2, shift, turn)
    return np.asarray((np.abs(u) <= length / 2) & (np.abs(v) <= width / 2))


def polygon(corners: int, radius: float, shift: tuple[float, float], turn: float) -> Mask:
    """Regular polygon."""
    u, v = axes(radius, shift, turn)
    faces = (np.arange(corners) + 0.5) * 2 * np.pi / corners
    apothem = radius * np.cos(np.pi / corners)
    return np.asarray(
        (u[..., None] * np.cos(faces) + v[..., None] * np.sin(faces) <= apothem).all(axis=-1)
    )


def many(shape: object, *sizes: float, seed: int = 0, count: int = 40) -> list[Mask]:
    """Draw one shape in random places and directions."""
    random = np.random.default_rng(seed)
    return [
        shape(*sizes, tuple(random.uniform(-0.5, 0.5, 2)), random.uniform(0, np.pi))  # type: ignore[operator]
        for _ in range(count)
    ]


def blob(seed: int) -> Mask:
    """Irregular crystal without holes, in one piece, not at the side of its box."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(40, 50)), 3)
    field[[0, -1]] = field[:, [0, -1]] = -1
    parts, count = ndimage.label(field > 0.01, np.ones((3, 3)))
    largest = 1 + int(np.argmax(ndimage.sum_labels(parts > 0, parts, range(1, count + 1))))
    return np.asarray(ndimage.binary_fill_holes(parts == largest))


@pytest.mark.parametrize(
    ("a", "b", "bias", "spread"),
    [
        (4, 4, 0.015, 0.02), (8, 8, 0.01, 0.01), (20, 20, 0.004, 0.004), (60, 60, 0.002, 0.002),
        (12, 6, 0.01, 0.01), (40, 15, 0.004, 0.004),
    ],
)  # fmt: skip
def test_length_of_smooth_outlines_has_no_bias(
    a: float, b: float, bias: float, spread: float
) -> None:
    true = 4 * a * ellipe(1 - (b / a) ** 2)
    errors = [
        measure_outline(mask).perimeter_px / true - 1
        for mask in many(ellipse, a, b, count=40 if a < 30 else 10)
    ]
    assert abs(np.mean(errors)) < bias
    assert np.std(errors) < spread
    # The staircase of pixels is 4 / pi times as long as a disc, whatever the size.


def test_length_of_straight_outlines_in_random_directions() -> None:
    errors = [measure_outline(mask).perimeter_px / 160 - 1 for mask in many(rectangle, 40, 40)]
    assert -0.015 < np.mean(errors) < 0.005
    assert -0.03 < min(errors) < max(errors) < 0.015


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_length_agrees_with_counted_intersections(seed: int) -> None:
    mask = blob(seed)
    # Cauchy and Crofton: another way of measuring, by the lines that cross the outline.
    expected = perimeter_crofton(np.pad(mask, 2), 4)
    assert measure_outline(mask).perimeter_px == pytest.approx(expected, rel=0.06, abs=1)


def test_smallest_crystals() -> None:
    one = measure_outline(np.ones((1, 1), bool))
    assert one.perimeter_px == pytest.approx(np.pi)
    assert (one.feret_max_px, one.feret_min_px, one.box_length_px) == (1, 1, 1)
    assert one.hull_area_px == 1
    needle = measure_outline(np.ones((1, 12), bool))
    assert needle.perimeter_px == pytest.approx(2 * 12, rel=0.05)
    assert (needle.feret_max_px, needle.feret_min_px) == (12, 1)
    assert (needle.box_length_px, needle.box_width_px) == (12, 1)
    assert needle.hull_area_px == 12
    assert needle.feret_max_angle_deg == 0
    assert np.isnan(needle.rounding)


@pytest.mark.parametrize(("rows", "columns"), [(20, 60), (60, 20), (7, 7)])
def test_rectangle_along_the_pixels_keeps_its_sides(rows: int, columns: int) -> None:
    outline = measure_outline(np.ones((rows, columns), bool))
    assert outline.feret_min_px == pytest.approx(min(rows, columns))
    assert outline.box_length_px == pytest.approx(max(rows, columns))
    assert outline.box_width_px == pytest.approx(min(rows, columns))
    assert outline.feret_max_px == pytest.approx(np.hypot(rows, columns), abs=0.5)
    assert outline.hull_area_px == rows * columns


@given(
    st.floats(8, 50), st.floats(0.2, 1), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5),
    st.floats(0, np.pi),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_widths_of_turned_rectangles(
    length: float, share: float, down: float, right: float, turn: float
) -> None:
    width = length * share + 3
    length = length + 3
    outline = measure_outline(rectangle(length, width, (down, right), turn))
    assert outline.feret_max_px == pytest.approx(np.hypot(length, width), abs=2)
    assert outline.feret_min_px == pytest.approx(min(length, width), abs=1.01)
    assert outline.feret_min_px <= outline.box_width_px + 1e-9
    assert outline.box_width_px <= outline.box_length_px
    assert outline.box_length_px <= outline.feret_max_px + 1e-9
    area = outline.box_length_px * outline.box_width_px
    assert area == pytest.approx(length * width, abs=1.01 * (length + width) + 2)


@pytest.mark.parametrize(("length", "width"), [(16, 8), (24, 16), (60, 15)])
def test_widths_of_turned_rectangles_have_no_bias(length: float, width: float) -> None:
    found = [measure_outline(mask) for mask in many(rectangle, length, width)]
    for name, true in (
        ("feret_min_px", width), ("box_width_px", width), ("box_length_px", length),
        ("feret_max_px", np.hypot(length, width)),
    ):  # fmt: skip
        bias = np.mean([getattr(outline, name) for outline in found]) - true
        assert abs(bias) < (0.3 if name == "feret_max_px" else 0.12), name


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 135, 170])
def test_direction_of_the_longest_diameter(degrees: float) -> None:
    outline = measure_outline(ellipse(30, 6, turn=np.radians(degrees)))
    apart = abs((outline.feret_max_angle_deg - degrees + 90) % 180 - 90)
    assert apart < 3
    assert 0 <= outline.feret_max_angle_deg < 180


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_hull_is_counted_exactly(seed: int) -> None:
    mask = blob(seed)
    hull = convex_hull_image(mask, offset_coordinates=False)
    assert measure_outline(mask).hull_area_px == np.count_nonzero(hull | mask)


def test_convex_crystals_fill_their_hull_at_every_size() -> None:
    for mask in [*many(ellipse, 5, 4, count=10), *many(rectangle, 30, 11, count=10)]:
        assert measure_outline(mask).hull_area_px == np.count_nonzero(mask)


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_a_crystal_that_is_turned_or_moved_keeps_its_lengths(seed: int, quarters: int) -> None:
    mask = blob(seed)
    outline = asdict(measure_outline(mask))
    for other in (np.rot90(mask, quarters), np.pad(mask, ((1, 4), (3, 0))), mask[::-1]):
        changed = asdict(measure_outline(np.ascontiguousarray(other)))
        for name in ("feret_max_px", "feret_min_px", "hull_area_px", "perimeter_px"):
            assert changed[name] == pytest.approx(outline[name]), name


def test_views_are_measured_like_copies() -> None:
    mask = np.pad(blob(3), 5)
    for view in (mask[2:-2, 1:-3], mask[:, ::-1], mask.T):
        assert measure_outline(view).perimeter_px == pytest.approx(
            measure_outline(view.copy()).perimeter_px
        )


def test_feret_diameter_is_that_of_scikit_image_within_a_pixel() -> None:
    for seed in range(8):
        mask = blob(seed)
        (properties,) = regionprops(mask.astype(np.uint8))
        assert measure_outline(mask).feret_max_px == pytest.approx(
            properties.feret_diameter_max, abs=1
        )


def test_loose_parts_are_one_crystal() -> None:
    parts = np.zeros((20, 50), bool)
    parts[2:18, 2:18] = parts[2:18, 30:46] = True
    outline = measure_outline(parts)
    alone = measure_outline(np.ones((16, 16), bool))
    assert outline.perimeter_px == pytest.approx(2 * alone.perimeter_px)
    assert (outline.box_length_px, outline.box_width_px) == (44, 16)


@pytest.mark.parametrize("corners", [4, 5, 6, 8])
@pytest.mark.parametrize("radius", [20, 60])
def test_straight_faces_are_not_rounded(corners: int, radius: float) -> None:
    for mask in many(polygon, corners, radius, seed=corners, count=8):
        assert measure_outline(mask).rounding < 0.25


@pytest.mark.parametrize(("a", "b"), [(20, 20), (60, 60), (40, 20), (90, 30)])
def test_ellipses_are_rounded_whatever_their_axes(a: float, b: float) -> None:
    values = [measure_outline(mask).rounding for mask in many(ellipse, a, b, count=8)]
    assert np.mean(values) == pytest.approx(1, abs=0.25)
    assert min(values) > 0.6


def test_rounding_is_left_open_for_small_crystals() -> None:
    side = int(np.sqrt(RESOLVED_PX))
    assert np.isnan(measure_outline(np.ones((side, side), bool)).rounding)
    assert measure_outline(np.ones((side + 1, side + 1), bool)).rounding == 0


@pytest.mark.parametrize(
    ("on_edge", "expected"),
    [
        ((False, False, False, False), 0), ((True, False, False, False), 30 / 80),
        ((False, False, True, False), 10 / 80), ((True, False, True, False), 40 / 80),
        ((True, True, True, True), 1),
    ],
)  # fmt: skip
def test_contact_with_the_edge_of_the_section(
    on_edge: tuple[bool, bool, bool, bool], expected: float
) -> None:
    crystal = np.ones((10, 30), bool)
    assert measure_outline(crystal, on_edge).edge_contact == pytest.approx(expected, abs=0.02)
    # With a margin to the right and below: what counts is the crystal on the edge, not its box.
    wider = np.pad(crystal, ((0, 4), (0, 4)))
    cut = (on_edge[0], False, on_edge[2], False)
    assert measure_outline(wider, cut).edge_contact == measure_outline(crystal, cut).edge_contact


def test_contact_with_gaps() -> None:
    crystal = np.zeros((20, 40), bool)
    crystal[5:15, 5:35] = True
    gaps = np.zeros_like(crystal)
    gaps[:, 35:] = True
    assert measure_outline(crystal, gaps=gaps).gap_contact == pytest.approx(10 / 80, abs=0.01)
    gaps[:5] = True
    assert measure_outline(crystal, gaps=gaps).gap_contact == pytest.approx(40 / 80, abs=0.02)
    assert measure_outline(crystal, gaps=np.roll(gaps, 2, axis=1)).gap_contact < 0.45
    assert measure_outline(crystal, gaps=np.zeros_like(gaps)).gap_contact == 0


def test_length_follows_the_traced_pixels() -> None:
    (square,) = trace_outline(np.ones((5, 5), bool))
    assert len(square) == 16
    # Sixteen steps along the pixels and four corners, moved outwards by half a pixel.
    assert curve_length(square) == pytest.approx(16 * 0.980 - 4 * 0.091 + np.pi)


def scene(
    blur: float = 0, noise: float = 3, seed: int = 0
) -> tuple[Mask, NDArray[np.float32], NDArray[np.uint8]]:
    """Disc of grey 140 in rock of 110, and its probability."""
    inside = ellipse(20, 20)
    soft = ndimage.gaussian_filter(inside.astype(float), blur) if blur else inside.astype(float)
    grey = 110 + 30 * soft + np.random.default_rng(seed).normal(0, noise, inside.shape)
    return inside, grey.astype(np.float32), np.rint(255 * soft).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
def test_step_across_the_outline(dtype: type) -> None:
    inside, grey, probability = scene()
    boundary = measure_boundary(
        inside, inside, grey=np.rint(grey).astype(dtype), probability=probability
    )
    assert boundary.boundary_grey_step == pytest.approx(30, abs=1)
    assert boundary.boundary_contrast == pytest.approx(10, rel=0.15)
    assert boundary.boundary_probability_step == pytest.approx(1)


def test_blurred_outlines_have_smaller_steps() -> None:
    steps = []
    for blur in (0, 1.5, 4):
        inside, grey, probability = scene(blur)
        steps.append(measure_boundary(inside, inside, grey=grey, probability=probability))
    # A blurred step is erf(d / (2^0.5 blur)) of itself at +-d: d is 2 px along the pixels, 2.8 px
    # along diagonals, 2.3 px on average.
    sure = [step.boundary_probability_step for step in steps]
    assert sure == pytest.approx([1, 0.875, 0.435], abs=0.02)
    contrasts = [step.boundary_contrast for step in steps]
    assert contrasts == sorted(contrasts, reverse=True)


def test_darker_surroundings_count_positive_and_brighter_ones_negative() -> None:
    inside, grey, _ = scene()
    assert measure_boundary(inside, inside, grey=grey).boundary_grey_step > 0
    assert measure_boundary(inside, inside, grey=250 - grey).boundary_grey_step < 0


def test_what_is_left_out_does_not_count() -> None:
    inside, grey, _ = scene()
    neighbour = ~inside & (np.arange(inside.shape[1]) > inside.shape[1] // 2)
    grey[neighbour] = 140
    all_around = measure_boundary(inside, inside, grey=grey).boundary_grey_step
    assert all_around == pytest.approx(15, abs=2)
    apart = measure_boundary(inside, inside, grey=grey, left_out=neighbour)
    assert apart.boundary_grey_step == pytest.approx(30, abs=1)
    assert asdict(measure_boundary(inside, inside, grey=grey, left_out=~inside)) == pytest.approx(
        asdict(Boundary()), nan_ok=True
    )


def test_holes_and_edges_are_no_boundary() -> None:
    inside, grey, _ = scene(noise=0)
    filled = inside.copy()
    inside[20:24, 20:24] = False
    grey[20:24, 20:24] = 0
    assert measure_boundary(inside, filled, grey=grey).boundary_grey_step == pytest.approx(30)
    # Cut in two by the edge of the section, along which the grey of the crystal changes.
    top, half = slice(20, None), grey.copy()
    half[20:24] = 100
    cut = measure_boundary(
        inside[top], filled[top], (True, False, False, False), grey=half[top], noise=3.0
    )
    through = measure_boundary(inside[top], filled[top], grey=half[top], noise=3.0)
    assert cut.boundary_grey_step > through.boundary_grey_step + 5
    assert cut.boundary_contrast == pytest.approx(cut.boundary_grey_step / 3)


def test_thin_crystals_have_a_boundary_too() -> None:
    needle = np.zeros((11, 40), bool)
    needle[5, 5:35] = True
    grey = np.where(needle, 140, 110).astype(np.uint8)
    assert measure_boundary(needle, needle, grey=grey).boundary_grey_step == pytest.approx(30)


@pytest.mark.parametrize("sigma", [1.5, 3, 8])
def test_noise_is_found_under_zoning_blur_and_cracks(sigma: float) -> None:
    inside = ellipse(60, 60)
    rows, columns = np.indices(inside.shape)
    noise = np.random.default_rng(2).normal(0, sigma, inside.shape)
    grey = 120 + 0.3 * rows - 0.2 * columns + noise
    assert grey_noise(grey, inside) == pytest.approx(sigma, rel=0.06)
    assert grey_noise(np.rint(grey).astype(np.uint16), inside) == pytest.approx(sigma, rel=0.1)
    grey[:, 50:52] = 0
    assert grey_noise(grey, inside) == pytest.approx(sigma, rel=0.15)


def test_noise_of_what_is_too_small_is_unknown() -> None:
    assert np.isnan(grey_noise(np.zeros((4, 4)), np.ones((4, 4), bool)))
    assert np.isnan(grey_noise(np.zeros((9, 3)), np.ones((9, 3), bool)))
    small = measure_boundary(np.ones((2, 2), bool), np.ones((2, 2), bool), grey=np.ones((2, 2)))
    assert np.isnan(small.boundary_contrast)


def test_columns_are_plain_numbers() -> None:
    inside, grey, probability = scene()
    columns = asdict(measure_outline(inside)) | asdict(
        measure_boundary(inside, inside, grey=grey, probability=probability)
    )
    assert all(type(value) is float for value in columns.values())
    assert set(asdict(measure_outline(inside))) == set(Outline.__dataclass_fields__)
