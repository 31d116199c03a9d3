"""The docks in a real window: Run is clicked, the step runs in a child, its layer appears."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_olivine.registry import DOCKS
from napari_olivine.section import Section
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.grains import make_grains
from tests.helpers.processor_time import ends_within, worked_s
from tests.helpers.shared_window import close_docks, open_once
from tests.helpers.widget_sections import (
    FAKE_CHILD,
    copy_of,
    crystals_of,
    finished_section,
    imported_section,
    instrument_folder,
)

pytestmark = [pytest.mark.gui, pytest.mark.slow]

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    viewer = make_napari_viewer(show=True)
    yield viewer
    OpenSection.of(viewer).jobs.stop_now()


@pytest.fixture(scope="class")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(imported_section(), tmp_path_factory.mktemp("docks"))


@pytest.fixture(scope="class")
def finished_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(finished_section(), tmp_path_factory.mktemp("finished"))


class InOneWindow:
    """Tests that share a window; each leaves it without docks and without work."""

    @pytest.fixture
    def viewer(self, class_viewer: Any) -> Any:
        yield class_viewer
        OpenSection.of(class_viewer).jobs.stop_now()
        close_docks(class_viewer)


def dock(viewer: Any, name: str) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-olivine", name)[1]


def run(qtbot: Any, widget: Any, seconds: int = 60) -> None:
    """Click Run and wait for the step to end, however it does."""
    qtbot.waitUntil(widget.run_button.isEnabled)
    with qtbot.waitSignal(widget.session.jobs.ended, timeout=1000 * seconds):
        qtbot.mouseClick(widget.run_button, LEFT)
    qtbot.wait(50)


def use_fake_child(widget: Any, folder: Path, mood: str) -> None:
    script = folder / "child.py"
    script.write_text(FAKE_CHILD)
    widget.session.jobs.command = (sys.executable, str(script))
    widget.options = lambda: [mood]


class TestOpening:
    def test_traverses_stay_above_a_section_that_is_dropped_and_crystals_are_told(
        self, qtbot: Any, viewer: Any
    ) -> None:
        dock(viewer, "EPMA profiles")
        viewer.open(str(finished_section()), plugin="napari-olivine")
        names = [layer.name for layer in viewer.layers]
        assert names[4:8] == ["Mg", "BSE", "BSE levelled", "mg#"]
        assert names[-2:] == ["Crystals", "EPMA traverses"]
        row = crystals_of(finished_section()).nlargest(1, "area_um2").iloc[0]
        layer = viewer.layers["Crystals"]
        labels = np.asarray(layer.data[0])
        place = np.argwhere(labels == row["id"])[500].astype(float)

        def told() -> str:  # as soon as its pixels are loaded
            return str(layer.get_status(tuple(place), world=True)["value"])

        qtbot.waitUntil(lambda: f"size: {row['size_class']}" in told())
        assert "mg# core: 0." in told()

    def test_phantom_is_an_open_sample(
        self, viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr("napari_olivine.widgets.sample._cache", lambda: tmp_path / "cache")
        layers = viewer.open_sample("napari-olivine", "phantom")
        assert [layer.name for layer in layers][-2:] == ["Mg", "BSE"]
        section = Section(tmp_path / "cache" / "phantom")
        made = section.require("images").created
        viewer.layers.clear()
        viewer.open_sample("napari-olivine", "phantom")
        assert section.require("images").created == made  # not made twice


class TestRoom:
    def test_docks_share_one_place_and_the_window_keeps_its_size(
        self, qtbot: Any, viewer: Any
    ) -> None:
        window = viewer.window._qt_window
        window.resize(1400, 900)
        docks = [dock(viewer, name) for name in DOCKS]
        qtbot.wait(300)
        assert window.height() == 900
        fronts = [not widget.visibleRegion().isEmpty() for widget in docks]
        assert fronts == [False] * (len(DOCKS) - 1) + [True]


class TestClosing:
    def test_closed_dock_stops_listening_and_can_be_opened_again(
        self, qtbot: Any, viewer: Any, tmp_path: Path
    ) -> None:
        session = OpenSection.of(viewer)
        session.open(copy_of(finished_section(), tmp_path))
        names = ("Section", "EPMA profiles", "Crystals")
        closed = [dock(viewer, name) for name in names]
        session.select(5)
        assert {"EPMA traverses", "Selected crystal"} <= {layer.name for layer in viewer.layers}
        for widget in closed:
            viewer.window.remove_dock_widget(widget)
        assert not {"EPMA traverses", "Selected crystal"} & {layer.name for layer in viewer.layers}
        rows = closed[2].model.rowCount()
        before = len(viewer.mouse_drag_callbacks)
        opened = [dock(viewer, name) for name in names]
        assert len(viewer.mouse_drag_callbacks) == before + 1
        assert len([layer for layer in viewer.layers if layer.name == "EPMA traverses"]) == 1
        session.open(imported_section())
        assert opened[2].model.rowCount() == 0
        assert closed[2].model.rowCount() == rows


class TestSource(InOneWindow):
    def test_problem_is_told_in_the_dock(self, qtbot: Any, viewer: Any, tmp_path: Path) -> None:
        widget = dock(viewer, "Section")
        widget.open(tmp_path)
        qtbot.waitUntil(widget.run_bar.error_box.isVisible, timeout=2000)
        assert "is not a section" in widget.run_bar.error_text.text()

    def test_folder_that_is_nothing_is_told(self, qtbot: Any, viewer: Any, tmp_path: Path) -> None:
        widget = dock(viewer, "Section")
        (tmp_path / "empty").mkdir()
        widget.source.edit.setText(str(tmp_path / "empty"))
        widget.source.edit.editingFinished.emit()
        qtbot.waitUntil(widget.run_bar.error_box.isVisible, timeout=10_000)
        assert str(tmp_path / "empty") in widget.run_bar.error_text.text()
        assert "cannot be imported" in widget.recognised.text()

    def test_folder_chosen_last_is_the_one_described(
        self, qtbot: Any, viewer: Any, tmp_path: Path
    ) -> None:
        widget = dock(viewer, "Section")
        (tmp_path / "empty").mkdir()
        for folder in (tmp_path / "empty", instrument_folder()):
            widget.source.edit.setText(str(folder))
            widget.source.edit.editingFinished.emit()
        qtbot.waitUntil(lambda: "Signals" in widget.recognised.text(), timeout=10_000)
        qtbot.wait(200)
        assert "6 profiles" in widget.recognised.text()
        assert not widget.run_bar.error_box.isVisible()


class TestSectionDock(InOneWindow):
    def test_napari_opens_a_section_by_its_folder(self, viewer: Any, path: Path) -> None:
        viewer.open(str(path), plugin="napari-olivine")
        assert [layer.name for layer in viewer.layers] == ["Si", "Al", "Ca", "Fe", "Mg", "BSE"]
        widget = dock(viewer, "Section")
        assert widget.session.require().path == path
        assert "1.54 x 1.01 mm" in widget.title.text()

    def test_folders_are_dropped_on_the_dock(self, qtbot: Any, viewer: Any, path: Path) -> None:
        from qtpy.QtCore import QMimeData, QPointF, QUrl
        from qtpy.QtGui import QDropEvent

        def drop(folder: Path) -> None:
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(folder))])
            nothing = Qt.KeyboardModifier.NoModifier
            widget.dropEvent(
                QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, LEFT, nothing)
            )

        widget = dock(viewer, "Section")
        drop(path)
        assert widget.session.require().path == path
        drop(instrument_folder())
        assert widget.source.path() == instrument_folder()
        qtbot.waitUntil(lambda: "6 profiles" in widget.recognised.text(), timeout=10_000)
        assert widget.session.require().path == path

    def test_role_is_stored_at_once(self, qtbot: Any, viewer: Any, path: Path) -> None:
        widget = dock(viewer, "Section")
        widget.open(path)
        roles = widget.sessions.table.cellWidget(0, 3)
        assert roles.currentText() == "train"
        roles.setFocus()
        qtbot.keyClick(roles, Qt.Key.Key_Down)
        qtbot.waitUntil(lambda: Section(path).sessions()[0].role == "val", timeout=2000)

    def test_tick_shows_a_layer_and_a_hidden_layer_unticks(self, viewer: Any, path: Path) -> None:
        widget = dock(viewer, "Section")
        widget.open(path)
        (item,) = (i for i in widget.tree._items() if i.text(0) == "Mg")
        item.setCheckState(0, Qt.CheckState.Checked)
        assert viewer.layers["Mg"].visible
        viewer.layers["Mg"].visible = False
        assert item.checkState(0) == Qt.CheckState.Unchecked

    def test_elements_together(self, qtbot: Any, viewer: Any, path: Path) -> None:
        widget = dock(viewer, "Phase masks")
        widget.session.open(path)
        qtbot.mouseClick(widget.composite.button, LEFT)
        shown = {layer.name for layer in viewer.layers if layer.visible}
        assert shown == {"Fe", "Mg", "Ca"}
        assert "Fe red, Mg green, Ca blue: olivine is green" in widget.legend.text()
        qtbot.mouseClick(widget.composite.button, LEFT)
        assert {layer.name for layer in viewer.layers if layer.visible} == {"BSE"}


class TestImport:
    def test_import_shows_what_was_recognised_and_opens_the_section(
        self, qtbot: Any, viewer: Any, tmp_path: Path
    ) -> None:
        widget = dock(viewer, "Section")
        widget.source.edit.setText(str(instrument_folder()))
        widget.source.edit.editingFinished.emit()
        assert widget.recognised.text().startswith("Looking into")  # the window does not wait
        qtbot.waitUntil(lambda: "Signals" in widget.recognised.text(), timeout=10_000)
        words = widget.recognised.text()
        assert "tiles, 1536 x 1014 px of 1 µm" in words
        assert "BSE, Mg, Fe, Ca, Al, Si" in words
        assert "6 profiles" in words
        widget.destination.edit.setText(str(tmp_path / "new"))
        run(qtbot, widget)
        qtbot.waitUntil(lambda: widget.session.section is not None, timeout=5000)
        assert widget.session.require().path == tmp_path / "new"
        qtbot.waitUntil(lambda: "Sessions" in viewer.layers, timeout=5000)
        six_signals_and_sessions = 7
        qtbot.waitUntil(lambda: len(viewer.layers) == six_signals_and_sessions, timeout=5000)
        assert "make a reference mask" in widget.next.text()
        assert not widget.run_button.isVisible()


class TestRunning(InOneWindow):
    def test_mask_is_made_by_an_own_rule_and_its_error_is_in_the_user_s_words(
        self, qtbot: Any, viewer: Any, path: Path
    ) -> None:
        widget = dock(viewer, "Phase masks")
        open_once(viewer, path)
        assert "not made yet" in widget.state.text()
        widget.rule.setCurrentText("own conditions")
        assert "Ca/Mg < 0.1" in widget.own.text()  # it begins with the rule that was shown
        widget.own.clear()
        qtbot.mouseClick(widget.run_button, LEFT)
        assert "Write the conditions" in widget.run_bar.error_text.text()
        widget.own.setText("Ni > 30")
        run(qtbot, widget)
        assert widget.run_bar.error_box.isVisible()
        assert "Ni" in widget.run_bar.error_text.text()
        assert Section(path).product("mask") is None
        widget.own.setText("Mg > 30 and Ca/Mg < 0.2")
        widget.form.editors["edge_ignore_px"].value = 2
        viewer.layers["Mg"].visible = True
        run(qtbot, widget)
        assert not widget.run_bar.error_box.isVisible()
        assert viewer.layers[-1].name == "Mask: olivine"
        assert {layer.name for layer in viewer.layers if layer.visible} == {"BSE", "Mask: olivine"}
        made_with = Section(path).require("mask").recipe.settings
        assert made_with["rule"] == "Mg > 30 and Ca/Mg < 0.2"
        assert made_with["edge_ignore_px"] == 2
        assert "up to date" in widget.state.text()
        assert widget.modes.isVisible() and "glass" in widget.modes.text()
        widget.rule.setCurrentText("olivine")
        run(qtbot, widget)
        assert Section(path).require("mask").recipe.settings["rule"] == "olivine"
        assert "clinopyroxene" in widget.modes.text()


class TestNetwork:
    def test_without_a_section(self, qtbot: Any, viewer: Any) -> None:
        widget = dock(viewer, "Crystals")
        qtbot.mouseClick(widget.run_button, LEFT)
        assert "No section is open" in widget.run_bar.error_text.text()

    def test_network_learns_then_segments(self, qtbot: Any, viewer: Any, tmp_path: Path) -> None:
        path = make_grains(tmp_path / "section")[0].path
        train, segment = dock(viewer, "Train"), dock(viewer, "Segment")
        train.session.open(path)
        for name, value in {"epochs": 2, "steps": 2, "batch": 2, "crop_px": 64}.items():
            train.form.editors[name].value = value
        train.form.editors["name"].value = "quick"
        train.device.setCurrentText("cpu")
        run(qtbot, train, seconds=120)
        assert not train.run_bar.error_box.isVisible(), train.run_bar.error_text.text()
        assert train.models.current == "quick"
        assert "U-Net" in train.card.text()
        assert "at 0.5" in train.card.text()
        assert "Olivine or not" in train.card.text()  # the mask has no other phases
        assert not train.shown.isVisible()
        row = {"name": "glass", "colour": "#f28e2b", "pieces": [1200, 1], "mm2": [1.0, 0.1234]}
        train.on_event({"event": "shown", "rows": [row]})
        train.shown_part.set_expanded(True)
        assert train.shown.isVisible() and "1,200, 1</td><td>1, 0.12" in train.shown.text()
        assert [list(curve.x) for curve in train.losses.curves] == [[2, 4], [0, 2, 4], [0, 2, 4]]
        self.train_on(qtbot, train, path)
        segment.form.editors["model"].value = "quick"
        segment.threshold.setValue(0.3)
        segment.device.setCurrentText("cpu")
        run(qtbot, segment, seconds=120)
        assert not segment.run_bar.error_box.isVisible(), segment.run_bar.error_text.text()
        assert {"Probability: olivine", "Segmentation"} <= {x.name for x in viewer.layers}
        assert not viewer.layers["Segmentation by BSE alone"].visible
        assert Section(path).require("segmentation").recipe.settings["threshold"] == 0.3
        assert "quick" in segment.about.text()
        assert "train longer" in segment.about.text()  # two epochs teach little
        segment.preview.setChecked(True)
        low, high = viewer.layers["Probability: olivine"].contrast_limits
        assert (low, high) == pytest.approx((0.3 * 255 - 1, 0.3 * 255))

    def train_on(self, qtbot: Any, widget: Any, path: Path) -> None:
        """A model is replaced only where that is chosen; it learns on under a name of its own."""
        qtbot.mouseClick(widget.run_button, LEFT)
        assert not widget.session.jobs.running
        question = widget.question
        assert question.isVisible() and "There is a model quick already" in question.text.text()
        assert list(question.buttons) == ["Train on", "New quick-2", "Replace", "Cancel"]
        started: list[Any] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(widget.session.jobs, "start", lambda *words: started.append(words))
            qtbot.mouseClick(question.buttons["Train on"], LEFT)
        ((step, arguments, settings, _),) = started
        assert (step, arguments) == ("train", [str(path)])
        assert (settings["name"], settings["epochs"]) == ("quick-2", 2)
        assert settings["target"] == "olivine"  # as of the model that learns on
        assert settings["weights"] == str(path / "models" / "quick")
        assert not question.isVisible()
        assert not widget.run_bar.error_box.isVisible(), widget.run_bar.error_text.text()


class TestExport(InOneWindow):
    @pytest.fixture
    def path(self, finished_path: Path) -> Path:
        return finished_path

    def test_catalogue_is_written_from_the_window(
        self,
        qtbot: Any,
        viewer: Any,
        path: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        other, widget = dock(viewer, "Phase masks"), dock(viewer, "Crystals")
        qtbot.wait(100)
        open_once(viewer, path)
        assert widget.export.folder.path() == path.with_name("section-catalogue")
        assert not widget.export.export_button.isVisible()
        qtbot.mouseClick(widget.export.button, LEFT)  # its title
        qtbot.waitUntil(widget.export.export_button.isVisible, timeout=2000)
        assert widget.export.export_button.text() == "Export"
        widget.export.folder.edit.setText(str(tmp_path / "catalogue"))
        widget.export.form.editors["rasters"].value = True
        widget.export.form.editors["web"].value = True
        assert not widget.export.map_button.isVisible()
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=120_000):
            widget.export.export_button.click()
            assert not widget.export.export_button.isEnabled()
            assert "Crystals is at work" in other.run_button.toolTip()
            assert widget.cancel_button.isEnabled()
        qtbot.wait(50)
        assert not widget.run_bar.error_box.isVisible(), widget.run_bar.error_text.text()
        assert widget.run_bar.log.text() == f"The catalogue is in {tmp_path / 'catalogue'}"
        assert widget.export.export_button.isEnabled()
        opened: list[str] = []
        monkeypatch.setattr(
            "napari_olivine.widgets.crystals.export_part.QDesktopServices.openUrl",
            lambda url: opened.append(url.toLocalFile()),
        )
        qtbot.mouseClick(widget.export.open_button, LEFT)
        qtbot.mouseClick(widget.export.map_button, LEFT)
        assert opened == [str(tmp_path / "catalogue"), str(tmp_path / "catalogue" / "index.html")]
        table = pd.read_csv(tmp_path / "catalogue" / "crystals.csv")
        assert len(table) == len(crystals_of(path))
        assert (tmp_path / "catalogue" / "crystals.tif").is_file()

    def test_folder_with_other_things_in_it_is_refused(
        self, qtbot: Any, viewer: Any, path: Path, tmp_path: Path
    ) -> None:
        widget = dock(viewer, "Crystals")
        open_once(viewer, path)
        widget.export.folder.edit.setText("")
        widget.export.export_button.click()
        assert "Choose the folder" in widget.run_bar.error_text.text()
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes" / "field.txt").write_text("Samples of July")
        widget.export.folder.edit.setText(str(tmp_path / "notes"))
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
            widget.export.export_button.click()
        assert str(tmp_path / "notes") in widget.run_bar.error_text.text()
        assert (tmp_path / "notes" / "field.txt").read_text() == "Samples of July"


class TestCancel:
    def test_cancel_stops_within_two_seconds(self, qtbot: Any, viewer: Any, tmp_path: Path) -> None:
        """A training is stopped while torch is still being loaded, its slowest moment."""
        widget = dock(viewer, "Train")
        widget.session.open(copy_of(finished_section(), tmp_path))
        jobs = widget.session.jobs
        qtbot.mouseClick(widget.run_button, LEFT)
        child = jobs._process.processId()
        qtbot.waitUntil(lambda: worked_s(child) > 1, timeout=60_000)
        assert jobs.running
        assert not widget.run_button.isEnabled()
        with ends_within(child, 2), qtbot.waitSignal(jobs.cancelled, timeout=10_000):
            qtbot.mouseClick(widget.cancel_button, LEFT)
        assert "Paused" in widget.run_bar.log.text()
        assert widget.run_button.isEnabled()


class TestStopping(InOneWindow):
    def test_progress_is_shown(self, qtbot: Any, viewer: Any, path: Path, tmp_path: Path) -> None:
        widget = dock(viewer, "Phase masks")
        other = dock(viewer, "Crystals")
        open_once(viewer, path)
        use_fake_child(widget, tmp_path, "slow")
        qtbot.mouseClick(widget.run_button, LEFT)
        qtbot.waitUntil(lambda: widget.run_bar.bar.value() > 5, timeout=10_000)
        assert widget.run_bar.bar.isVisible()
        assert widget.run_bar.log.text() == "Working"
        assert not other.run_bar.bar.isVisible()
        assert not other.run_button.isEnabled()
        assert "Phase masks is at work" in other.run_button.toolTip()
        widget.cancel()
        qtbot.waitUntil(lambda: not widget.session.jobs.running, timeout=5000)

    def test_warning_stays_to_be_read(
        self, qtbot: Any, viewer: Any, path: Path, tmp_path: Path
    ) -> None:
        widget = dock(viewer, "Phase masks")
        open_once(viewer, path)
        use_fake_child(widget, tmp_path, "warn")
        run(qtbot, widget)
        assert widget.run_bar.error_box.isVisible()
        assert (
            widget.run_bar.error_text.text()
            == "Warning: Tile r01_c02 is missing: it is left black."
        )
        use_fake_child(widget, tmp_path, "good")
        run(qtbot, widget)
        assert not widget.run_bar.error_box.isVisible()

    def test_another_section_cannot_be_opened_meanwhile(
        self, qtbot: Any, viewer: Any, path: Path, tmp_path: Path
    ) -> None:
        widget, section_dock = dock(viewer, "Phase masks"), dock(viewer, "Section")
        open_once(viewer, path)
        use_fake_child(widget, tmp_path, "slow")
        qtbot.mouseClick(widget.run_button, LEFT)
        section_dock.open(finished_section())
        assert "still being worked on" in section_dock.run_bar.error_text.text()
        assert widget.session.require().path == path

    @pytest.mark.parametrize("answer", ["No", "Yes"])
    def test_closing_the_window_asks_and_stops_the_step(
        self,
        qtbot: Any,
        viewer: Any,
        path: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        answer: str,
    ) -> None:
        from qtpy.QtGui import QCloseEvent
        from qtpy.QtWidgets import QApplication, QMessageBox

        from napari_olivine.widgets.dock_base.close_guard import CloseGuard

        widget = dock(viewer, "Phase masks")
        open_once(viewer, path)
        use_fake_child(widget, tmp_path, "slow")
        qtbot.mouseClick(widget.run_button, LEFT)
        asked: list[str] = []

        def question(_parent: Any, _title: str, text: str) -> Any:
            asked.append(text)
            return getattr(QMessageBox.StandardButton, answer)

        monkeypatch.setattr(QMessageBox, "question", question)
        window = viewer.window._qt_window
        if answer == "No":
            event = QCloseEvent()
            QApplication.sendEvent(window, event)
            assert not event.isAccepted()
            assert window.isVisible()
        else:
            (guard,) = window.findChildren(CloseGuard)
            assert guard.eventFilter(window, QCloseEvent()) is False  # it may close
        assert "Phase masks is still at work" in asked[0]
        assert widget.session.jobs.running == (answer == "No")
