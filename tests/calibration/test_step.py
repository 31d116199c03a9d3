"""The calibration step on whole sections: planted law, resume, bad input, real spots."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_olivine.calibration import (
    CalibrateSettings,
    calibrate,
    mg_map as mg_map_module,
    mg_number,
    read_calibration,
)
from napari_olivine.calibration.mg_map import mg_block
from napari_olivine.calibration.phase import open_phase
from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.section import Section, create_raster
from napari_olivine.settings import Settings
from tests.helpers.built_once import built_once
from tests.helpers.sections import make_section

PIXEL = 1.5
SHAPE = (500, 1200)
CENTRES = {"p1": (250, 150), "p2": (250, 450), "p3": (250, 750), "p4": (250, 1050)}
USES = {"p1": "calibrate", "p2": "test", "p3": "calibrate", "p4": "test"}
HALF = 58
"""Pixels from the middle of a crystal to the ends of its profile."""

GAIN, OFFSET = 1.03, 6.0
"""Drift of the second session."""

AS_PLACED = {"refine_placement": False}
"""Settings of a calibration whose lines lie where they should."""


def zoned(rows: Any, columns: Any) -> np.ndarray:
    """True mg# of the crystals, NaN between them."""
    mg = np.full(np.broadcast_shapes(np.shape(rows), np.shape(columns)), np.nan)
    for row, column in CENTRES.values():
        away = np.hypot(rows - row, (columns - column) / 0.6)
        mg = np.where(away < 100, 0.90 - 0.15 / (1 + np.exp(-(away - 70) / 10)), mg)
    return mg


def to_grey(mg: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the grey of a composition, drifted in the second session."""
    grey = (1.16 - mg) / 0.0025
    return np.where(columns >= SHAPE[1] // 2, GAIN * grey + OFFSET, grey)


def analyses(profile: str) -> pd.DataFrame:
    """Microprobe rows along the true line of a crystal."""
    row, column = CENTRES[profile]
    columns = np.linspace(column - HALF, column + HALF, 60)
    mg = zoned(np.full(60, row), columns)
    mgo, feo = mg * 2 * 40.3044, (1 - mg) * 2 * 71.8464
    factor = 100 / (mgo + feo + 60.0843)
    return pd.DataFrame(
        {
            "profile": profile,
            "point": np.arange(1, 61),
            "distance_um": (columns - columns[0]) * PIXEL,
            "SiO2": 60.0843 * factor,
            "FeO": feo * factor,
            "MgO": mgo * factor,
            "Total": 100.0,
            "x_um": np.nan,
            "y_um": np.nan,
        }
    )


def placements(error_um: float = 0.0) -> pd.DataFrame:
    """Lines through the crystals, moved to the right."""
    rows = []
    for profile, (row, column) in CENTRES.items():
        ends = {"x0_um": (column - HALF) * PIXEL, "x1_um": (column + HALF) * PIXEL}
        ends = {key: value + error_um for key, value in ends.items()}
        rows.append(
            {"profile": profile, "kind": "line", "use": USES[profile]}
            | ends
            | {"y0_um": row * PIXEL, "y1_um": row * PIXEL}
        )
    return pd.DataFrame(rows)


@pytest.fixture
def section(tmp_path: Path) -> Section:
    """A section with a mask, that a test may change."""
    return Section(shutil.copytree(built_once("calibration", make_zoned), tmp_path / "section"))


@pytest.fixture
def calibrated(tmp_path: Path) -> Section:
    """The same, calibrated with the defaults."""
    folder = built_once("calibrated", make_calibrated)
    return Section(shutil.copytree(folder, tmp_path / "calibrated"))


def make_calibrated(path: Path) -> None:
    calibrate(Section(shutil.copytree(built_once("calibration", make_zoned), path)))


def make_zoned(path: Path) -> None:
    """Four zoned crystals in two sessions, with cracks, glass between and known mg#."""
    rows, columns = np.indices(SHAPE)
    mg = zoned(rows, columns)
    glass = np.where(columns >= SHAPE[1] // 2, GAIN * 70.0 + OFFSET, 70.0)
    grey = np.where(np.isfinite(mg), to_grey(mg, columns), glass)
    grey[240:243, 110:190] = 30  # a crack in p1
    grey += np.random.default_rng(0).normal(0, 2, SHAPE)
    section = make_section(path, {"BSE": np.rint(grey).clip(0, 255).astype("u1")})
    half = SHAPE[1] // 2
    table = pd.DataFrame({"session": ["1", "2"], "row0": 0, "row1": SHAPE[0], "role": "none"})
    section.annotate("sessions", table.assign(col0=[0, half], col1=[half, SHAPE[1]]))
    section.annotate("placements", placements())
    put_analyses(section, pd.concat([analyses(profile) for profile in CENTRES]))
    recipe = section.recipe("mask", Settings(), ["images"])
    with section.draft("mask", recipe, Job()) as draft:
        out = create_raster(draft.path / "olivine", SHAPE, "uint8", PIXEL, reduction="nearest")
        out.write(0, 0, np.isfinite(mg).astype("u1"))


def put_analyses(section: Section, table: pd.DataFrame) -> None:
    recipe = section.recipe("import", Settings(), [], extra={"source": str(table.sum().tolist())})
    with section.draft("epma", recipe, Job()) as draft:
        table.to_parquet(draft.path / "analyses.parquet", index=False)


def report(section: Section) -> dict[str, Any]:
    return json.loads((section.path / "calibration" / "calibration.json").read_text())


def whole_map(section: Section) -> np.ndarray:
    return section.raster("mg", "mg").read(slice(None), slice(None))


def test_a_planted_section_is_calibrated_and_mapped(calibrated: Section):
    scores = report(calibrated)["scores"]
    assert scores["test"]["filtered"]["rmse"] < 0.002
    assert scores["calibrate"]["filtered"]["r2"] > 0.995
    rows, columns = np.indices(SHAPE)
    truth, mg = zoned(rows, columns), whole_map(calibrated)
    assert np.isnan(mg[np.isnan(truth)]).all()
    assert np.isnan(mg[241, 120:180]).all(), "the crack is no composition"
    there = np.isfinite(mg)
    assert there.sum() > 0.95 * np.isfinite(truth).sum()
    error = (mg - truth)[there]
    assert np.sqrt(np.mean(error**2)) < 0.003
    for half in (slice(0, 600), slice(600, 1200)):
        assert abs(np.nanmean((mg - truth)[:, half])) < 1e-3


def test_scores_of_profiles_and_sessions_are_a_table(calibrated: Section):
    table = pd.read_csv(calibrated.require("calibration").path / "scores.csv")
    told = report(calibrated)
    keys = ("points", "r2", "rmse", "rmse_sh")
    for line in table.to_dict("records"):
        if line["of"] == "session":
            continue
        known = (
            told["scores"][line["use"]] if line["of"] == "all" else told["profiles"][line["name"]]
        )[line["grey"]]
        assert {key: line[key] for key in keys} == pytest.approx({key: known[key] for key in keys})
    assert set(table.loc[table["of"] == "profile", "name"]) == set(USES)
    sessions = table[(table["of"] == "session") & (table["grey"] == "filtered")]
    whole = table[(table["of"] == "all") & (table["grey"] == "filtered")]
    assert len(sessions) == 4
    points = sessions.groupby("use")["points"].sum()
    assert points.to_dict() == whole.set_index("use")["points"].to_dict()


def test_pooled_sessions_cost_the_drift(section: Section):
    pooled = CalibrateSettings(session_terms="pooled", **AS_PLACED)
    calibrate(section, pooled.model_copy(update={"level_grey": False}))
    assert report(section)["scores"]["test"]["filtered"]["rmse"] > 0.005
    calibrate(section, pooled)
    assert report(section)["scores"]["test"]["filtered"]["rmse"] < 0.003, "levelled before"


def test_the_map_is_the_law_on_every_pixel(section: Section):
    plain = CalibrateSettings(smooth_um=0, filter_map=False, **AS_PLACED)
    calibrate(section, plain)
    law, grey = read_calibration(section)
    mg = whole_map(section)
    window = slice(220, 260), slice(400, 800)
    session = (np.arange(400, 800) >= 600).astype(int)[None, :]
    expected, _ = law.predict(grey.window(*window), np.broadcast_to(session, (40, 400)))
    there = np.isfinite(mg[window])
    assert there.any()
    assert np.allclose(mg[window][there], expected[there], atol=1e-5)


def test_blocks_join_without_seams(calibrated: Section):
    law, grey = read_calibration(calibrated)
    settings = CalibrateSettings()
    phase = open_phase(calibrated, "mask", "olivine")
    block = mg_block(slice(100, 400), slice(900, 1150), SHAPE, grey, phase, law, settings, Job())
    stored = whole_map(calibrated)[100:400, 900:1150]
    differ = ~np.isclose(block, stored, atol=1e-6, equal_nan=True)
    assert differ.mean() < 0.002


def test_the_table_has_every_point_and_its_story(section: Section):
    rows = pd.concat([analyses(profile) for profile in CENTRES])
    bad = (rows["profile"] == "p3") & (rows["point"] == 30)
    rows.loc[bad, "Total"] = 79.3
    put_analyses(section, rows)
    calibrate(section, CalibrateSettings(**AS_PLACED))
    table = section.table("calibration", "profiles")
    assert len(table) == 240
    assert table["mg_epma"].notna().all()
    told = table[(table["profile"] == "p3") & (table["point"] == 30)].iloc[0]
    assert told["flags"] == "total 79.3 wt%"
    assert not told["good"] and not told["fitted"]
    assert set(table.loc[table["profile"] == "p2", "fitted"]) == {False}
    assert set(table.loc[table["profile"] == "p4", "session"]) == {"2"}
    assert np.allclose(table["residual"], table["mg_predicted"] - table["mg_epma"])
    assert np.allclose(table["mg_epma"], mg_number(rows["MgO"], rows["FeO"]))


def test_an_analysis_that_a_person_left_out_counts_for_nothing(section: Section):
    placed = CalibrateSettings(**AS_PLACED)
    calibrate(section, placed)
    before = report(section)
    rows = pd.concat([analyses(profile) for profile in CENTRES])
    rows.loc[(rows["profile"] == "p1") & (rows["point"] == 20), ["MgO", "FeO"]] = [5.0, 60.0]
    put_analyses(section, rows)
    kept_out = placements().assign(left_out=["20", "", "3 7", ""])
    section.annotate("placements", kept_out)
    told: list[Any] = []
    calibrate(section, placed, Job(listen=told.append))
    table = section.table("calibration", "profiles").set_index(["profile", "point"])
    flagged = table[table["flags"].str.contains("left out by hand")]
    assert list(flagged.index) == [("p1", 20), ("p3", 3), ("p3", 7)]
    assert not flagged["good"].any() and not flagged["fitted"].any()
    after = report(section)
    assert [after["profiles"][p]["left_out"] for p in ("p1", "p2", "p3", "p4")] == [1, 0, 2, 0]
    rmse = [one["scores"]["test"]["filtered"]["rmse"] for one in (before, after)]
    assert rmse[1] == pytest.approx(rmse[0], rel=0.1), "as if the bad one had not been measured"
    section.annotate("placements", kept_out.assign(left_out=["999", "", "", ""]))
    calibrate(section, placed, Job(listen=told.append))
    assert any("leaves out analysis 999 of p1" in str(event.get("message")) for event in told)
    section.annotate("placements", kept_out.assign(left_out=["some", "", "", ""]))
    with pytest.raises(SectionError, match="row 2, left_out: 'some' are no numbers"):
        calibrate(section)


def test_a_placement_by_hand_is_refined_and_kept(section: Section):
    section.annotate("placements", placements(error_um=6.0))
    before = section.fingerprint("annotations/placements")
    calibrate(section, CalibrateSettings(refine_placement=False))
    by_hand = report(section)["scores"]["test"]["filtered"]["rmse"]
    calibrate(section)
    after = report(section)
    assert after["scores"]["test"]["filtered"]["rmse"] < 0.5 * by_hand
    assert section.fingerprint("annotations/placements") == before
    story = after["profiles"]["p2"]
    assert story["registration"]["accepted"]
    moved = np.subtract(story["placed_um"], story["line_um"])
    assert moved[[0, 2]].mean() == pytest.approx(6, abs=1.5)


def test_a_table_without_distances_is_laid_evenly(section: Section):
    rows = pd.concat([analyses(profile) for profile in CENTRES])
    put_analyses(section, rows.assign(distance_um=np.nan))
    calibrate(section, CalibrateSettings(spacing="epma", filter_map=False, **AS_PLACED))
    assert report(section)["scores"]["test"]["filtered"]["rmse"] < 0.003


def test_what_is_up_to_date_is_not_repeated(calibrated: Section):
    section = calibrated
    first = section.product("calibration")
    again: list[dict[str, Any]] = []
    assert calibrate(section, job=Job(listen=again.append)).created == first.created
    said = [e["message"] for e in again]
    assert said[-2:] == ["calibration is up to date.", "mg is up to date."]
    section.annotate("placements", placements(error_um=1.0))
    assert section.state("mg") == "stale"
    calibrate(section, CalibrateSettings(**AS_PLACED))
    assert section.state("mg") == "fresh"


def test_a_stopped_map_goes_on_where_it_was(section: Section, monkeypatch: pytest.MonkeyPatch):
    drawn: list[tuple[slice, slice]] = []
    real = mg_map_module.mg_block

    def counted(rows: slice, columns: slice, *rest: Any) -> np.ndarray:
        drawn.append((rows, columns))
        return real(rows, columns, *rest)

    monkeypatch.setattr(mg_map_module, "mg_block", counted)
    placed = CalibrateSettings(**AS_PLACED)
    stop = threading.Event()

    def stop_after_one(event: dict[str, Any]) -> None:
        if event.get("message") == "Mapping mg#" and event["done"] == 1:
            stop.set()

    with pytest.raises(Cancelled):
        calibrate(section, placed, Job(listen=stop_after_one, cancel=stop))
    assert section.state("calibration") == "fresh"
    assert section.state("mg") == "missing"
    assert len(drawn) == 1
    calibrate(section, placed)
    assert len(drawn) == 2
    assert drawn[0] != drawn[1]
    resumed = whole_map(section)
    calibrate(section, placed, Job(force=True))
    assert np.array_equal(resumed, whole_map(section), equal_nan=True)


def test_a_session_without_a_profile_is_warned_of(section: Section):
    table = placements()
    table.loc[table["profile"] == "p3", "use"] = "test"
    section.annotate("placements", table)
    events: list[dict[str, Any]] = []
    calibrate(section, CalibrateSettings(**AS_PLACED), Job(listen=events.append))
    warnings = [e["message"] for e in events if e["event"] == "warning"]
    assert any("No profile calibrates session 2" in warning for warning in warnings)
    levelled = section.table("calibration", "profiles").groupby("session")["mg_sigma"].median()
    assert levelled["2"] > 1.5 * levelled["1"], "as far as levelling leaves it open"
    calibrate(section, CalibrateSettings(level_grey=False, **AS_PLACED))
    profiles = section.table("calibration", "profiles").groupby("session")["mg_sigma"].median()
    assert profiles["2"] > 3 * profiles["1"]
    assert profiles["2"] > 2 * levelled["2"]


def test_bad_input_is_told_and_leaves_nothing(section: Section):
    table = placements()
    table.loc[1, "x1_um"] = SHAPE[1] * PIXEL + 30
    section.annotate("placements", table)
    with pytest.raises(InputError, match=r"'p2' leaves the section: it reaches 3\d\.\d um right"):
        calibrate(section)
    section.annotate("placements", placements().assign(use="test"))
    with pytest.raises(InputError, match="No profile of .* is set to 'calibrate'"):
        calibrate(section)
    section.annotate("placements", placements())
    rows = pd.concat([analyses(profile) for profile in CENTRES])
    put_analyses(section, rows.drop(columns="MgO"))
    with pytest.raises(InputError, match="table of 'p1' has no MgO"):
        calibrate(section)
    put_analyses(section, rows.assign(Total=80.0))
    with pytest.raises(InputError, match=r"Only 0 usable points(.|\n)*p1: 60 points; 60 x total"):
        calibrate(section)
    put_analyses(section, rows)
    with pytest.raises(InputError, match=r"no mask of 'garnet'; it has olivine"):
        calibrate(section, CalibrateSettings(phase="garnet"))
    with pytest.raises(SectionError, match="Run the step 'segment' first"):
        calibrate(section, CalibrateSettings(phase_from="segmentation"))
    assert section.state("calibration") == "missing"
    assert section.state("mg") == "missing"


def test_grey_without_spread_is_refused(section: Section):
    table = placements()
    for column in ("x0_um", "x1_um"):  # all points on one pixel
        table[column] = [CENTRES[p][1] * PIXEL for p in table["profile"]]
    section.annotate("placements", table[table["profile"].isin(["p1", "p2"])])
    with pytest.raises(InputError, match="have the same grey"):
        calibrate(section, CalibrateSettings(refine_placement=False))


def test_a_law_that_rises_is_said_and_all_points_are_scored(section: Section):
    rows = pd.concat([analyses(profile) for profile in CENTRES])
    mg = 1.6 - mg_number(rows["MgO"], rows["FeO"])
    mgo, feo = mg * 2 * 40.3044, (1 - mg) * 2 * 71.8464
    factor = 100 / (mgo + feo + 60.0843)
    rows = rows.assign(SiO2=60.0843 * factor, FeO=feo * factor, MgO=mgo * factor)
    rows.loc[(rows["profile"] == "p1") & (rows["point"] < 6), "Total"] = 80.0
    put_analyses(section, rows)
    calibrate(section, CalibrateSettings(**AS_PLACED))
    assert any("mg# rises with the grey" in text for text in report(section)["warnings"])
    scores = report(section)["profiles"]["p1"]
    assert scores["all_points"]["points"] == 60 == scores["raw"]["points"] + 5
