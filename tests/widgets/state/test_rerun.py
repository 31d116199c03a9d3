"""What to do next, and what is out of date made anew in order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.section import Section, SectionRecord, input_elsewhere
from napari_olivine.settings import Settings
from napari_olivine.training import TrainSettings
from napari_olivine.widgets.state.product_status import (
    next_step,
    state_of,
    step_to_run_first,
)
from napari_olivine.widgets.state.rerun import next_rerun, stale_steps
from tests.helpers.widget_sections import copy_of, finished_section

LEFT = Qt.MouseButton.LeftButton


class Values(Settings):
    """Settings as a record keeps them."""

    threshold: float | None = None
    models: tuple[str, ...] = ()
    overlap_px: int = 0


def empty_section(folder: Path, *signals: str) -> Section:
    record = SectionRecord(name="T", pixel_size_um=1.0, shape=(8, 8), signals=["BSE", *signals])
    return Section.create(folder / "section", record)


def finish(
    section: Section, product: str, step: str, inputs: tuple[str, ...] = (), **notes: int
) -> None:
    """Make a product of which only the record counts."""
    settings = Values(threshold=0.3, models=("models/light",), overlap_px=64)
    with section.draft(product, section.recipe(step, settings, list(inputs)), Job()) as draft:
        draft.notes |= notes


def imported(folder: Path, *signals: str, analyses: int = 0) -> Section:
    section = empty_section(folder, *signals)
    finish(section, "images", "import")
    finish(section, "epma", "import", analyses=analyses, profiles=1)
    return section


class TestNextStep:
    def test_import_that_was_stopped_is_gone_on_with(self, tmp_path: Path) -> None:
        section = empty_section(tmp_path, "Mg")
        assert next_step(section).step == "import"
        finish(section, "images", "import")
        assert next_step(section).step == "import"  # the tables are still to come
        finish(section, "epma", "import")
        assert next_step(section).step == "mask"

    def test_without_element_maps_nobody_is_sent_to_make_a_mask(self, tmp_path: Path) -> None:
        assert next_step(imported(tmp_path)).step == "segment"

    def test_without_analyses_nobody_is_sent_to_calibrate(self, tmp_path: Path) -> None:
        section = imported(tmp_path, "Mg")
        finish(section, "segmentation", "segment")
        assert next_step(section).step == "crystals"

    def test_road_with_everything(self, tmp_path: Path) -> None:
        section = imported(tmp_path, "Mg", analyses=12)
        for step, product in (
            ("mask", "mask"),
            ("train", "models/light"),
            ("segment", "segmentation"),
            ("calibrate", "mg"),
            ("crystals", "crystals"),
        ):
            assert next_step(section).step == step
            finish(section, product, step)
        assert next_step(section).step == "export"
        assert next_step(section).dock == "Crystals"


class TestRerun:
    def test_what_is_fresh_is_left_alone(self) -> None:
        section = Section(finished_section())
        assert stale_steps(section) == []
        assert next_rerun(section) is None

    def test_steps_come_in_order_with_the_settings_of_last_time(self, tmp_path: Path) -> None:
        section = Section(copy_of(finished_section(), tmp_path))
        made_with = section.require("calibration").recipe.settings
        make_mask(section, MaskSettings(edge_ignore_px=2), Job())
        assert stale_steps(section) == ["calibrate", "crystals"]
        rerun = next_rerun(section)
        assert rerun is not None
        assert (rerun.product, rerun.step) == ("calibration", "calibrate")
        assert rerun.settings.model_dump(mode="json") == made_with

    def test_segmentation_is_put_together_from_its_two_records(self, tmp_path: Path) -> None:
        section = imported(tmp_path, "Mg")
        finish(section, "models/light", "train")
        finish(section, "probability", "segment", ("models/light",))
        finish(section, "segmentation", "segment", ("probability",))
        other = section.recipe("train", Values(threshold=0.5), [])
        with section.draft("models/light", other, Job()):
            pass
        rerun = next_rerun(section)
        assert rerun is not None
        assert rerun.step == "segment"
        values = rerun.settings.model_dump()
        assert (values["model"], values["threshold"], values["overlap_px"]) == ("light", 0.3, 64)

    def test_what_was_made_from_something_gone_is_no_rerun(self, tmp_path: Path) -> None:
        path = copy_of(finished_section(), tmp_path)
        (path / "mask").rename(tmp_path / "mask")
        assert next_rerun(Section(path)) is None


class TestOtherSections:
    @pytest.fixture
    def other(self, tmp_path: Path) -> Section:
        section = imported(tmp_path / "other", "Mg")
        finish(section, "mask", "mask", ("images",))
        return section

    @pytest.fixture
    def home(self, tmp_path: Path, other: Section) -> Section:
        section = imported(tmp_path / "home", "Mg")
        inputs = {
            input_elsewhere(other.path, name): other.fingerprint(name)
            for name in ("images", "mask", "annotations/sessions")
        }
        recipe = section.recipe("train", TrainSettings(others=(other.path,)), [], extra=inputs)
        with section.draft("models/light", recipe, Job()):
            pass
        return section

    def test_a_model_is_trained_anew_with_the_same_sections(
        self, home: Section, other: Section
    ) -> None:
        assert state_of(home, "models/light").state == "fresh"
        finish(other, "mask", "mask", (), again=1)
        assert home.state("models/light") == "stale"
        assert f"phase mask of {other.path} changed since" in state_of(home, "models/light").text
        rerun = next_rerun(home)
        assert rerun is not None
        assert rerun.settings == TrainSettings(others=(other.path,))
        assert step_to_run_first(home, "models/light") == "train"

    def test_a_mask_that_is_out_of_date_there_is_made_there(
        self, home: Section, other: Section
    ) -> None:
        finish(other, "images", "import", (), again=1)
        finish(other, "images", "import", ("mask",))
        assert not home.serves(input_elsewhere(other.path, "mask"))
        assert next_rerun(home) is None
        assert step_to_run_first(home, "models/light") == "train"

    def test_a_section_that_was_moved_is_named_once(self, home: Section, other: Section) -> None:
        other.path.rename(other.path.with_name("moved"))
        told = state_of(home, "models/light").text
        assert told == f"out of date: section {other.path} no longer there"
        assert home.serves("models/light")  # it is a network all the same
        assert next_rerun(home) is None


@pytest.mark.gui
class TestButton:
    @pytest.fixture
    def widget(self, make_napari_viewer: Any, tmp_path: Path) -> Any:
        viewer = make_napari_viewer(show=True)
        widget = viewer.window.add_plugin_dock_widget("napari-olivine", "Section")[1]
        widget.session.open(copy_of(finished_section(), tmp_path))
        yield widget
        widget.session.jobs.stop_now()

    def spoil(self, widget: Any) -> Section:
        """A traverse is not used any more: calibration, mg# and crystals are out of date."""
        section: Section = widget.session.require()
        table = section.annotation("placements")
        table.loc[0, "use"] = "ignore"
        widget.session.annotate("placements", table)
        return section

    def test_one_click_makes_everything_fresh(self, qtbot: Any, widget: Any) -> None:
        assert not widget.update_button.isVisible()
        section = self.spoil(widget)
        assert widget.update_button.isVisible()
        assert "Calibrate, Find crystals" in widget.update_button.toolTip()
        mask = section.require("mask").created
        qtbot.mouseClick(widget.update_button, LEFT)
        assert not widget.update_button.isEnabled()
        assert widget.cancel_button.isVisible()
        qtbot.waitUntil(lambda: not widget.update_button.isVisible(), timeout=120_000)
        assert {section.state(product.name) for product in section.products()} == {"fresh"}
        assert section.require("mask").created == mask
        assert widget.run_bar.log.text() == "Everything is up to date."

    def test_cancel_ends_it_and_a_product_that_stays_stale_is_not_made_for_ever(
        self, qtbot: Any, widget: Any
    ) -> None:
        self.spoil(widget)
        started: list[str] = []
        widget.session.jobs.started.connect(started.append)
        widget.session.jobs.command = (
            sys.executable, "-c", "import sys; sys.stdin.readline(); sys.stdin.readline()"
        )  # fmt: skip
        qtbot.mouseClick(widget.update_button, LEFT)
        qtbot.wait(300)
        qtbot.mouseClick(widget.cancel_button, LEFT)
        qtbot.waitUntil(lambda: not widget.session.jobs.running, timeout=10_000)
        qtbot.wait(200)
        assert started == ["calibrate"]
        assert widget.update_button.isEnabled()
        assert widget.update_button.text() == "Bring up to date"
        done = "import json; print(json.dumps({'event': 'finished'}))"
        widget.session.jobs.command = (sys.executable, "-c", done)
        qtbot.mouseClick(widget.update_button, LEFT)
        qtbot.waitUntil(widget.run_bar.error_box.isVisible, timeout=20_000)
        assert "Calibration" in widget.run_bar.error_text.text()
        assert not widget.session.jobs.running
