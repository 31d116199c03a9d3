"""The Segment dock in a real window: a model over the section, where one looks."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_olivine.inference.encoding import stored_threshold
from napari_olivine.inference.windows import CELL
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.section import Section
from napari_olivine.widgets.dock_base.run_bar import RemainingTime
from napari_olivine.widgets.layers.error_raster import BOTH, EXTRA, MISSED, error_levels
from napari_olivine.widgets.segmentation.threshold_numbers import crystals_in, share_of
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.sections import make_section
from tests.helpers.shared_window import close_docks
from tests.helpers.widget_sections import copy_of, finished_section

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


# ---------------------------------------------------------------- numbers of a threshold


def test_a_pixel_belongs_from_the_stored_value_on_that_reaches_the_threshold() -> None:
    assert stored_threshold(0.1) == 26  # 25 is 0.098
    assert stored_threshold(51 / 255) == 51
    histogram = np.zeros(256, int)
    histogram[[0, 25, 26, 255]] = 70, 10, 15, 5
    assert share_of(histogram, 0.1) == pytest.approx(0.20)
    assert np.isnan(share_of(np.zeros(256), 0.1))


def test_connected_areas_are_counted_across_corners_and_specks_left_out() -> None:
    probability = np.zeros((20, 20), np.uint8)
    probability[1:4, 1:4] = probability[4:8, 4:8] = 200  # touch by a corner
    probability[12:16, 2:6] = 90
    probability[10, 10] = 255
    assert crystals_in(probability, 0.5, 4) == 1
    assert crystals_in(probability, 0.3, 4) == 2
    assert crystals_in(probability, 0.3, 1) == 3
    assert crystals_in(np.zeros((5, 5), np.uint8), 0.1, 1) == 0


def test_errors_against_the_mask() -> None:
    probability = np.array([[200, 200, 200], [10, 10, 10]], np.uint8)
    mask = np.array([[1, 0, 255], [1, 0, 255]], np.uint8)
    (level,) = error_levels([probability], [mask], 0.5)
    assert level.shape == (2, 3)
    assert level[0:2, 0:3].tolist() == [[BOTH, EXTRA, 0], [MISSED, 0, 0]]
    level.least = stored_threshold(0.01)
    assert level[1:2, 0:1].tolist() == [[BOTH]]


def test_pace_knows_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("napari_olivine.widgets.dock_base.run_bar.time.monotonic", lambda: now[0])
    pace = RemainingTime()
    assert pace.left(40, 100) is None  # begins with what an earlier run left
    now[0] += 2
    assert pace.left(41, 100) is None
    now[0] += 8
    assert pace.left(60, 100) == pytest.approx(20)
    assert pace.left(0, 7) is None  # the next part of the work


# ---------------------------------------------------------------- the dock


MODEL = """
import sys
from pathlib import Path
from napari_olivine.job import Job
from napari_olivine.networks import Normalisation
from napari_olivine.networks.build import build_network
from napari_olivine.networks.files import save_model
from napari_olivine.section import Section
from napari_olivine.settings import Settings
from tests.networks.test_networks import a_card

section = Section(sys.argv[1])
plain = Normalisation(align="none", median=70, spread=30, mean=(70.0,), std=(30.0,))
recipe = section.recipe("train", Settings(), ["images"])
with section.draft("models/light", recipe, Job()) as draft:
    save_model(draft.path, build_network("light"), a_card(normalisation=plain))
"""
"""Makes a model with random weights, in a process of its own: this one has a window."""


@cache
def section_with_model() -> Path:
    """A whole cell of crystals and three narrow ones, a mask, a network that knows nothing."""
    folder = Path(tempfile.mkdtemp(prefix="olivine-segment-"))
    random = np.random.default_rng(0)
    image = random.normal(70, 4, (1300, 1300))
    rows, columns = np.indices(image.shape)
    for row in range(120, 1300, 400):
        for column in range(150, 1300, 400):
            image[(rows - row) ** 2 + (columns - column) ** 2 < 60**2] += 90
    image = image.clip(1, 254).astype(np.uint8)
    maps = {name: np.where(image > 120, high, 5).astype(np.uint8) for name, high in MAPS.items()}
    section = make_section(folder / "section", {"BSE": image} | maps)
    make_mask(section, MaskSettings(rule="Mg > 30"))
    subprocess.run([sys.executable, "-c", MODEL, str(section.path)], check=True)
    return section.path


MAPS = {"Mg": 90, "Al": 1, "Ca": 1}


@pytest.fixture
def viewer(module_viewer: Any) -> Any:
    yield module_viewer
    OpenSection.of(module_viewer).jobs.stop_now()
    close_docks(module_viewer)
    module_viewer.layers.clear()


@pytest.fixture
def widget(viewer: Any, tmp_path: Path) -> Any:
    widget = viewer.window.add_plugin_dock_widget("napari-olivine", "Segment")[1]
    widget.session.open(copy_of(section_with_model(), tmp_path))
    widget.form.editors["engine"].value = "float32"
    widget.form.editors["overlap_px"].value = 64  # half of the work
    yield widget
    widget.live.leave(None)


def look_at(viewer: Any, row: float, column: float, side: float) -> None:
    """Show a square of the section, px, in the middle of the canvas."""
    camera = viewer.scene.camera
    camera.center = (0, row * 1.5, column * 1.5)
    camera.zoom = min(viewer.canvas.size) / (side * 1.5)


def test_viewport_is_what_the_canvas_shows(qtbot: Any, viewer: Any, widget: Any) -> None:
    viewport, section = widget.viewport, widget.session.section
    with qtbot.waitSignal(viewport.moved, timeout=3000):
        look_at(viewer, 700, 600, 400)
    rows, columns = viewport.window(section)
    high, wide = viewer.canvas.size
    assert (rows.start + rows.stop) / 2 == pytest.approx(700, abs=1)
    assert (columns.start + columns.stop) / 2 == pytest.approx(600, abs=1)
    assert (columns.stop - columns.start) / (rows.stop - rows.start) == pytest.approx(
        wide / high, rel=0.01
    )
    assert viewport.pixels(section) == pytest.approx(400 / min(high, wide), rel=0.01)
    look_at(viewer, -5000, 0, 100)
    assert viewport.window(section) is None


class TestLooking:
    def test_what_is_in_view_comes_first_and_the_rest_when_asked(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        look_at(viewer, 1160, 500, 200)
        qtbot.mouseClick(widget.look, LEFT)
        live = widget.live
        qtbot.waitUntil(lambda: live.done == 1, timeout=60_000)
        partial = live.partial_layers["probability"]
        assert partial.cells.done == set() or partial.has((1, 0))
        assert partial.has((1, 0))
        assert not partial.has((0, 0))
        assert live.in_view() == (1, 1)
        assert {"Segmenting", "Segmenting: to come"} <= {layer.name for layer in viewer.layers}
        assert "1 of 4 tiles; in view 1 of 1" in widget.progress_text.text()
        assert "% of what is finished" in widget.numbers.text()
        qtbot.wait(1500)
        assert live.done == 1, "nothing outside the view"
        # The pixels on the screen are those of the file, not of a cache.
        level = np.asarray(partial.layer.data[0][CELL : CELL + 50, :50])
        assert level.any()
        look_at(viewer, 300, 1160, 120)
        qtbot.waitUntil(lambda: partial.has((0, 1)), timeout=30_000)
        assert live.done == 2
        qtbot.mouseClick(widget.run_button, LEFT)
        assert not widget.run_button.isEnabled()
        qtbot.waitUntil(lambda: not live.running, timeout=60_000)
        section = widget.session.section
        assert section.state("segmentation") == "fresh"
        names = {layer.name for layer in viewer.layers}
        assert {"Probability: olivine", "Segmentation", "Segmentation by BSE alone"} <= names
        assert "Segmenting" not in names
        assert not widget.run_bar.error_box.isVisible(), widget.run_bar.error_text.text()
        share = section.product("segmentation").notes["olivine_percent"]
        assert f"Olivine: {share:.1f} % of the section" in widget.numbers.text()

    def test_a_stop_keeps_what_is_there_and_another_section_stops_it(
        self, qtbot: Any, viewer: Any, widget: Any, tmp_path: Path
    ) -> None:
        look_at(viewer, 1160, 500, 200)
        qtbot.mouseClick(widget.look, LEFT)
        live = widget.live
        qtbot.waitUntil(lambda: live.done == 1, timeout=60_000)
        qtbot.mouseClick(widget.cancel_button, LEFT)
        qtbot.waitUntil(lambda: not live.running, timeout=2000)
        assert not widget.look.isChecked()
        assert live.partial_layers["probability"].has((1, 0)), "still shown"
        path = widget.session.section.path
        before = {p: p.stat().st_mtime_ns for p in (path / "work").rglob("c/1/0")}
        assert before
        look_at(viewer, 1160, 1160, 120)
        qtbot.mouseClick(widget.look, LEFT)
        qtbot.waitUntil(lambda: live.done == 2, timeout=60_000)
        assert {p: p.stat().st_mtime_ns for p in before} == before, "made once"
        assert live.running
        other = make_section(tmp_path / "other", {"BSE": np.full((300, 300), 9, np.uint8)})
        widget.session.open(other.path)
        assert not widget.live.running
        assert not widget.live.partial_layers
        assert "Segmenting" not in {layer.name for layer in viewer.layers}


def shown(viewer: Any) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible}


class TestOneResultAtATime:
    def test_what_is_made_next_is_seen_without_the_preview(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        masks = viewer.window.add_plugin_dock_widget("napari-olivine", "Phase masks")[1]
        viewer.layers["Mask: olivine"].visible = viewer.layers["Mg"].visible = True
        qtbot.mouseClick(widget.look, LEFT)
        qtbot.waitUntil(lambda: bool(widget.live.partial_layers), timeout=60_000)
        assert shown(viewer) == {"BSE", "Segmenting", "Segmenting: to come"}
        qtbot.mouseClick(widget.look, LEFT)
        qtbot.waitUntil(lambda: not widget.live.running, timeout=5000)
        assert widget.colours.words() == ["0", "0.5", "1"]
        widget.preview.click()
        assert widget.colours.isHidden()  # these are other colours
        masks.rule.setCurrentText("own conditions")
        masks.own.setText("Mg > 20")
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
            qtbot.mouseClick(masks.run_button, LEFT)
        assert shown(viewer) == {"BSE", "Mask: olivine"}
        assert not widget.preview.isChecked()
        widget.preview.click()
        assert shown(viewer) == {"BSE", "Segmenting"}, "when asked for"

    def test_a_stale_result_is_not_shown_unasked(self, tmp_path: Path) -> None:
        section = Section(copy_of(finished_section(), tmp_path / "finished"))
        make_mask(section, MaskSettings(rule="Mg > 30"))
        assert section.state("crystals") == "stale"
        for path, names in ((finished_section(), {"BSE", "Crystals"}), (section.path, {"BSE"})):
            session = OpenSection.of(viewer := ViewerModel())
            session.open(path)
            assert shown(viewer) == names


class TestComparing:
    def see_side_by_side(self, qtbot: Any, viewer: Any, widget: Any, second: Any) -> None:
        """Left is what was there, right are the second result and the image under it."""
        part, before = widget.compare, list(viewer.layers)
        whole = widget.viewport.window(widget.session.section)
        qtbot.mouseClick(part.beside, LEFT)
        grid = viewer.canvas.grid
        copy = viewer.layers["BSE beside"]

        def boxes() -> list[set[Any]]:
            found = grid.iter_viewboxes(viewer.layers)
            return [{viewer.layers[i] for i in inside} for _, inside in found]

        shown = {layer for layer in before if layer.visible and layer is not second}
        assert boxes() == [shown, {copy, second}]
        half = widget.viewport.window(widget.session.section)
        assert half[1].stop - half[1].start < whole[1].stop - whole[1].start
        viewer.layers["BSE"].contrast_limits = (10, 90)
        assert list(copy.contrast_limits) == [10, 90]
        more = viewer.add_image(np.zeros((4, 4)))
        assert boxes() == [shown | {more}, {copy, second}], "what is added stays on the left"
        viewer.layers.remove(more)
        part.flicker.setChecked(True)
        assert not part.beside.isChecked()
        assert not grid.enabled
        part.flicker.setChecked(False)
        assert set(viewer.layers) == set(before)
        part.beside.setChecked(True)

    def test_thresholds_and_errors_over_the_finished_probability(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        path = widget.session.section.path
        command = [sys.executable, "-m", "napari_olivine", "segment", str(path)]
        quick = ["--engine", "float32", "--overlap-px", "64"]
        subprocess.run([*command, *quick], check=True, capture_output=True)
        widget.session.refresh()
        first = viewer.layers["Probability: olivine"]
        widget.preview.setChecked(True)
        widget.threshold.setValue(0.4)
        assert first.contrast_limits == pytest.approx([0.4 * 255 - 1, 0.4 * 255])
        part = widget.compare
        part.what.setCurrentText("another threshold")
        second = viewer.layers["Second: another threshold"]
        part.second.setValue(0.6)
        assert second.contrast_limits == pytest.approx([0.6 * 255 - 1, 0.6 * 255])
        part.flicker.setChecked(True)
        shown = []
        for _ in range(3):
            part.alternate()
            shown.append((first.opacity > 0, second.opacity > 0))
        assert shown == [(True, False), (False, True), (True, False)]
        part.flicker.setChecked(False)
        assert first.opacity > 0
        assert second.opacity > 0
        part.what.setCurrentText("the mask: errors")
        assert "Second: another threshold" not in {layer.name for layer in viewer.layers}
        errors = viewer.layers["Errors"]
        self.see_side_by_side(qtbot, viewer, widget, errors)
        section = Section(path)
        probability = section.raster("probability", "olivine").levels[0][:300, :300]
        mask = section.raster("mask", "olivine").levels[0][:300, :300]
        found = probability >= stored_threshold(0.4)
        expected = np.where(mask == 1, np.where(found, BOTH, MISSED), np.where(found, EXTRA, 0))
        assert np.array_equal(errors.data[0][:300, :300], np.where(mask == 255, 0, expected))
        assert "only by the network" in part.words.text()
        assert viewer.canvas.grid.enabled
        part.what.setCurrentText("nothing")
        assert not viewer.canvas.grid.enabled
        assert "BSE beside" not in {layer.name for layer in viewer.layers}
        assert "Errors" not in {layer.name for layer in viewer.layers}
