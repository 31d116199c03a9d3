"""The levelled grey and the check of a section in the Section dock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_olivine.levelling import level, open_levelled
from napari_olivine.section import Section
from napari_olivine.widgets.section.levelling_part import report_of, steps_of
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.shared_window import take_back_edits
from tests.helpers.widget_sections import copy_of, imported_section

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="class")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(imported_section(), tmp_path_factory.mktemp("levelling"))


@pytest.fixture(scope="class")
def viewer(class_viewer: Any, path: Path) -> Any:
    OpenSection.of(class_viewer).open(path)
    return class_viewer


@pytest.fixture(scope="class")
def widget(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-olivine", "Section")[1]


def shown(viewer: Any) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible} & {"BSE", "BSE levelled"}


def test_steps_of_a_session_are_those_to_others() -> None:
    one = {"seams": 3, "rms_before_grey": 4.0, "rms_after_grey": 1.0}
    two = {"seams": 1, "rms_before_grey": 8.0, "rms_after_grey": 2.0}
    inner = {"seams": 9, "rms_before_grey": 99.0, "rms_after_grey": 99.0}
    report = {"seams": {"1 | 2": one, "2 | 3": two, "2 | 2": inner}}
    before, after = steps_of(report, "2")
    assert before == pytest.approx(((3 * 16 + 64) / 4) ** 0.5)
    assert after == pytest.approx(((3 * 1 + 4) / 4) ** 0.5)
    assert steps_of(report, "4") == (None, None)


class TestButton:
    def test_before_it_there_is_nothing_to_show_and_then_the_levelled_image(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        assert not widget.levelling.tick.isEnabled()
        assert not widget.levelling.table.isVisibleTo(widget)
        widget.scroll_area.ensureWidgetVisible(widget.levelling.button)
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=90_000):
            qtbot.mouseClick(widget.levelling.button, LEFT)
            assert not widget.levelling.button.isEnabled()
            assert widget.cancel_button.isVisible()
        qtbot.wait(100)
        assert not widget.run_bar.error_box.isVisible(), widget.run_bar.error_text.text()
        assert shown(viewer) == {"BSE levelled"}
        assert widget.levelling.table.rowCount() == 3
        assert not widget.cancel_button.isVisible()


class TestLevelled:
    @pytest.fixture(autouse=True)
    def levelled(self, viewer: Any, widget: Any, path: Path) -> Any:
        level(Section(path))
        widget.session.refresh()
        yield
        take_back_edits(viewer)
        if widget.levelling.tick.isChecked():
            widget.levelling.tick.click()

    def test_levelled_image_takes_the_place_of_the_raw_one_and_back(
        self, qtbot: Any, viewer: Any, widget: Any, path: Path
    ) -> None:
        assert shown(viewer) == {"BSE"}  # a calibration levels too: the image does not jump
        qtbot.mouseClick(widget.levelling.tick, LEFT)
        assert shown(viewer) == {"BSE levelled"}
        assert widget.levelling.tick.isChecked()
        layer = viewer.layers["BSE levelled"]
        assert viewer.layers.index(layer) == viewer.layers.index(viewer.layers["BSE"]) + 1
        wanted = open_levelled(Section(path)).read(slice(100, 110), slice(600, 620))
        np.testing.assert_array_equal(np.asarray(layer.data[0][100:110, 600:620]), wanted)
        part = widget.levelling
        qtbot.wait(50)
        part.tick.click()
        assert shown(viewer) == {"BSE"}
        part.tick.click()
        assert shown(viewer) == {"BSE levelled"}
        layer.visible = False  # by the eye in the list of layers
        assert not part.tick.isChecked()
        viewer.layers["BSE"].visible = True

    def test_table_tells_gain_offset_and_steps(self, widget: Any, path: Path) -> None:
        report = json.loads((path / "levelling" / "levelling.json").read_text())
        table = widget.levelling.table
        assert table.rowCount() == len(report["sessions"]) == 3
        for row, (name, one) in enumerate(report["sessions"].items()):
            assert table.item(row, 0).text().split()[0] == name
            assert float(table.item(row, 1).text()) == pytest.approx(one["gain"], abs=1e-4)
            assert float(table.item(row, 2).text()) == pytest.approx(one["offset"], abs=0.01)
            before, after = (float(table.item(row, column).text()) for column in (3, 4))
            assert after < before

    def test_changed_session_makes_it_out_of_date(self, widget: Any) -> None:
        widget.sessions.set_role(0, "none")
        (row,) = (i for i in widget.tree._items() if i.text(0) == "BSE levelled")
        assert "sessions changed since" in row.text(1)
        widget.session.history.undo()
        (row,) = (i for i in widget.tree._items() if i.text(0) == "BSE levelled")
        assert "up to date" in row.text(1)

    def test_damaged_report_is_no_report_and_the_section_opens_without_it(
        self, qtbot: Any, viewer: Any, widget: Any, path: Path, tmp_path: Path
    ) -> None:
        def names() -> set[str]:
            return {layer.name for layer in viewer.layers}

        damaged = copy_of(path, tmp_path)
        (damaged / "levelling" / "levelling.json").write_text("[]")
        assert report_of(Section(damaged)) is None
        viewer.layers.clear()
        widget.open(damaged)
        qtbot.waitUntil(lambda: {"Si", "Al", "Ca", "Fe", "Mg", "BSE"} <= names())
        assert "BSE levelled" not in names()
        assert not widget.run_bar.error_box.isVisible()
        widget.session.open(path)


class TestCheck:
    def check(self, qtbot: Any, widget: Any, button: Any) -> str:
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
            qtbot.mouseClick(button, LEFT)
        qtbot.wait(100)
        return str(widget.findings.text.text())

    def test_damage_is_listed_and_mended(self, qtbot: Any, widget: Any, path: Path) -> None:
        coarse = next(
            p
            for p in sorted((path / "images" / "Mg" / "1").rglob("*"))
            if p.is_file() and p.name != "zarr.json"
        )
        coarse.write_bytes(coarse.read_bytes()[:20])
        words = self.check(qtbot, widget, widget.check_button)
        assert "images/Mg" in words
        assert "whole" not in words
        assert widget.findings.repair_button.isVisible()
        self.check(qtbot, widget, widget.findings.repair_button)
        words = self.check(qtbot, widget, widget.check_button)
        assert "Everything in this section is whole" in words
        assert not widget.findings.repair_button.isVisible()
        assert widget.check_button.isEnabled()
