"""Areas of a section: by the mask, by the grey, without tiles, never for test."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from napari_olivine.areas import AreasSettings, grid_of, pieces_in, suggest_areas
from napari_olivine.cli import main
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.section import REGIONS, Section
from napari_olivine.training import TrainSettings
from napari_olivine.training.plan import make_plan
from tests.helpers.sections import make_section
from tests.helpers.widget_sections import copy_of, finished_section


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Section:
    """The phantom of 3 x 3 tiles of 338 x 512 px, in the sessions 1 train, 2 val and 3 test."""
    return Section(copy_of(finished_section(), tmp_path_factory.mktemp("areas")))


@pytest.fixture
def section(finished: Section) -> Section:
    whole = [(0, 512, "train"), (512, 1024, "val"), (1024, 1536, "test")]
    finished.annotate("sessions", pd.DataFrame([
        {"session": str(number), "row0": 0, "row1": 1014, "col0": col0, "col1": col1, "role": role}
        for number, (col0, col1, role) in enumerate(whole, 1)
    ]))  # fmt: skip
    return finished


def textured(folder: Path) -> Section:
    """BSE alone, no tiles: smooth to the left, striped in the middle, resin to the right."""
    rng = np.random.default_rng(0)
    grey = rng.normal(120, 4, (1024, 1536))
    grey[:, 512:1024] += 40 * np.sign(np.sin(np.arange(512) / 4))
    grey[:, 1024:] = rng.normal(12, 2, (1024, 512))
    return make_section(folder / "section", {"BSE": np.clip(grey, 1, 254).astype(np.uint8)})


def test_crystals_are_counted_by_size_and_by_their_share_in_a_cell() -> None:
    image = np.zeros((100, 200), np.uint8)
    cv2.circle(image, (100, 50), 10, 1, -1)  # on the border of two cells
    cv2.circle(image, (30, 30), 20, 1, -1)
    image[90:, :40] = 2
    image[:, 180:] = 255
    edges = np.array([0, 100]), np.array([0, 100, 200])
    pieces = pieces_in(image, {1: "olivine", 2: "glass"}, edges, 2.0, Job())
    assert pieces.kinds == ["olivine, 30-100 um", "glass, 30-100 um"]
    assert pieces.counts[:, 0] == pytest.approx([1.5, 0.5], abs=0.05)
    assert pieces.counts[:, 1] == pytest.approx([1, 0])
    assert pieces.measured == pytest.approx([1, 0.8])


class TestByMask:
    def test_every_mineral_and_size_is_shown_and_test_is_left_alone(self, section: Section) -> None:
        events: list[dict[str, object]] = []
        before = section.fingerprint("annotations/sessions")
        found = suggest_areas(section, AreasSettings(pieces=1), Job(listen=events.append))
        assert section.fingerprint("annotations/sessions") == before, "nothing is stored"
        assert {area.role for area in found.areas} == {"train", "val"}
        assert all(area.col1 <= 1024 for area in found.areas)
        assert len({area.bounds for area in found.areas}) == len(found.areas)
        assert list(found.looked_at) == ["1", "2"]
        assert any("olivine" in area.why for area in found.areas)
        assert "train shows" in found.words[1]
        assert len([one for one in events if one["event"] == "area"]) == len(found.areas)

    def test_applied_they_are_what_training_reads(self, section: Section) -> None:
        suggest_areas(section, AreasSettings(tiles=4, validation=25, apply=True))
        sessions = section.sessions()
        roles = {one.session: one.role for one in sessions}
        assert (roles["1"], roles["2"], roles["3"]) == ("none", "none", "test")
        areas = [one for one in sessions if one.within]
        assert sorted(one.role for one in areas) == ["train", "train", "train", "val"]
        plan = make_plan(section, TrainSettings(), Job())
        assert len(plan.train_windows) == 3
        assert [one.session for one in section.measured_sessions()] == ["1", "2", "3"]

    def test_applied_again_they_replace_those_of_before(self, section: Section) -> None:
        suggest_areas(section, AreasSettings(tiles=4, apply=True))
        suggest_areas(section, AreasSettings(tiles=2, apply=True))
        assert len(section.sessions()) == 3 + 2

    def test_an_area_for_test_stays_and_is_not_touched(self, section: Section) -> None:
        suggest_areas(section, AreasSettings(tiles=6, validation=0, apply=True))
        table = section.annotation("sessions")
        table.loc[3, "role"] = "test"
        section.annotate("sessions", table)
        kept = section.sessions()[3]
        found = suggest_areas(section, AreasSettings(share=100, apply=True))
        assert (kept.row0, kept.row1, kept.col0, kept.col1) not in {
            area.bounds for area in found.areas
        }
        assert kept in section.sessions()
        assert len(found.areas) == 5

    def test_only_named_sessions_are_looked_at(self, section: Section) -> None:
        settings = AreasSettings(sessions=["1"], validation=0, share=50, apply=True)
        suggest_areas(section, settings)
        roles = {one.session: one.role for one in section.sessions()}
        assert (roles["1"], roles["2"]) == ("none", "val")

    @pytest.mark.parametrize(
        ("names", "words"), [(["7"], "no session 7"), (["3"], "Session 3 is for test")]
    )
    def test_sessions_that_cannot_be_looked_at(
        self, section: Section, names: list[str], words: str
    ) -> None:
        with pytest.raises(InputError, match=words):
            suggest_areas(section, AreasSettings(sessions=names))

    def test_nothing_to_choose_from(self, section: Section) -> None:
        table = section.annotation("sessions")
        section.annotate("sessions", table.assign(role="test"))
        with pytest.raises(InputError, match="No tile of .* can be chosen: 9 of 9 lie in"):
            suggest_areas(section)

    def test_drift_is_that_of_whole_sessions(self, section: Section) -> None:
        from napari_olivine.levelling.mosaic import Mosaic

        before = Mosaic.of_section(section)
        suggest_areas(section, AreasSettings(tiles=4, apply=True))
        after = Mosaic.of_section(section)
        assert [one.session for one in after.sessions] == ["1", "2", "3"]
        assert np.array_equal(after.session_of_tile, before.session_of_tile)


class TestByGrey:
    def test_without_tiles_squares_stand_for_each_texture(self, tmp_path: Path) -> None:
        section = textured(tmp_path)
        found = suggest_areas(section, AreasSettings(tiles=2, validation=0))
        assert all(area.place.startswith("square") for area in found.areas)
        assert sorted(area.col0 // 512 for area in found.areas) == [0, 1], "resin is no rock"
        grid = grid_of(section)
        assert grid.shape == (4, 6)
        assert grid.edges[0][-1], grid.edges[1][-1] == section.shape

    def test_command_writes_a_table_and_sessions(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        section = textured(tmp_path)
        file = tmp_path / "areas.csv"
        command = ["areas", str(section.path), "--csv", str(file), "--share", "25", "--apply"]
        assert main(command) == 0
        said = capsys.readouterr().out
        assert "area 1 (train), square" in said
        table = pd.read_csv(file)
        assert len(table) == 4
        assert (table["x1_um"] - table["x0_um"]).tolist() == [256 * 1.5] * 4
        assert [one.role for one in section.sessions()].count("train") == 3

    def test_rock_beside_saturated_oxides_is_no_resin(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        grey = rng.normal(115, 5, (600, 800))
        grey[rng.random((600, 800)) < 0.01] = 255
        section = make_section(tmp_path / "bright", {"BSE": grey.clip(1, 255).astype(np.uint8)})
        assert len(suggest_areas(section, AreasSettings(share=100)).areas) == len(grid_of(section))

    def test_outside_the_region_of_study_nothing_is_chosen(self, tmp_path: Path) -> None:
        section = textured(tmp_path)
        corners = np.array([[0, 512], [512, 512], [512, 1024], [0, 1024]]) * 1.5
        table = pd.DataFrame(corners, columns=["x_um", "y_um"])
        section.annotate(REGIONS, table.assign(region="keep 1", use="keep", ring=0))
        found = suggest_areas(section, AreasSettings(share=100))
        assert len(found.areas) == 4
        assert all(area.row0 >= 512 and area.col1 <= 512 for area in found.areas)

    def test_maps_without_bse_or_mask_are_refused(self, tmp_path: Path) -> None:
        section = make_section(tmp_path / "maps", {"Mg": np.ones((300, 300), np.uint8)})
        with pytest.raises(Exception, match="no BSE image"):
            suggest_areas(section)
