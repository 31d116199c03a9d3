"""Lines that were drawn longer or shorter than they were measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_olivine.calibration import CalibrateSettings, calibrate
from napari_olivine.calibration.placement import doubted_pixel_size
from napari_olivine.calibration.registration import refine_traverse, search_range
from napari_olivine.calibration.stoichiometry import total_limits
from napari_olivine.calibration.traverse import Line, line_positions
from napari_olivine.section import Section
from tests.calibration.test_registration import LENGTH, TRUE, crystal, measured
from tests.calibration.test_step import analyses, placements, put_analyses, report

__all__ = ["section"]
from tests.calibration.test_step import section


def longer(line: Line, times: float) -> Line:
    x, y = line_positions(np.array([0.0, LENGTH * times]), line, "epma")
    return float(x[0]), float(y[0]), float(x[1]), float(y[1])


def moved(line: Line, along_um: float) -> Line:
    x = along_um * (TRUE[2] - TRUE[0]) / LENGTH
    y = along_um * (TRUE[3] - TRUE[1]) / LENGTH
    return line[0] + x, line[1] + y, line[2] + x, line[3] + y


@pytest.mark.parametrize("times", [1.6, 0.7])
def test_a_line_slides_along_what_was_drawn(times: float) -> None:
    patch, mg = crystal(0.12)
    distance, values = measured(mg)
    drawn = moved(longer(TRUE, times), 0.4 * abs(times - 1) * LENGTH)
    within = search_range(drawn, LENGTH, 1.0)
    assert within.slide_um == pytest.approx(abs(times - 1) * LENGTH / 2)
    start = longer(drawn, 1.0)
    result = refine_traverse(patch, distance, values, start, 1.0, measured_um=LENGTH, within=within)
    assert result.accepted
    np.testing.assert_allclose(result.line, TRUE, atol=4)


def test_the_search_is_as_wide_as_pixels_are_large() -> None:
    fine, coarse = (search_range(TRUE, LENGTH, pixel) for pixel in (0.5, 2.5))
    assert (fine.placed_within_um, fine.largest_shift_um) == (5.0, 25.0)
    assert (coarse.placed_within_um, coarse.largest_shift_um) == (15.0, 62.5)
    short = search_range((0, 0, 20, 0), 20.0, 2.5)
    assert (short.placed_within_um, short.largest_shift_um) == (5.0, 25.0)


def test_a_refinement_must_predict_the_points_that_it_has_not_seen() -> None:
    patch, _ = crystal(0.12)
    distance = np.linspace(0, LENGTH, 70)
    for seed in range(5):  # a composition that is not that of any line of this image
        steps = np.random.default_rng(seed).normal(0, 0.03, 70)
        result = refine_traverse(patch, distance, 0.8 + steps, TRUE, 1.0, measured_um=LENGTH)
        assert not result.accepted
        assert result.line == TRUE


def test_the_pixel_size_is_doubted_only_where_all_lines_agree() -> None:
    assert doubted_pixel_size(np.array([1.30, 1.31, 1.29, np.nan]), 1.3) == pytest.approx(1.0)
    assert doubted_pixel_size(np.array([1.30, 1.00, 1.29]), 1.3) is None
    assert doubted_pixel_size(np.array([1.01, 1.02, 1.02]), 1.3) is None
    assert doubted_pixel_size(np.array([1.3, 1.3]), 1.3) is None


def test_a_line_that_was_drawn_too_long_is_said(section: Section) -> None:
    table = placements()
    table.loc[1, "x0_um"] -= 40
    section.annotate("placements", table)
    calibrate(section)
    assert any("p2 is drawn" in text and "40" not in text for text in report(section)["warnings"])
    story = report(section)["profiles"]["p2"]
    assert story["line_um"][0] == pytest.approx(placements().loc[1, "x0_um"], abs=4)


def test_a_wrong_pixel_size_is_said_once(section: Section) -> None:
    rows = pd.concat([analyses(profile) for profile in placements()["profile"]])
    put_analyses(section, rows.assign(distance_um=rows["distance_um"] * 0.8))
    calibrate(section)
    warnings = [text for text in report(section)["warnings"] if "drawn" in text]
    assert len(warnings) == 1
    assert "By the lines it is 1.2 um" in warnings[0]
    assert report(section)["scores"]["test"]["filtered"]["rmse"] < 0.005


def low(total: float, count: int = 60) -> pd.DataFrame:
    rows = analyses("p1").iloc[:count]
    factor = np.where(np.arange(count) < 55, total / 100, 0.5)[:, None]
    return rows.assign(**dict(rows[["SiO2", "FeO", "MgO", "Total"]] * factor))


def test_totals_that_are_low_throughout_are_one_finding(section: Section) -> None:
    rows = pd.concat([low(0.965 * 100), *(analyses(profile) for profile in ("p2", "p3", "p4"))])
    put_analyses(section, rows)
    calibrate(section)
    table = section.table("calibration", "profiles")
    assert table.loc[table["profile"] == "p1", "good"].sum() == 55
    [finding] = [text for text in report(section)["warnings"] if "totals" in text]
    assert finding.startswith("p1: 60 of 60") and "median 96.5" in finding
    calibrate(section, CalibrateSettings(totals_follow=False))
    table = section.table("calibration", "profiles")
    assert not table.loc[table["profile"] == "p1", "good"].any()


@pytest.mark.parametrize(("total", "moved"), [(97.0, True), (99.0, False), (80.0, False)])
def test_limits_on_totals(total: float, moved: bool) -> None:
    limits = total_limits(low(total), (97.5, 102.0))
    assert limits.moved is moved
    assert limits.lowest == pytest.approx(94.5 if moved else 97.5)
