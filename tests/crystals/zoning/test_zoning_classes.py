"""Classes of zoning of single synthetic crystals: ellipses and polygons, cracked, holed, noisy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import erfc

from napari_olivine.crystals.measure.shape import fill_holes, outline_distance
from napari_olivine.crystals.settings import ZONING_CLASSES
from napari_olivine.crystals.zoning.profile_features import rim_extents, turning_points
from napari_olivine.crystals.zoning.radial import radial_profile
from napari_olivine.crystals.zoning.zone_rules import PAPER_CLASSES, ZONE_CLASSES, ZoneRules
from napari_olivine.crystals.zoning.zoning_classes import Zoning, classify_zones

Image = NDArray[np.float64]
Mask = NDArray[np.bool_]
Pattern = Callable[[Image], Image]
"""mg# of depths given in px; the crystals here are some 60 px deep."""


def grid(half: int = 115) -> tuple[Image, Image]:
    """Rows and columns counted from the middle."""
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    return rows.astype(float), columns.astype(float)


def ellipse(turn: float = 0.4) -> Mask:
    rows, columns = grid()
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn)
    return np.asarray((along / 95) ** 2 + (across / 62) ** 2 <= 1)


def polygon(turn: float = 0.2) -> Mask:
    """Six faces at unlike distances, as olivine has."""
    rows, columns = grid()
    inside = np.ones(rows.shape, bool)
    for angle, reach in zip((0, 55, 120, 180, 240, 300), (85, 66, 62, 80, 70, 64), strict=True):
        normal = np.deg2rad(angle) + turn
        inside &= columns * np.cos(normal) + rows * np.sin(normal) <= reach
    return inside


SHAPES = {"ellipse": ellipse(), "polygon": polygon()}


def unzoned(depth: Image) -> Image:
    return 0.84 + 0 * depth


def normal(depth: Image) -> Image:
    return 0.90 - 0.12 * erfc(depth / 25)


def reverse(depth: Image) -> Image:
    return 0.78 + 0.09 * erfc(depth / 25)


def quench(depth: Image) -> Image:
    return 0.86 - 0.10 * (depth < 9)


def mg_rich_mantle(depth: Image) -> Image:
    return 0.80 - 0.03 * erfc(depth / 15) + 0.08 * np.exp(-(((depth - 30) / 8) ** 2))


def fe_rich_mantle(depth: Image) -> Image:
    return 0.88 + 0.01 * erfc(depth / 15) - 0.08 * np.exp(-(((depth - 30) / 8) ** 2))


def oscillating(depth: Image) -> Image:
    return 0.86 - 0.02 * np.cos(2 * np.pi * depth / 16) * (depth < 48)


PATTERNS: dict[str, Pattern] = {
    "unzoned": unzoned,
    "quench_rim": quench,
    "normal": normal,
    "reversed": reverse,
    "mg_rich_mantle": mg_rich_mantle,
    "fe_rich_mantle": fe_rich_mantle,
    "oscillatory": oscillating,
}


def field(seed: int, shape: tuple[int, ...], sigma: float, smooth_px: float) -> Image:
    noise = np.random.default_rng(seed).normal(0, 1, shape)
    smooth = ndimage.gaussian_filter(noise, smooth_px, mode="wrap")
    return np.asarray(sigma * smooth / smooth.std())


def zoning_of(
    mg: Image,
    inside: Mask,
    *,
    seed: int | None = 0,
    rules: ZoneRules | None = None,
    pixel_size_um: float = 1.0,
    border_px: float = 3,
) -> Zoning:
    """Classify a crystal whose mg# gets noise of 0.01 correlated over 1 px, or none."""
    noise = field(seed, mg.shape, 0.01, 1.0) if seed is not None else 0.0
    seen = np.where(inside, mg + noise, np.nan).astype(np.float32)
    distance = outline_distance(fill_holes(inside))
    profile = radial_profile(inside, distance, seen, border_px)
    return classify_zones(profile, pixel_size_um, rules)


def grown(pattern: Pattern, inside: Mask) -> Image:
    """mg# that follows the outline."""
    return pattern(outline_distance(fill_holes(inside)).astype(float))


def cracked(mg: Image, inside: Mask) -> tuple[Image, Mask]:
    """Add a crack left in the map, one masked, an inclusion, a hole and a slight shading."""
    rows, columns = grid()
    spoilt = mg + 0.00002 * columns
    spoilt[np.abs(rows + 0.5 * columns - 20) < 2.5] = 0.98
    spoilt[np.abs(columns - 0.3 * rows + 30) < 2] = np.nan
    spoilt[np.hypot(rows - 10, columns - 35) < 7] = 0.4
    return spoilt, inside & (np.hypot(rows + 15, columns + 5) > 9)


@pytest.mark.parametrize("spoilt", [False, True], ids=["whole", "cracked"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PATTERNS)
def test_each_class_is_recognized(name: str, shape: str, spoilt: bool) -> None:
    inside = SHAPES[shape]
    mg = grown(PATTERNS[name], inside)
    if spoilt:
        mg, inside = cracked(mg, inside)
    zoning = zoning_of(mg, inside)
    assert zoning.zone_class == name
    assert zoning.zone_probability > 0.9
    assert not zoning.fragment
    assert not zoning.off_centre
    assert zoning.zones == {
        "unzoned": 1, "quench_rim": 2, "normal": 2, "reversed": 2, "oscillatory": zoning.zones
    }.get(name, 3)  # fmt: skip


def test_patchy_crystal() -> None:
    inside = SHAPES["polygon"]
    patches = np.where(field(3, inside.shape, 1, 9) > 0, 0.03, -0.03)
    zoning = zoning_of(0.84 + patches, inside)
    assert zoning.zone_class == "patchy"
    assert zoning.zone_probability > 0.9
    assert zoning.coherence < 0.3
    assert zoning.patchiness == pytest.approx(0.03, rel=0.4)
    # Natural patchiness of olivine is ten times weaker and none of that.
    slight = zoning_of(0.84 + patches / 10, inside)
    assert slight.zone_class == "unzoned"
    assert slight.patchiness < 0.005
    # Noise alone is not taken for patches.
    assert zoning_of(0.84 + 0 * patches, inside).patchiness < 0.002


def test_features_of_a_normal_crystal() -> None:
    inside = SHAPES["ellipse"]
    zoning = zoning_of(grown(normal, inside), inside)
    depth = outline_distance(inside)
    assert zoning.mg_centre == pytest.approx(0.90, abs=0.003)
    assert zoning.centre_outer == pytest.approx(zoning.mg_centre - zoning.mg_outer)
    assert zoning.centre_outer == pytest.approx(0.12 * erfc(4.5 / 25), abs=0.01)
    # Half-way from the outermost bin (4.5 px deep) to the centre.
    wanted = erfc(4.5 / 25) / 2
    at = np.linspace(0, 60, 6001)
    half = float(np.interp(-wanted, -erfc(at / 25), at))
    assert zoning.rim_width_um == pytest.approx(half, abs=1.5)
    # mg# stays within 0.01 where 0.12 erfc(d / 25) is below 0.01.
    plateau = float(np.interp(-0.01 / 0.12, -erfc(at / 25), at))
    assert zoning.rim_extent_um == pytest.approx(plateau, abs=4)
    steepest = 0.12 * 2 / np.sqrt(np.pi) / 25 * np.exp(-((6 / 25) ** 2))
    assert zoning.gradient_max_per_um == pytest.approx(steepest, rel=0.15)
    assert zoning.coherence > 0.97
    assert zoning.asymmetry < 0.004
    assert zoning.extrema == 0
    assert abs(zoning.mantle_excess) < 0.005
    assert np.isnan(zoning.mantle_depth_um)
    assert zoning.slenderness == pytest.approx(62 / np.sqrt(62 * 95), rel=0.03)
    assert zoning.fragment_score == pytest.approx(0, abs=0.01)
    assert depth.max() > 60


def test_lengths_are_in_micrometres() -> None:
    inside = SHAPES["ellipse"]
    mg = grown(normal, inside)
    one, other = zoning_of(mg, inside), zoning_of(mg, inside, pixel_size_um=0.5)
    assert other.rim_width_um == pytest.approx(one.rim_width_um / 2)
    assert other.rim_extent_um == pytest.approx(one.rim_extent_um / 2)
    assert other.gradient_max_per_um == pytest.approx(2 * one.gradient_max_per_um)
    assert other.centre_outer == one.centre_outer


def test_features_of_a_mantled_crystal() -> None:
    inside = SHAPES["polygon"]
    zoning = zoning_of(grown(mg_rich_mantle, inside), inside)
    assert (zoning.extrema, zoning.zones) == (1, 3)
    assert zoning.mantle_excess == pytest.approx(0.08, abs=0.012)
    assert zoning.mantle_depth_um == pytest.approx(30, abs=4)
    assert zoning.mantle_chord > 0.05
    mirrored = zoning_of(grown(fe_rich_mantle, inside), inside)
    assert mirrored.mantle_excess == pytest.approx(-0.08, abs=0.012)
    assert mirrored.mantle_chord < -0.05


def test_bands_of_an_oscillatory_crystal_are_counted() -> None:
    # Bands of 16 px between 3 and 48 px of depth: minima at 16, 32, 48 and maxima at 8, 24, 40.
    zoning = zoning_of(grown(oscillating, SHAPES["ellipse"]), SHAPES["ellipse"])
    assert zoning.extrema in (5, 6)
    assert zoning.zones == zoning.extrema + 2
    weak = zoning_of(0.86 + (grown(oscillating, SHAPES["ellipse"]) - 0.86) / 8, SHAPES["ellipse"])
    assert weak.zone_class == "unzoned"


def test_a_quench_rim_is_thin_and_a_plateau_lies_inside() -> None:
    inside = SHAPES["ellipse"]
    thin = zoning_of(grown(quench, inside), inside)
    assert 8 < thin.rim_extent_um < 12
    assert thin.centre_outer == pytest.approx(0.10, abs=0.01)
    # The same rim in larger pixels is 27 um wide: a normal crystal with a narrow rim.
    assert zoning_of(grown(quench, inside), inside, pixel_size_um=3).zone_class == "normal"
    allowed = ZoneRules(quench_um=40)
    wide = zoning_of(grown(quench, inside), inside, pixel_size_um=3, rules=allowed)
    assert wide.zone_class == "quench_rim"
    light = zoning_of(1.7 - grown(quench, inside), inside)
    assert light.zone_class == "quench_rim"
    assert light.centre_outer < 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["normal", "reversed", "mg_rich_mantle", "fe_rich_mantle"])
@pytest.mark.parametrize("turn", [0.0, 1.1, 2.5, 4.0])
def test_a_broken_crystal_is_flagged_and_keeps_its_class(
    name: str, shape: str, turn: float
) -> None:
    inside = SHAPES[shape]
    mg = grown(PATTERNS[name], inside)
    rows, columns = grid()
    piece = inside & (columns * np.cos(turn) + rows * np.sin(turn) < 12)
    zoning = zoning_of(mg, piece)
    assert zoning.fragment
    assert zoning.zone_class == name
    if not name.endswith("mantle"):  # the deepest place of the piece is in the mantle, else
        assert zoning.mg_centre == pytest.approx(float(PATTERNS[name](np.array(60.0))), abs=0.01)
    whole = zoning_of(mg, inside)
    assert whole.fragment_score < 0.1 < zoning.fragment_score


def test_a_bay_that_melt_ate_is_no_fracture() -> None:
    inside = SHAPES["ellipse"]
    rows, columns = grid()
    bay = np.hypot(rows + 62, columns - 10) > 45
    eaten = inside & bay
    cut = zoning_of(grown(normal, inside), eaten)  # zones end at the bay
    assert cut.fragment_score < 0.3
    assert not cut.fragment
    healed = zoning_of(grown(normal, eaten), eaten)  # and here follow it
    assert healed.fragment_score == pytest.approx(0, abs=0.01)
    assert cut.asymmetry > 5 * healed.asymmetry


def test_an_unzoned_crystal_cannot_be_known_to_be_broken() -> None:
    piece = SHAPES["ellipse"] & (grid()[1] < 10)
    zoning = zoning_of(grown(unzoned, piece), piece)
    assert np.isnan(zoning.fragment_score)
    assert not zoning.fragment


def test_a_cut_near_a_corner_has_no_plateau() -> None:
    """Plane x + y + z = t through a cube of half side 90 that is zoned from its faces."""
    rows, columns = grid(150)
    flags = []
    for plane in (0, 180):  # through the centre, a hexagon; near a corner, a triangle
        x = plane / 3 + columns / np.sqrt(2) + rows / np.sqrt(6)
        y = plane / 3 - columns / np.sqrt(2) + rows / np.sqrt(6)
        depth = 90 - np.max(np.abs([x, y, plane - x - y]), axis=0)
        zoning = zoning_of(0.90 - 0.12 * erfc(depth / 30), depth > 0)
        assert zoning.zone_class == "normal"
        flags.append(zoning.off_centre)
    assert flags == [False, True]


def test_a_slender_section_is_flagged() -> None:
    rows, columns = grid()
    inside = (rows / 16) ** 2 + (columns / 110) ** 2 <= 1
    zoning = zoning_of(grown(unzoned, inside), inside)
    assert zoning.off_centre
    assert zoning.slenderness < 0.45
    assert np.isnan(zoning.core_gradient)


@pytest.mark.parametrize("seed", [0, 1])
def test_probabilities_sum_to_one_and_repeat(seed: int) -> None:
    inside = SHAPES["polygon"]
    mg = (
        0.85
        + field(seed + 9, inside.shape, 0.01, 20)
        - 0.012 * erfc(grown(np.asarray, inside) / 30)
    )
    zoning = zoning_of(mg, inside, seed=seed)
    again = zoning_of(mg, inside, seed=seed)
    assert asdict(again) == pytest.approx(asdict(zoning), nan_ok=True)
    parts = {name: asdict(zoning)[f"p_{name}"] for name in ZONE_CLASSES}
    assert sum(parts.values()) == pytest.approx(1)
    assert parts[zoning.zone_class] == zoning.zone_probability
    if zoning.zone_second:
        rest = [part for name, part in parts.items() if name != zoning.zone_class]
        assert parts[zoning.zone_second] == max(rest)


def test_probability_is_one_half_where_zoning_is_at_its_threshold() -> None:
    inside = SHAPES["ellipse"]
    probabilities = []
    for difference in (0.002, 0.010, 0.018):
        mg = 0.85 - difference * np.clip(1 - grown(np.asarray, inside) / 40, 0, 1)
        runs = [zoning_of(mg + field(seed, mg.shape, 0.003, 12), inside) for seed in range(6)]
        outer = np.mean([run.centre_outer for run in runs])
        assert outer == pytest.approx(0.9 * difference, abs=0.002)
        probabilities.append(np.mean([run.p_unzoned for run in runs]))
    assert probabilities[0] > 0.98
    assert 0.1 < probabilities[1] < 0.95
    assert probabilities[2] < 0.05


def test_standard_error_tells_the_scatter_of_repeated_crystals() -> None:
    inside = SHAPES["ellipse"]
    runs = [
        zoning_of(0.85 + field(100 + seed, inside.shape, 0.004, 4), inside, seed=seed)
        for seed in range(30)
    ]
    scatter = np.std([run.centre_outer for run in runs])
    assert np.median([run.centre_outer_se for run in runs]) == pytest.approx(scatter, rel=0.4)


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(sorted(PATTERNS)),
    turns=st.integers(0, 3),
    mirrored=st.booleans(),
    seed=st.integers(0, 99),
)
def test_class_does_not_depend_on_position_and_swaps_with_the_sign_of_mg(
    name: str, turns: int, mirrored: bool, seed: int
) -> None:
    inside = np.rot90(SHAPES["polygon"], turns)
    mg = np.rot90(grown(PATTERNS[name], SHAPES["polygon"]), turns)
    swapped = {
        "normal": "reversed", "reversed": "normal",
        "mg_rich_mantle": "fe_rich_mantle", "fe_rich_mantle": "mg_rich_mantle",
    }  # fmt: skip
    zoning = zoning_of(1.7 - mg if mirrored else mg, inside, seed=seed)
    assert zoning.zone_class == (swapped.get(name, name) if mirrored else name)


def test_without_noise_there_is_no_doubt() -> None:
    inside = SHAPES["polygon"]
    for name, pattern in PATTERNS.items():
        zoning = zoning_of(grown(pattern, inside), inside, seed=None)
        assert zoning.zone_class == name
        assert zoning.zone_probability == 1
    assert zoning_of(np.full(inside.shape, 0.85), inside, seed=None).centre_outer_se < 1e-4


def test_rules_decide() -> None:
    inside = SHAPES["ellipse"]
    mg = grown(normal, inside)
    assert zoning_of(mg, inside, rules=ZoneRules(zoning=0.15)).zone_class == "unzoned"
    mantled = grown(mg_rich_mantle, inside)
    plain = zoning_of(mantled, inside, rules=ZoneRules(extremum=0.2))
    assert plain.zone_class == "normal"
    assert plain.extrema == 0


def test_a_crystal_that_cannot_be_measured_has_no_class() -> None:
    zoning = classify_zones(None, 1.0)
    assert zoning == Zoning() or np.isnan(zoning.zone_probability)
    assert zoning.zone_class == ""
    assert not zoning.fragment


def test_every_class_has_its_place_among_those_of_the_paper() -> None:
    assert set(PAPER_CLASSES) == set(ZONE_CLASSES)
    assert set(PAPER_CLASSES.values()) == set(ZONING_CLASSES)
    assert {f"p_{name}" for name in ZONE_CLASSES} <= set(asdict(Zoning()))


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(st.floats(0.5, 1.0), min_size=2, max_size=30),
    threshold=st.floats(0.001, 0.3),
)
def test_turning_points_are_extrema_that_stand_out(values: list[float], threshold: float) -> None:
    mg = np.array(values)
    turns = turning_points(mg, threshold)
    assert turns == sorted(set(turns))
    steps = np.diff(mg[turns])
    assert (np.abs(steps) >= threshold).all()
    assert (steps[1:] * steps[:-1] < 0).all()
    if len(turns) == 1:
        # Nowhere does mg# change by the threshold.
        assert np.ptp(mg) < threshold
    for before, after in itertools.pairwise(turns):
        between = mg[before : after + 1]
        assert {mg[before], mg[after]} == {between.min(), between.max()}
    # From the other end there are as many.
    assert len(turning_points(mg[::-1], threshold)) == len(turns)


def test_rim_extents_of_known_profiles() -> None:
    edges = np.array([3.0, 5, 8, 12, 20])
    mg = np.array(
        [[0.85] * 4, [0.80, 0.85, 0.85, 0.85], [0.80, 0.82, 0.85, 0.85], [0.8, 0.8, 0.8, 0.9]]
    )
    np.testing.assert_array_equal(rim_extents(mg, edges, 0.01), [0, 5, 8, 20])
