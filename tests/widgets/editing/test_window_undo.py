"""Ctrl-Z in a real window: one history, wherever the focus is, and what it undid is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit

from napari_olivine.crystals.edits import CrystalStore, Judge
from napari_olivine.section import Section
from napari_olivine.widgets.editing import WindowUndo
from napari_olivine.widgets.state import OpenSection
from tests.helpers.shared_window import take_back_edits
from tests.helpers.widget_sections import (
    Mouse,
    active_window,
    copy_of,
    finished_section,
    imported_section,
)

pytestmark = pytest.mark.gui

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return copy_of(finished_section(), tmp_path)


@pytest.fixture
def viewer(make_napari_viewer: Any, path: Path) -> Any:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 900)
    OpenSection.of(viewer).open(path)
    yield viewer
    OpenSection.of(viewer).jobs.stop_now()


def dock(viewer: Any, name: str, **place: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-olivine", name, **place)[1]


@pytest.fixture
def docks(viewer: Any, qtbot: Any) -> Any:
    section, profiles, review = docks_for_edits(viewer, qtbot)
    yield section, profiles, review
    review.stop()


def docks_for_edits(viewer: Any, qtbot: Any) -> tuple[Any, Any, Any]:
    """Open the docks Section, EPMA profiles and Review, with the crystals open for edits."""
    section, profiles = dock(viewer, "Section"), dock(viewer, "EPMA profiles", tabify=True)
    review = dock(viewer, "Review", tabify=True)
    review.panel.sizes.setCurrentText("All crystals")
    review.start()
    qtbot.waitUntil(lambda: review.review is not None, timeout=20_000)
    active_window(qtbot, viewer)
    return section, profiles, review


def press(viewer: Any, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    window = viewer.window._qt_window
    QTest.keyClick(QApplication.focusWidget() or window, key, modifier)
    QTest.qWait(30)


def undo(viewer: Any) -> None:
    press(viewer, Qt.Key.Key_Z, CTRL)


def message(viewer: Any) -> str:
    toast = WindowUndo.of(OpenSection.of(viewer)).toast
    return toast.text() if toast.isVisible() else ""


@pytest.fixture(scope="class")
def docks_of_the_class(
    class_viewer: Any, class_qtbot: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    OpenSection.of(class_viewer).open(copy_of(finished_section(), tmp_path_factory.mktemp("undo")))
    docks = docks_for_edits(class_viewer, class_qtbot)
    yield docks
    docks[-1].stop()


class TestInOneWindow:
    """Each test takes its edits back."""

    @pytest.fixture
    def viewer(self, class_viewer: Any) -> Any:
        return class_viewer

    @pytest.fixture
    def docks(self, viewer: Any, qtbot: Any, docks_of_the_class: Any) -> Any:
        active_window(qtbot, viewer)
        opened = set(viewer.window.dock_widgets)
        yield docks_of_the_class
        docks_of_the_class[-1].leave_tool()
        take_back_edits(viewer)
        for name in set(viewer.window.dock_widgets) - opened:
            viewer.window.remove_dock_widget(viewer.window.dock_widgets[name])
        if "own" in viewer.layers:
            viewer.layers.remove("own")

    @pytest.fixture
    def path(self, docks: Any) -> Path:
        return docks[0].session.require().path

    def test_three_kinds_of_edits_are_taken_back_in_turn(
        self, viewer: Any, docks: Any, path: Path, qtbot: Any
    ) -> None:
        section, profiles, review = docks
        before = Section(path)
        roles, crystal = [one.role for one in before.sessions()], review.crystal
        profile = profiles.traverses.profiles[1]
        line = profiles.traverses.line(profile)
        section.sessions.set_role(0, "test" if roles[0] != "test" else "none")
        profiles.traverses.flip(profile)
        review.judge("accepted")
        assert review.crystal != crystal
        camera = viewer.scene.camera
        camera.center, camera.zoom = (0.0, 0.0, 0.0), 4.0

        review.parentWidget().raise_()
        section.sessions.table.setFocus()  # of a dock that is not in front
        undo(viewer)
        assert message(viewer) == f"Taken back: crystal {crystal}: accepted"
        assert review.crystal == section.session.selected == crystal
        assert CrystalStore(Section(path), write=False).table.at[crystal, "verdict"] == ""
        record = review.review.table.loc[crystal]
        assert camera.center[1:] == pytest.approx((record["y_um"], record["x_um"]))

        camera.center = (0.0, 1e5, 1e5)
        Mouse(viewer).canvas.setFocus()
        undo(viewer)
        assert message(viewer) == f"Taken back: traverse {profile} flipped"
        assert profiles.current == profile
        assert profiles.traverses.line(profile) == line
        assert camera.center[1:] == pytest.approx(
            ((line[1] + line[3]) / 2, (line[0] + line[2]) / 2)
        )
        height, width = np.array(viewer.canvas.size) / camera.zoom
        assert abs(line[3] - line[1]) < height
        assert abs(line[2] - line[0]) < width

        camera.center = (0.0, 1e5, 1e5)
        profiles.table.setFocus()
        undo(viewer)
        assert message(viewer).startswith("Taken back: role of session")
        assert [one.role for one in Section(path).sessions()] == roles
        (index,) = section.sessions.table.selectionModel().selectedRows()
        assert index.row() == 0
        one = Section(path).sessions()[0]
        assert camera.center[1] == pytest.approx((one.row0 + one.row1) / 2)

        undo(viewer)
        assert message(viewer) == "There is no edit to take back."
        press(viewer, Qt.Key.Key_Z, CTRL | SHIFT)
        press(viewer, Qt.Key.Key_Y, CTRL)
        press(viewer, Qt.Key.Key_Y, CTRL)
        assert message(viewer) == f"Done again: crystal {crystal}: accepted"
        assert viewer.dims.ndisplay == 2  # napari's own Ctrl-Y
        assert [one.role for one in Section(path).sessions()] != roles

    def test_buttons_name_what_they_take_back(self, viewer: Any, docks: Any, qtbot: Any) -> None:
        section, profiles, review = docks
        buttons = [
            section.sessions.tools["Undo"],
            profiles.tools["Undo"],
            review.panel.buttons["Ctrl+Z"],
        ]
        assert not any(button.isEnabled() for button in buttons)
        crystal = review.crystal
        review.judge("rejected")
        for button in buttons:
            assert button.isEnabled()
            assert f"crystal {crystal}: rejected" in button.toolTip()
        qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
        assert review.crystal == crystal
        assert not any(button.isEnabled() for button in buttons)
        assert f"crystal {crystal}: rejected" in review.panel.buttons["Ctrl+Shift+Z"].toolTip()

    def test_a_text_field_keeps_its_own_undo(self, viewer: Any, docks: Any, qtbot: Any) -> None:
        section, _, _ = docks
        role = section.session.require().sessions()[0].role
        section.sessions.set_role(0, "none" if role != "none" else "test")
        field = QLineEdit()
        viewer.window.add_dock_widget(field, name="field", area="bottom")
        field.setFocus()
        qtbot.keyClicks(field, "abc")
        undo(viewer)
        assert field.text() == ""
        assert section.session.history.can_undo
        press(viewer, Qt.Key.Key_Y, CTRL)
        assert field.text() == "abc"

    def test_an_untouched_text_field_leaves_the_keys_to_the_window(
        self, viewer: Any, docks: Any
    ) -> None:
        section, _, _ = docks
        role = section.session.require().sessions()[0].role
        section.sessions.set_role(0, "none" if role != "none" else "test")
        field = QLineEdit("a folder")
        viewer.window.add_dock_widget(field, name="field", area="bottom")
        field.setFocus()
        undo(viewer)
        assert field.text() == "a folder"
        assert section.session.require().sessions()[0].role == role

    def test_a_persons_own_layer_of_labels_keeps_its_undo(self, viewer: Any, docks: Any) -> None:
        section, _, review = docks
        review.judge("accepted")
        layer = viewer.add_labels(np.zeros((50, 50), np.uint8), name="own")
        layer.mode = "paint"
        layer.paint((20, 20), 1)
        canvas = Mouse(viewer).canvas
        canvas.setFocus()
        undo(viewer)
        assert not np.any(layer.data)
        undo(viewer)  # nothing left on the layer, but still its key
        assert section.session.history.can_undo
        press(viewer, Qt.Key.Key_Z, CTRL | SHIFT)
        assert np.any(layer.data)
        section.sessions.table.setFocus()  # in a dock of ours the key is ours
        undo(viewer)
        assert np.any(layer.data)
        assert not section.session.history.can_undo

    def test_strokes_of_the_brush_are_its_own(self, viewer: Any, docks: Any) -> None:
        _, _, review = docks
        review.judge("accepted")
        press(viewer, Qt.Key.Key_D)
        layer = review.tool.layer
        before = np.array(layer.data)
        layer.paint((5, 5), 1)
        undo(viewer)
        np.testing.assert_array_equal(layer.data, before)
        assert len(review.session.history) == 1
        press(viewer, Qt.Key.Key_Escape)
        press(viewer, Qt.Key.Key_S)
        undo(viewer)
        assert "Finish what you draw" in message(viewer)
        press(viewer, Qt.Key.Key_Escape)
        undo(viewer)
        assert len(review.session.history) == 0

    def test_a_stopped_review_is_asked_for(self, viewer: Any, docks: Any, qtbot: Any) -> None:
        _, _, review = docks
        crystal = review.crystal
        review.judge("accepted")
        review.stop()
        undo(viewer)
        assert "Start the review again" in message(viewer)
        review.start()
        qtbot.waitUntil(lambda: review.review is not None, timeout=20_000)
        undo(viewer)
        assert message(viewer) == f"Taken back: crystal {crystal}: accepted"


def test_edits_of_another_window_are_its_own_until_it_is_closed_and_then_come_last(
    viewer: Any, path: Path, qtbot: Any
) -> None:
    store = CrystalStore(Section(path))
    store.do(Judge(crystals=(1,), verdict="accepted"))
    section, review = dock(viewer, "Section"), dock(viewer, "Review")
    review.panel.sizes.setCurrentText("All crystals")
    review.start()
    qtbot.waitUntil(lambda: review.review is not None, timeout=20_000)
    active_window(qtbot, viewer)
    undo(viewer)
    assert message(viewer) == "There is no edit to take back."
    assert store.journal.last == 1
    review.stop()
    store.close()
    role = section.session.require().sessions()[0].role
    section.sessions.set_role(0, "none" if role != "none" else "test")
    review.start()
    qtbot.waitUntil(lambda: review.review is not None, timeout=20_000)
    undo(viewer)
    assert "role of session" in message(viewer)
    undo(viewer)
    assert message(viewer) == "Taken back: crystal 1: accepted"
    assert review.crystal == 1
    review.stop()


def test_a_rerun_of_the_crystals_keeps_the_order(
    viewer: Any, docks: Any, path: Path, qtbot: Any
) -> None:
    from napari_olivine.crystals import CrystalsSettings, find_crystals

    section, _, review = docks
    crystal = review.crystal
    review.judge("accepted")
    first = review.review
    find_crystals(Section(path), CrystalsSettings(min_area_um2=60.0))
    role = section.session.require().sessions()[0].role
    section.sessions.set_role(0, "none" if role != "none" else "test")  # sees the new crystals
    qtbot.waitUntil(lambda: review.review not in (None, first), timeout=20_000)
    undo(viewer)
    assert "role of session" in message(viewer)
    undo(viewer)
    assert message(viewer) == f"Taken back: crystal {crystal}: accepted"
    assert (review.review.table["verdict"] == "").all()


def test_a_closed_dock_takes_its_edits_along_and_another_section_begins_a_history(
    viewer: Any, docks: Any, tmp_path: Path
) -> None:
    section, profiles, review = docks
    history = section.session.history
    profiles.traverses.flip(profiles.traverses.profiles[0])
    viewer.window.remove_dock_widget(profiles)
    assert not history.can_undo
    review.judge("accepted")
    assert history.can_undo
    other = tmp_path / "other"
    other.mkdir()
    section.session.open(copy_of(imported_section(), other))
    assert not history.can_undo
    undo(viewer)
    assert message(viewer) == "There is no edit to take back."
