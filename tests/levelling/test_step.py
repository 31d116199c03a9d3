"""The grey of all sessions and tiles comes to one scale; the images stay as they are."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.levelling import LevelledRaster, LevelSettings, level, open_levelled
from napari_olivine.levelling.standards import read_standards
from napari_olivine.section import Section
from tests.helpers.drifting import GREYS, Planted, plant, session_table, store

EVERYWHERE = slice(None), slice(None)


def report(section: Section) -> dict[str, Any]:
    return json.loads((section.path / "levelling" / "levelling.json").read_text())


def left_over(section: Section, truth: np.ndarray, half: int) -> tuple[float, float]:
    """Median error of the levelled grey left and right of the border."""
    off = open_levelled(section).read(*EVERYWHERE) - truth
    return float(np.median(off[:, :half])), float(np.median(off[:, half:]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_drift_is_found_by_shared_phases(tmp_path: Path, seed: int):
    random = np.random.default_rng(seed)
    gain, offset = random.uniform(0.9, 1.1), random.uniform(-20, 20)
    planted = Planted(gains=(1.0, gain), offsets=(0.0, offset), seed=seed)
    section, truth = plant(tmp_path / "s", planted)
    level(section)
    found = report(section)["sessions"]["s2"]
    assert found["gain"] == pytest.approx(gain, abs=0.005)
    assert found["offset"] == pytest.approx(offset, abs=0.8)
    for grey in GREYS:
        true, said = gain * grey + offset, found["gain"] * grey + found["offset"]
        assert said == pytest.approx(true, abs=0.5)
    assert abs(found["gain"] - gain) < 4 * found["gain_error"]
    one, other = left_over(section, truth, planted.shape[1] // 2)
    assert abs(one - other) < 0.5


def test_the_images_stay_as_they_are(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted())
    files = {f: f.read_bytes() for f in (section.path / "images").rglob("*") if f.is_file()}
    level(section)
    assert files == {f: f.read_bytes() for f in (section.path / "images").rglob("*") if f.is_file()}


def test_slopes_of_tiles_and_shading_are_taken_off(tmp_path: Path):
    planted = Planted(slope=3.0, bow=8.0, grid=(5, 6))
    section, truth = plant(tmp_path / "s", planted)
    level(section)
    raw = section.raster("images", "BSE").read(*EVERYWHERE).astype(float) - truth
    left = open_levelled(section).read(*EVERYWHERE) - truth
    half = planted.shape[1] // 2

    def background(off: np.ndarray) -> float:
        return float(np.sqrt(max(np.var(off) - planted.noise**2, 0)))

    assert background(raw[:, :half]) > 1.5
    assert background(left[:, :half]) < 0.4
    assert background(left[:, half:] * planted.gains[1]) < 0.4
    for values in report(section)["sessions"].values():
        assert values["shading"]["significant"]
        assert values["shading"]["bend"][:2] == pytest.approx([-8.0, -8.0], abs=1.5) or (
            values["shading"]["kind"] == "multiply"
        )


def test_no_shading_is_invented(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted())
    level(section)
    assert not any(one["shading"]["significant"] for one in report(section)["sessions"].values())


def test_levelling_a_levelled_section_changes_nothing(tmp_path: Path):
    section, truth = plant(tmp_path / "s", Planted(bow=5.0))
    level(section)
    images = {n: section.raster("images", n).read(*EVERYWHERE) for n in ("Mg", "Fe", "Ca")}
    images = {"BSE": open_levelled(section).read(*EVERYWHERE), **images}
    again = store(tmp_path / "again", images, section.record.tile_shape)
    again.annotate("sessions", section.annotation("sessions"))
    level(again)
    second = report(again)["sessions"]["s2"]
    assert second["gain"] == pytest.approx(1, abs=0.002)
    assert second["offset"] == pytest.approx(0, abs=0.3)
    moved = open_levelled(again).read(*EVERYWHERE) - images["BSE"]
    assert np.sqrt(np.mean(moved**2)) < 0.3
    assert truth.shape == moved.shape


def test_another_reference_only_rescales(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted())
    level(section)
    one = open_levelled(section).read(*EVERYWHERE)
    first = report(section)["sessions"]["s2"]
    level(section, LevelSettings(reference="s2"))
    other = open_levelled(section).read(*EVERYWHERE)
    second = report(section)["sessions"]["s1"]
    assert second["gain"] == pytest.approx(1 / first["gain"], rel=1e-3)
    gain, offset = np.polyfit(one.ravel(), other.ravel(), 1)
    assert gain == pytest.approx(first["gain"], abs=1e-3)
    assert np.abs(other - (gain * one + offset)).max() < 0.3


def test_the_order_of_sessions_does_not_matter(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted())
    level(section)
    one = open_levelled(section).read(*EVERYWHERE)
    section.annotate("sessions", section.annotation("sessions").iloc[::-1])
    level(section, LevelSettings(reference="s1"))
    assert np.abs(open_levelled(section).read(*EVERYWHERE) - one).max() < 0.05


@pytest.mark.parametrize(("dtype", "factor"), [("uint16", 200.0), ("float32", 0.004)])
def test_other_types_of_grey(tmp_path: Path, dtype: str, factor: float):
    section, _ = plant(tmp_path / "s", Planted(dtype=dtype, factor=factor))
    level(section)
    found = report(section)["sessions"]["s2"]
    assert found["gain"] == pytest.approx(1.06, abs=0.005)
    assert found["offset"] / factor == pytest.approx(-9.0, abs=0.8)


def test_without_maps_the_histogram_and_the_seams_tie(tmp_path: Path):
    planted = Planted(maps=False)
    section, truth = plant(tmp_path / "s", planted)
    level(section)
    found = report(section)["sessions"]["s2"]
    assert set(found["sources"]) == {"histograms", "seams"}
    assert found["gain"] == pytest.approx(1.06, abs=0.005)
    one, other = left_over(section, truth, planted.shape[1] // 2)
    assert abs(one - other) < 0.5
    peaks = report(section)["peaks"]
    assert [peak["grey"] for peak in peaks] == pytest.approx(list(GREYS), abs=1.0)
    assert all(peak["sessions"] == ["s1", "s2"] and peak["tiles"] > 12 for peak in peaks)


def test_black_that_is_not_zero_is_known_for_black(tmp_path: Path):
    """Instruments and exports clip at greys other than the limits of their type."""
    section, _ = plant(tmp_path / "s", Planted(maps=False, dtype="uint16", factor=19.0))
    raster = section.raster("images", "BSE")
    clipped = np.clip(raster.read(*EVERYWHERE), 19 * 70, 19 * 185).astype("uint16")
    raster.write(0, 0, clipped)
    level(section)
    found = report(section)["sessions"]["s2"]
    assert found["gain"] == pytest.approx(1.06, abs=0.01)
    assert found["gain"] * 120 + found["offset"] / 19 == pytest.approx(1.06 * 120 - 9, abs=1)


def test_a_charging_tile_does_not_move_its_session(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted())
    level(section)
    before = report(section)["sessions"]["s2"]
    raster = section.raster("images", "BSE")
    image = raster.read(*EVERYWHERE).astype(float)
    image[160:320, 576:768] += 20 + 25 * np.linspace(0, 1, 192)
    raster.write(0, 0, np.clip(image, 0, 255).astype("u1"))
    level(section, None, Job(force=True))
    after = report(section)["sessions"]["s2"]
    at_120 = [one["gain"] * 120 + one["offset"] for one in (before, after)]
    assert at_120[1] == pytest.approx(at_120[0], abs=0.3)
    tiles = pd.read_parquet(section.path / "levelling" / "tiles.parquet").set_index("tile")
    assert tiles["level"].idxmax() == tiles.index[6 + 3]
    assert tiles["level"].max() == pytest.approx(32.5 / 1.06, abs=3)


def test_a_session_of_little_rock_and_much_epoxy(tmp_path: Path):
    """Epoxy begins half a tile behind the border."""
    planted = Planted(maps=False)
    section, _ = plant(tmp_path / "s", planted)
    raster, half = section.raster("images", "BSE"), planted.shape[1] // 2 + 96
    epoxy = np.random.default_rng(3).normal(18, 2, (planted.shape[0] - 80, planted.shape[1] - half))
    raster.write(80, half, np.rint(epoxy).astype("u1"))
    level(section)
    found = report(section)["sessions"]["s2"]
    assert found["gain"] == pytest.approx(1.06, abs=max(0.01, 3 * found["gain_error"]))
    assert found["gain"] * 120 + found["offset"] == pytest.approx(1.06 * 120 - 9, abs=1.5)


def test_seams_alone_have_the_right_sign(tmp_path: Path):
    """Noise on both sides of a seam flattens a regression, not the ratio of spreads."""
    section, _ = plant(tmp_path / "s", Planted(maps=False, noise=4.0, grid=(8, 4)))
    level(section, LevelSettings(phases=False))
    found = report(section)["sessions"]["s2"]
    assert set(found["sources"]) == {"seams"}
    assert found["gain"] == pytest.approx(1.06, abs=3 * found["gain_error"])
    assert found["gain_error"] < 0.04
    assert found["gain"] > 1.0


def test_overlaps_tie_and_blend(tmp_path: Path):
    planted = Planted(overlap=32, maps=False)
    section, truth = plant(tmp_path / "s", planted)
    bounds, grid = planted.bounds, planted.grid
    rows = []
    for a in range(len(bounds)):
        for b in [a + 1] * ((a + 1) % grid[1] > 0) + [a + grid[1]] * (a + grid[1] < len(bounds)):
            one, other = (planted.session_of_column(t % grid[1]) for t in (a, b))
            gain = planted.gains[other] / planted.gains[one]
            offset = planted.offsets[other] - gain * planted.offsets[one]
            middle = planted.gains[one] * 120 + planted.offsets[one]
            rows.append((a, b, gain, 0.002, offset, 0.3, middle, gain * middle + offset))
    names = ["tile_a", "tile_b", "gain", "gain_error", "offset", "offset_error"]
    names += ["level_a", "level_b"]
    table = pd.DataFrame(rows, columns=names)
    table.to_parquet(section.path / "images" / "overlaps.parquet")
    level(section, LevelSettings(phases=False, backgrounds=False))
    found = report(section)["sessions"]["s2"]
    assert set(found["sources"]) == {"overlaps"}
    assert found["gain"] == pytest.approx(1.06, abs=0.002)
    levelled = open_levelled(section)
    assert isinstance(levelled, LevelledRaster)
    # Blended across the border, where one tile's scale alone would be several levels off.
    step, half = planted.tile[1] - planted.overlap, planted.grid[1] // 2
    border = slice(half * step - 2, half * step + planted.overlap + 2)
    planes = planted.planes
    assert np.abs(planes).max() > 0
    off = levelled.read(slice(None), border) - truth[:, border]
    assert np.abs(np.median(off, axis=0)).max() < 1.2
    steps = pd.read_csv(section.path / "levelling" / "steps.csv")
    assert len(steps) == planted.grid[0]
    assert steps["after"].abs().max() < 0.5


def test_blended_borders_do_not_spoil_the_tiles_beside_them(tmp_path: Path):
    planted = Planted(overlap=40, offsets=(0.0, 25.0), slope=0.0)
    section, truth = plant(tmp_path / "s", planted)
    level(section)
    assert report(section)["sessions"]["s2"]["gain"] == pytest.approx(1.06, abs=0.005)
    off = open_levelled(section).read(*EVERYWHERE) - truth
    assert np.abs(np.median(off, axis=0)).max() < 0.8


def test_standards_alone(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted(maps=False))
    standards = {
        "carbon": {"s1": 20.0, "s2": 1.06 * 20 - 9},
        "Fe metal": {"s1": 220.0, "s2": 1.06 * 220 - 9},
    }
    only = {"phases": False, "seams": False, "backgrounds": False}
    level(section, LevelSettings(standards=standards, standard_error_grey=0.1, **only))
    found = report(section)["sessions"]["s2"]
    assert (found["gain"], found["offset"]) == pytest.approx((1.06, -9.0), abs=0.1)
    one = {"carbon": standards["carbon"]}
    level(section, LevelSettings(standards=one, standard_error_grey=0.1, **only))
    found = report(section)["sessions"]["s2"]
    assert found["gain"] == pytest.approx(1.0, abs=0.06), "one standard gives no gain"
    assert found["gain"] * 20 + found["offset"] == pytest.approx(1.06 * 20 - 9, abs=0.3)


def test_a_table_of_standards(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted(maps=False))
    table = pd.DataFrame(
        {"standard": ["a", "a", "b", "b"], "session": ["s1", "s2"] * 2, "grey": [30, 25, 200, 207]}
    )
    section.annotate("standards", table)
    level(section)
    assert "standards" in report(section)["sessions"]["s2"]["sources"]
    assert section.state("levelling") == "fresh"
    section.annotate("standards", table.assign(grey=[30, 26, 200, 207]))
    assert section.state("levelling") == "stale"
    section.annotate("standards", table.assign(session=["s1", "nowhere"] * 2))
    with pytest.raises(InputError, match="nowhere"):
        level(section)
    section.annotate("standards", table.drop(columns="grey"))
    with pytest.raises(InputError, match="lacks the column grey"):
        level(section)
    section.annotate("standards", table.assign(grey=["x", 1, 2, 3]))
    with pytest.raises(InputError, match="row 2"):
        level(section)


def test_tables_of_standards_as_spreadsheets_write_them(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted(maps=False, grid=(1, 2)))
    sessions = section.annotation("sessions").assign(session=["1", "2"])
    section.annotate("sessions", sessions)
    file = section.path / "annotations" / "standards.csv"
    for text in (
        "Standard, Session ,Grey\nFe,1,200\nFe,2,210.5\n,,\n",
        "standard;session;grey\nFe;1;200,0\nFe;2;210,5\n",
        "standard,session,grey,error\nFe,1.0,200,\nFe,2.0,210.5,0.2\n",
    ):
        file.write_text(text)
        found = read_standards(section, LevelSettings())
        assert found["session"].tolist() == ["1", "2"], text
        assert found["grey"].tolist() == [200, 210.5], text
    assert found["error"].isna().tolist() == [True, False]
    for row, words in (
        ("Fe,,200,", "row 2: the session"),
        (",1,200,", "row 2: the standard"),
        ("Fe,1,200,x", "row 2: the error"),
        ("Fe,1,255,", "clipped"),
        ("Fe,1,0,", "clipped"),
        ("Fe,1,200,-1", "more than 0"),
    ):
        file.write_text(f"standard,session,grey,error\n{row}\n")
        with pytest.raises(InputError, match=words):
            read_standards(section, LevelSettings())


def test_the_error_of_a_standard_goes_with_the_range_of_the_image(tmp_path: Path):
    """Half a level of an 8-bit image is a hundred of a 16-bit one."""
    said = []
    for factor, dtype in ((1.0, "uint8"), (200.0, "uint16")):
        planted = Planted(maps=False, dtype=dtype, factor=factor, grid=(2, 4))
        section, _ = plant(tmp_path / dtype, planted)
        greys = {"a": {"s1": 20.0, "s2": 12.2}, "b": {"s1": 220.0, "s2": 224.2}}
        standards = {k: {s: g * factor for s, g in v.items()} for k, v in greys.items()}
        level(section, LevelSettings(standards=standards))
        said.append(report(section)["sessions"]["s2"]["sources"]["standards"]["gain_error"])
    assert said[1] == pytest.approx(said[0], rel=0.3)


def test_sources_that_disagree_are_told(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted())
    wrong = {"carbon": {"s1": 20.0, "s2": 40.0}, "Fe metal": {"s1": 220.0, "s2": 250.0}}
    said: list[str] = []
    job = Job(listen=lambda e: said.append(e["message"]) if e["event"] == "warning" else None)
    level(section, LevelSettings(standards=wrong), job)
    assert any("disagree" in words and "standards" in words for words in said)


def test_one_session(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted(gains=(1.0,), offsets=(0.0,)))
    level(section)
    values = report(section)["sessions"]["s1"]
    assert (values["gain"], values["offset"]) == (1.0, 0.0)
    assert len(pd.read_csv(section.path / "levelling" / "steps.csv")) == 0


def test_a_session_of_one_tile(tmp_path: Path):
    planted = Planted(gains=(1.0,), offsets=(0.0,))
    section, _ = plant(tmp_path / "s", planted)
    height, width = planted.tile
    image = section.raster("images", "BSE").read(*EVERYWHERE)
    image[:height, :width] = np.clip(image[:height, :width] * 1.05 - 12, 0, 255)
    section.raster("images", "BSE").write(0, 0, image)
    table = section.annotation("sessions")
    corner = {"session": "corner", "row0": 0, "row1": height, "col0": 0, "col1": width}
    section.annotate("sessions", pd.concat([table, pd.DataFrame([corner | {"role": "none"}])]))
    level(section)
    found = report(section)["sessions"]["corner"]
    assert found["tiles"] == 1
    assert found["middle_grey"] == pytest.approx(1.05 * 120 - 12, abs=12)
    at = report(section)["grey_dark_middle_bright"][1]
    assert found["gain"] * at + found["offset"] == pytest.approx(1.05 * at - 12, abs=1.5)


def test_pixels_of_no_session_keep_their_grey(tmp_path: Path):
    planted = Planted()
    section, _ = plant(tmp_path / "s", planted)
    table = session_table(planted)
    table.loc[1, "col1"] = planted.shape[1] - planted.tile[1]
    section.annotate("sessions", table)
    said: list[str] = []
    job = Job(listen=lambda e: said.append(e["message"]) if e["event"] == "warning" else None)
    level(section, LevelSettings(backgrounds=False), job)
    assert any("4 tiles lie in no session" in words for words in said)
    last = slice(planted.shape[1] - planted.tile[1], None)
    raw = section.raster("images", "BSE").read(slice(None), last)
    assert np.array_equal(open_levelled(section).read(slice(None), last), raw)


def test_overlapping_rectangles_the_later_counts(tmp_path: Path):
    planted = Planted()
    section, truth = plant(tmp_path / "s", planted)
    table = session_table(planted)
    table.loc[0, "col1"] = planted.shape[1]
    section.annotate("sessions", table)
    level(section)
    one, other = left_over(section, truth, planted.shape[1] // 2)
    assert abs(one - other) < 0.5


def test_a_session_of_epoxy_alone_cannot_be_tied(tmp_path: Path):
    planted = Planted(gains=(1.0,), offsets=(0.0,))
    section, _ = plant(tmp_path / "s", planted)
    half = planted.shape[1] // 2
    random = np.random.default_rng(0)
    blank = random.normal(25, 2, (planted.shape[0], half)).astype("u1")
    raster = section.raster("images", "BSE")
    raster.write(0, half, blank)
    for name in ("Mg", "Fe", "Ca"):
        section.raster("images", name).write(0, half, np.zeros_like(blank))
    section.annotate("sessions", session_table(Planted()))
    said: list[str] = []
    job = Job(listen=lambda e: said.append(e["message"]) if e["event"] == "warning" else None)
    level(section, LevelSettings(seams=False), job)
    found = report(section)["sessions"]["s2"]
    assert not found["tied"]
    assert (found["gain"], found["offset"]) == (1.0, 0.0)
    assert any("s2 cannot be tied" in words for words in said)


def test_an_image_without_tiles_is_levelled_by_sessions(tmp_path: Path):
    planted = Planted(slope=0.0)
    whole, truth = plant(tmp_path / "whole", planted)
    images = {n: whole.raster("images", n).read(*EVERYWHERE) for n in whole.record.signals}
    section = store(tmp_path / "s", images, None)
    section.annotate("sessions", session_table(planted))
    level(section)
    assert report(section)["sessions"]["s2"]["gain"] == pytest.approx(1.06, abs=0.006)
    one, other = left_over(section, truth, planted.shape[1] // 2)
    assert abs(one - other) < 0.5


def test_wrong_reference_and_damage(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted(grid=(2, 2)))
    with pytest.raises(InputError, match="no session 'x'"):
        level(section, LevelSettings(reference="x"))
    assert not isinstance(open_levelled(section), LevelledRaster), "raw where there is none"
    level(section)
    (section.path / "levelling" / "levelling.json").write_text("{}")
    with pytest.raises(SectionError, match="damaged"):
        open_levelled(section)


def test_it_stops_when_asked(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted(grid=(2, 4)))
    stop = threading.Event()
    job = Job(cancel=stop, listen=lambda e: stop.set() if "Comparing" in str(e) else None)
    with pytest.raises(Cancelled):
        level(section, None, job)
    assert section.product("levelling") is None


def test_the_same_recipe_gives_the_same_result(tmp_path: Path):
    section, _ = plant(tmp_path / "s", Planted(grid=(2, 4)))
    level(section)
    first = report(section)
    level(section, None, Job(force=True, memory_bytes=1 << 20))
    assert report(section) == first
