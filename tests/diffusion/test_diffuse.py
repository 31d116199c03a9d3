"""Times of profiles: published ones, planted ones, and those that say little."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_olivine.cli import main
from napari_olivine.diffusion import (
    DiffuseSettings,
    FoProfile,
    Model,
    diffuse,
    fit_profile,
    sample_times,
)
from napari_olivine.diffusion.law import LAWS
from napari_olivine.diffusion.solver import Line, spread
from napari_olivine.diffusion.times import UM2_OF_M2, Conditions, diffusivity
from napari_olivine.errors import InputError
from napari_olivine.job import Event, Job

LYNN_OL3 = np.array([
    [0, 82.2453], [10, 82.8393], [20, 83.5264], [30, 84.7523], [40, 85.3418], [50, 86.0219],
    [60, 86.7764], [70, 86.8708], [80, 87.2662], [90, 87.4915], [100, 87.528], [110, 87.7124],
    [120, 87.7039], [130, 87.5826], [140, 87.5053], [150, 87.5851], [160, 87.5521],
    [200, 87.5748], [240, 87.3744], [340, 87.3948], [450, 87.2841],
])  # fmt: skip
"""Distance (um) and Fo of olivine 3 of Lynn et al. (2024), 64 +- 19 days at 1200 deg C, 42 MPa,
log10 fO2 -8.2 bar; a refit by another program gives 64.9, one by hand 64.6."""

CERTAIN = {"temperature_se_c": 0.0, "fo2_se": 0.0, "law_se": 0.0, "draws": 2000}


def write(file: Path, distance: Any, fo: Any, **more: Any) -> Path:
    pd.DataFrame({"distance_um": distance, "fo": fo} | more).to_csv(file, index=False)
    return file


def planted(days: float, noise: float = 0.0, seed: int = 0, slope: float | None = None) -> Any:
    """Make a profile with a step at 40 um, at the default conditions along [001]."""
    slope = LAWS["dohmen-chakraborty"].slope if slope is None else slope
    conditions = Conditions(1180.0, angles_deg=(90, 90, 0))
    x = (np.arange(1200) + 0.5) * 0.15
    start = np.where(x < 40, 0.80, 0.88)
    factor = diffusivity(0.84, conditions)[0] * UM2_OF_M2 * 86_400 * days
    curve = spread(start, Line(0.15), np.geomspace(factor / 1e4, factor, 400), slope, 0.84)[-1]
    distance = np.arange(0, 178, 3.0)
    fo = np.interp(distance, x, curve)
    return distance, fo + np.random.default_rng(seed).normal(0, noise, len(fo))


def test_published_time_comes_out_again(tmp_path: Path) -> None:
    file = write(tmp_path / "ol3.csv", *LYNN_OL3.T)
    told = diffuse(
        file,
        settings=DiffuseSettings(
            temperature_c=1200, pressure_mpa=42, log_fo2_bar=-8.2, angles=(33, 120, 102),
            start="ramp", ramp_um=10, step_um=35, fo_left=0.82, fo_right=0.875, blur_um=0,
            fo_error=0.002,
        ),
    )  # fmt: skip
    assert told["time_days"] == pytest.approx(64.6, rel=0.05)
    assert told["time_days_low"] < 64 < told["time_days_high"]
    assert "percent" in " ".join(told["flags"])
    assert told["time_days_by_mutch"] < told["time_days"]


@pytest.mark.parametrize("days", [2.0, 20.0, 120.0])
def test_planted_time_is_found(tmp_path: Path, days: float) -> None:
    distance, fo = planted(days, 0.001)
    file = write(tmp_path / "p.csv", distance, fo, fo_se=0.001)
    told = diffuse(file, settings=DiffuseSettings(angles=(90, 90, 0), blur_um=0, **CERTAIN))
    assert told["kind"] == "time"
    assert told["time_days"] == pytest.approx(days, rel=0.35 if days > 100 else 0.15)
    assert told["time_days_low"] / 1.4 < days < told["time_days_high"] * 1.4
    assert told["step_um"] == pytest.approx(40, abs=15 if days > 100 else 3)
    assert told["fo_left"] == pytest.approx(0.80, abs=0.004)


@pytest.mark.parametrize(("length", "spread_um2"), [(500, 1.0), (500, 4.0), (800, 16.0)])
def test_short_front_in_a_long_profile(tmp_path: Path, length: float, spread_um2: float) -> None:
    """Cells as wide as the front would make it too short, silently."""
    slope = LAWS["dohmen-chakraborty"].slope
    x = (np.arange(2000) + 0.5) * 0.05  # the surroundings of the step, 60 um from the end
    stops = np.geomspace(spread_um2 / 1e5, spread_um2, 300)
    curve = spread(np.where(x < 60, 0.80, 0.88), Line(0.05), stops, slope, 0.84)[-1]
    distance = np.arange(0, length, 0.5)
    fo = np.interp(distance, x, curve) + np.random.default_rng(4).normal(0, 5e-4, len(distance))
    file = write(tmp_path / "long.csv", distance, fo, fo_se=5e-4)
    told = diffuse(file, settings=DiffuseSettings(angles=(90, 90, 0), blur_um=0, **CERTAIN))
    days = spread_um2 / (told["diffusivity_m2_s"] * UM2_OF_M2 * 86_400)
    days *= np.exp(-slope * (told["fo_of_diffusivity"] - 0.84))
    assert told["time_days"] == pytest.approx(days, rel=0.06)


def test_step_near_an_end_is_found(tmp_path: Path) -> None:
    distance = np.arange(0, 300, 3.0)
    fo = np.where(distance < 8, 0.80, 0.88) + np.random.default_rng(5).normal(0, 1e-3, 100)
    told = diffuse(write(tmp_path / "near.csv", distance, fo, fo_se=0.001))
    assert told["step_um"] == pytest.approx(7.5, abs=2)


def test_units_that_contradict_the_numbers(tmp_path: Path) -> None:
    distance, fo = planted(20.0, 0.001)
    right = diffuse(write(tmp_path / "a.csv", distance, fo, fo_se=0.001))
    percent = diffuse(write(tmp_path / "b.csv", distance, 100 * fo, fo_se=0.001))
    assert percent["time_days"] == pytest.approx(right["time_days"], rel=1e-6)
    with pytest.raises(InputError, match=r"0\.177 um long"):
        diffuse(write(tmp_path / "mm.csv", distance / 1000, fo, fo_se=0.001))
    with pytest.raises(InputError, match="another column"):
        diffuse(write(tmp_path / "wt.csv", distance, np.full(len(fo), 27.0), fo_se=0.1))
    with pytest.raises(InputError, match="no column with Fo"):
        table = pd.DataFrame({"distance_um": distance, "Mg": 27.0})
        table.to_csv(tmp_path / "mg.csv", index=False)
        diffuse(tmp_path / "mg.csv")
    told = diffuse(tmp_path / "a.csv", settings=DiffuseSettings(log_fo2_bar=-1))
    assert any("is it in bar" in flag for flag in told["flags"])


def test_no_spread_is_drawn_where_none_is_likely() -> None:
    distance, fo = planted(20.0, 0.001)
    fit, _ = fit_profile(
        FoProfile(distance, fo, np.full(len(fo), 0.001)), Model(LAWS["dohmen-chakraborty"].slope)
    )
    likely = fit.spreads_um2[fit.likelihood > 0]
    exact = Conditions(1180.0, angles_deg=(90, 90, 0))
    times = sample_times(fit, exact, 100_000, np.random.default_rng(0))
    step = fit.spreads_um2[1] / fit.spreads_um2[0]
    scale = fit.spread_um2 / times.best_days
    assert times.draws.min() * scale >= likely[0] / step * (1 - 1e-9)
    assert times.draws.max() * scale <= likely[-1] * step * (1 + 1e-9)


def test_errors_of_conditions_make_the_interval_wider(tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", *planted(20.0, 0.001), fo_se=0.001)

    def width(**more: Any) -> float:
        told = diffuse(file, settings=DiffuseSettings(**{**CERTAIN, **more}))
        return float(np.log(told["time_days_high"] / told["time_days_low"]))

    known = (90.0, 90.0, 0.0)
    least = width(angles=known)
    assert width(angles=known, temperature_se_c=30) > 1.5 * least
    assert width(angles=known, law_se=0.2) > 1.5 * least
    assert width() > 1.5 * least  # a direction that nobody measured


def test_hotter_by_thirty_degrees_is_shorter_by_a_known_factor(tmp_path: Path) -> None:
    """At fixed fO2 and 1200 deg C, -30 and +30 degrees make times of 1.41 and 0.72."""
    file = write(tmp_path / "p.csv", *planted(20.0, 0.001), fo_se=0.001)
    found = [
        diffuse(
            file, settings=DiffuseSettings(temperature_c=t, log_fo2_bar=-7.5, angles=(90, 90, 0))
        )["time_days"]
        for t in (1170, 1200, 1230)
    ]
    assert found[0] / found[1] == pytest.approx(1.41, abs=0.02)
    assert found[2] / found[1] == pytest.approx(0.72, abs=0.02)


def test_profiles_that_say_little_are_told_so(tmp_path: Path) -> None:
    distance = np.arange(0, 150, 3.0)
    flat = 0.85 + np.random.default_rng(1).normal(0, 0.001, len(distance))
    with pytest.raises(InputError, match="says nothing"):
        diffuse(write(tmp_path / "flat.csv", distance, flat, fo_se=0.001))
    sharp = np.where(distance < 61, 0.80, 0.88) + np.random.default_rng(2).normal(0, 1e-3, 50)
    told = diffuse(write(tmp_path / "sharp.csv", distance, sharp, fo_se=0.001))
    assert told["kind"] == "upper limit"
    assert any("upper limit" in flag for flag in told["flags"])
    rising = 0.80 + 0.0006 * distance + np.random.default_rng(3).normal(0, 1e-3, 50)
    told = diffuse(write(tmp_path / "rising.csv", distance, rising, fo_se=0.001))
    assert any("no plateau" in flag or "last end" in flag for flag in told["flags"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"distance_um": [0, 1, 2, 3, 2, 5, 6], "fo": [0.8] * 7}, "row 6.*does not lie beyond"),
        ({"distance_um": range(7), "fo": [1.2] * 7}, "no olivine"),
        ({"distance_um": range(7), "SiO2": [40] * 7}, "no column with Fo"),
        ({"distance_um": range(3), "fo": [0.8] * 3}, "at least 6"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, columns: Any, message: str) -> None:
    file = tmp_path / "bad.csv"
    pd.DataFrame(columns).to_csv(file, index=False)
    with pytest.raises(InputError, match=message) as error:
        diffuse(file)
    assert "bad.csv" in str(error.value)


def test_rows_from_core_to_rim_are_turned_round(tmp_path: Path) -> None:
    distance, fo = planted(20.0, 0.001)
    rising = diffuse(write(tmp_path / "a.csv", distance, fo, fo_se=0.001))
    falling = diffuse(write(tmp_path / "b.csv", distance[::-1], fo[::-1], fo_se=0.001))
    assert falling["time_days"] == rising["time_days"]
    assert any("turned round" in flag for flag in falling["flags"])


def test_angles_that_fit_no_axes_are_refused() -> None:
    with pytest.raises(InputError, match="squared cosines"):
        DiffuseSettings(angles=(10, 10, 10))


def test_outside_the_experiments_is_warned(tmp_path: Path) -> None:
    warned: list[Event] = []
    file = write(tmp_path / "p.csv", *planted(20.0, 0.001), fo_se=0.001)
    job = Job(listen=lambda event: warned.append(event) if event["event"] == "warning" else None)
    diffuse(file, settings=DiffuseSettings(temperature_c=1350), job=job)
    assert any("outside the experiments" in event["message"] for event in warned)


def test_command_writes_what_scripts_rely_on(tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", *planted(20.0, 0.001), fo_se=0.001)
    for figure in ("f.svg", "f.png"):
        words = ["diffuse", str(file), "--temperature-c", "1180", "--pressure-mpa", "0.1"]
        words += ["--log-fo2-bar", "-7.8", "--angles", "90,90,0", "--draws", "1000"]
        words += ["--json", str(tmp_path / "t.json"), "--figure", str(tmp_path / figure)]
        assert main(words) == 0
        assert (tmp_path / figure).stat().st_size > 5000
    told = json.loads((tmp_path / "t.json").read_text())
    assert 0 < told["time_days_low"] < told["time_days"] < told["time_days_high"]
    assert told["settings"]["angles"] == [90, 90, 0]
    again = json.loads((tmp_path / "t.json").read_text())
    assert again == told  # the same seed draws the same
