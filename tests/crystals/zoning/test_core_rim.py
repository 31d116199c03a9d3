"""Outline, core and rim of single crystals with known zoning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.crystals import CrystalsSettings, classify_sizes, classify_zoning
from napari_olivine.crystals.crystal_measurements import _rules
from napari_olivine.crystals.measure.shape import fill_holes, moment_ellipse, outline_distance
from napari_olivine.crystals.zoning.core_rim import measure_composition
from napari_olivine.crystals.zoning.radial import radial_profile
from napari_olivine.crystals.zoning.zoning_classes import classify_zones
from napari_olivine.errors import InputError


def disc(radius: float, side: int = 141) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Disc in the middle of a square, and each pixel's distance to its centre."""
    rows, columns = np.mgrid[:side, :side] - side // 2
    away = np.hypot(rows, columns)
    return away <= radius, away


def classify(mg: NDArray[np.float64], inside: NDArray[np.bool_], **changes: float) -> pd.DataFrame:
    """Measure one crystal and give it its class."""
    choice = CrystalsSettings(**changes)
    distance = outline_distance(fill_holes(inside))
    shown = np.where(inside, mg, np.nan).astype(np.float32)
    measured = measure_composition(inside, distance, shown, 200 - 100 * shown, choice.border_px)
    zoning = classify_zones(radial_profile(inside, distance, shown, 3), 1.0, _rules(choice))
    table = pd.DataFrame([{**vars(measured), **vars(zoning), "area_um2": float(inside.sum())}])
    table["size_class"] = classify_sizes(table["area_um2"], choice)
    table["mantled"] = table["zone_class"].str.endswith("mantle")
    table["zoning_class"] = classify_zoning(table, choice)
    return table


@pytest.mark.parametrize(
    ("core", "rim", "name"),
    [(0.90, 0.78, "normal"), (0.75, 0.86, "reversed"), (0.84, 0.838, "none")],
)
def test_zoned_discs(core: float, rim: float, name: str) -> None:
    inside, away = disc(65)
    noise = np.random.default_rng(1).normal(0, 0.004, away.shape)
    result = classify(core + (rim - core) * (away / 65) ** 2 + noise, inside).iloc[0]
    assert result["zoning_class"] == name
    # The core is the disc of half the radius, the rim the ring from there to 62.
    assert result["mg_core"] == pytest.approx(core + (rim - core) / 8, abs=0.003)
    half = (0.25 + (62 / 65) ** 2) / 2
    assert result["mg_rim"] == pytest.approx(core + (rim - core) * half, abs=0.003)
    assert result["mg_difference"] == pytest.approx(result["mg_core"] - result["mg_rim"])
    assert not result["mantled"]


def test_paper_ratio_is_below_one_for_normal_zoning() -> None:
    inside, away = disc(65)
    mg = 0.9 - 0.12 * (away / 65) ** 2
    assert classify(mg, inside)["core_rim_ratio"].iloc[0] < 0.96
    paper = classify(mg, inside, zoning="paper")  # type: ignore[arg-type]
    assert paper["zoning_class"].iloc[0] == "normal"
    wide = classify(mg, inside, zoning="paper", r_low=0.5)  # type: ignore[arg-type]
    assert wide["zoning_class"].iloc[0] == "none"


def test_mantled_crystal_is_flagged_and_filed_under_none() -> None:
    inside, away = disc(65)
    mg = 0.80 - 0.03 * (away / 65) + 0.09 * np.exp(-(((away - 36) / 9) ** 2))
    result = classify(mg, inside).iloc[0]
    assert result["mantled"]
    assert result["zoning_class"] == "none"
    assert result["mantle_excess"] > 0.05
    dip = classify(1.6 - mg, inside).iloc[0]
    assert dip["mantled"]
    assert dip["mantle_excess"] < -0.05
    plain = classify(mg, inside, mantle_threshold=1.0).iloc[0]
    assert not plain["mantled"]


def test_cracks_and_inclusions_do_not_move_the_medians() -> None:
    inside, away = disc(65)
    mg = 0.9 - 0.12 * (away / 65) ** 2
    clean = classify(mg, inside).iloc[0]
    spoilt = mg.copy()
    spoilt[68:71] = 0.99  # a crack through the whole crystal that nobody masked
    spoilt[50:56, 80:86] = np.nan  # an inclusion that was masked
    result = classify(spoilt, inside).iloc[0]
    assert result["mg_core"] == pytest.approx(clean["mg_core"], abs=0.002)
    assert result["mg_rim"] == pytest.approx(clean["mg_rim"], abs=0.002)
    assert result["mg_difference_se"] < 0.003


@pytest.mark.parametrize("smooth_px", [0.0, 0.7, 1.5])
def test_standard_error_tells_the_scatter_of_repeated_measurements(smooth_px: float) -> None:
    inside, _ = disc(40, 91)
    random = np.random.default_rng(2)
    results = []
    for _ in range(60):
        noise = ndimage.gaussian_filter(random.normal(0, 0.02, inside.shape), smooth_px)
        results.append(classify(0.85 + noise, inside))
    table = pd.concat(results)
    expected = table["mg_difference"].std()
    assert table["mg_difference_se"].median() == pytest.approx(expected, rel=0.35)


def test_holes_are_no_outline() -> None:
    inside, away = disc(60)
    holed = inside & (away > 20)
    holed[70:73, 40:60] = False
    filled = fill_holes(holed)
    np.testing.assert_array_equal(filled, inside)
    distance = outline_distance(filled)
    deepest = np.argwhere(distance == distance.max())
    assert np.abs(deepest - 70).max() <= 2  # in the middle, which is a hole
    assert distance.max() == pytest.approx(60, abs=1)
    bay = inside.copy()
    bay[70, 70:] = False  # open to the outside: part of the outline
    np.testing.assert_array_equal(fill_holes(bay), bay)


def test_a_diagonal_chain_of_pixels_closes_a_hole() -> None:
    ring = np.zeros((5, 5), bool)
    ring[[0, 1, 1, 2], [1, 0, 2, 1]] = True  # corners touch: one component of 8-connectivity
    assert ndimage.label(ring, np.ones((3, 3)))[1] == 1
    assert fill_holes(ring)[1, 1]


def test_edge_of_the_section_is_no_outline() -> None:
    half = np.ones((20, 40), bool)
    distance = outline_distance(half, (True, False, True, True))
    assert distance[0, 0] == 20
    assert outline_distance(half)[0, 0] == 1
    everywhere = outline_distance(half, (True, True, True, True))
    assert everywhere.max() == 10


def test_axes_of_a_rectangle() -> None:
    major, minor, _ = moment_ellipse(np.ones((10, 40), bool))
    # Second moment of a side a is a^2 / 12, the axis of the ellipse 4 times its root.
    assert major == pytest.approx(4 * 40 / np.sqrt(12))
    assert minor == pytest.approx(4 * 10 / np.sqrt(12))
    assert moment_ellipse(np.ones((1, 1), bool))[:2] == pytest.approx((4 / np.sqrt(12),) * 2)


def test_size_classes_at_their_bounds() -> None:
    areas = pd.Series([1.0, 999.9, 1000.0, 9999.9, 10_000.0, 1e6])
    names = classify_sizes(areas, CrystalsSettings()).tolist()
    assert names == [
        "microlite", "microlite", "microphenocryst", "microphenocryst", "phenocryst", "phenocryst"
    ]  # fmt: skip


def test_the_papers_classes_and_only_for_phenocrysts() -> None:
    zones = [
        "normal", "reversed", "unzoned", "quench_rim", "mg_rich_mantle", "oscillatory", "patchy",
        "",
    ]  # fmt: skip
    table = pd.DataFrame({
        "size_class": ["phenocryst"] * len(zones) + ["microlite"],
        "zone_class": [*zones, "normal"],
        "core_rim_ratio": 1.0,
    })  # fmt: skip
    names = classify_zoning(table, CrystalsSettings()).tolist()
    assert names == ["normal", "reversed", "none", "none", "none", "none", "none", "", ""]
    ratios = [0.95, 0.961, 1.039, 1.041, np.nan]
    paper = pd.DataFrame({"size_class": "phenocryst", "core_rim_ratio": ratios})
    names = classify_zoning(paper, CrystalsSettings(zoning="paper")).tolist()
    assert names == ["normal", "none", "none", "reversed", ""]


def test_a_crystal_too_thin_for_a_rim_has_no_zoning() -> None:
    thin = np.zeros((9, 60), bool)
    thin[3:6] = True
    result = classify(np.full(thin.shape, 0.85), thin).iloc[0]
    assert np.isnan(result["mg_difference"])
    assert result["mg_mean"] == pytest.approx(0.85)
    assert result["zoning_class"] == ""


def test_size_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InputError, match="phenocryst_from_um2"):
        CrystalsSettings(microphenocryst_from_um2=20_000)
