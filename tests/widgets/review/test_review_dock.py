"""The Review dock in a real window: keys, lines and brush strokes that correct crystals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QInputDialog, QLineEdit

from napari_olivine.crystals.edits import CrystalStore, Judge, Merge
from napari_olivine.section import Section
from napari_olivine.widgets.review.panel import SIZES
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.shared_window import take_back_edits
from tests.helpers.widget_sections import Mouse, copy_of, finished_section, imported_section

pytestmark = pytest.mark.gui

KEY = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    viewer = make_napari_viewer(show=True)
    yield viewer
    OpenSection.of(viewer).jobs.stop_now()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return copy_of(finished_section(), tmp_path)


@pytest.fixture
def widget(viewer: Any, path: Path, qtbot: Any) -> Any:
    widget = dock(viewer, path)
    begin(widget, qtbot)
    yield widget
    widget.stop()


def dock(viewer: Any, path: Path) -> Any:
    widget = viewer.window.add_plugin_dock_widget("napari-olivine", "Review")[1]
    widget.session.open(path)
    widget.session.layer("crystals", "crystals").visible = True
    widget.panel.sizes.setCurrentText("All crystals")
    return widget


def begin(widget: Any, qtbot: Any) -> None:
    window = widget.session.viewer.window._qt_window
    window.activateWindow()
    qtbot.mouseClick(widget.panel.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.review is not None, timeout=20_000)
    qtbot.waitUntil(window.isActiveWindow, timeout=5000)
    qtbot.wait(50)


def press(widget: Any, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    window = widget.session.viewer.window._qt_window
    QTest.keyClick(QApplication.focusWidget() or window, key, modifier)
    QTest.qWait(30)


def on_disk(path: Path) -> CrystalStore:
    """What another program that opens the section now would see."""
    return CrystalStore(Section(path), write=False)


def largest(widget: Any, place: int = -1) -> int:
    return int(widget.review.table.sort_values("area_px")["id"].iloc[place])


def inside(widget: Any, row: Any) -> tuple[float, float]:
    """Place of a pixel deep in a crystal, um."""
    from scipy import ndimage

    pixel = widget.session.section.pixel_size_um
    window = slice(int(row["row0"]), int(row["row1"])), slice(int(row["col0"]), int(row["col1"]))
    mask = np.pad(widget.review.store.labels.read(*window) == row["id"], 1)
    depth = ndimage.distance_transform_edt(mask)
    down, right = np.unravel_index(depth.argmax(), depth.shape)
    return (right - 1 + row["col0"]) * pixel, (down - 1 + row["row0"]) * pixel


@pytest.fixture(scope="class")
def path_of_the_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(finished_section(), tmp_path_factory.mktemp("review"))


@pytest.fixture(scope="class")
def dock_of_the_class(class_viewer: Any, path_of_the_class: Path) -> Any:
    return dock(class_viewer, path_of_the_class)


class TestInOneWindow:
    """Each test begins a review, takes its edits back and stops."""

    @pytest.fixture
    def viewer(self, class_viewer: Any) -> Any:
        return class_viewer

    @pytest.fixture
    def path(self, path_of_the_class: Path) -> Path:
        return path_of_the_class

    @pytest.fixture
    def widget(self, qtbot: Any, viewer: Any, dock_of_the_class: Any) -> Any:
        widget = dock_of_the_class
        widget.panel.sizes.setCurrentText("All crystals")
        begin(widget, qtbot)
        yield widget
        widget.leave_tool()
        take_back_edits(viewer)
        widget.stop()

    def test_crystals_are_answered_by_keys(self, widget: Any, path: Path, qtbot: Any) -> None:
        first, edits = widget.crystal, widget.review.store.journal.last
        expected = widget.review.queue.ids[:5].tolist()
        qtbot.waitUntil(
            lambda: widget.evidence.made == expected, timeout=10_000
        )  # itself, the next
        assert not widget.evidence.mg.pixmap().isNull()
        assert first == widget.review.queue.ids[0] == widget.session.selected
        assert f"Crystal {first}" in widget.panel.title.text()
        assert widget.panel.why.text()
        press(widget, KEY.Key_A)
        second = widget.crystal
        press(widget, KEY.Key_R)
        third = widget.crystal
        press(widget, KEY.Key_4)
        assert len({first, second, third, widget.crystal}) == 4
        table = widget.review.table
        assert table.loc[[first, second], "verdict"].tolist() == ["accepted", "rejected"]
        assert table.at[third, "zone_class"] == "reversed"
        assert widget.panel.bar.value() == 3
        assert on_disk(path).journal.last == edits + 3  # at once, the table follows
        press(widget, KEY.Key_Z, CTRL)
        assert widget.crystal == third  # what was taken back is shown
        assert "aken back" in widget.panel.hint.text()
        press(widget, KEY.Key_Z, CTRL | SHIFT)
        assert widget.review.table.at[third, "reviewed_class"] == "reversed"
        press(widget, KEY.Key_Space)
        fourth = widget.crystal
        press(widget, KEY.Key_Backspace)
        assert widget.crystal != fourth
        texts = [
            widget.panel.history.list.item(k).text()
            for k in range(widget.panel.history.list.count())
        ]
        assert texts == [
            f"{edits + 3}  reversed {third}",
            f"{edits + 2}  rejected {second}",
            f"{edits + 1}  accepted {first}",
        ]

    def test_the_table_on_disk_follows_after_a_moment(
        self, widget: Any, path: Path, qtbot: Any
    ) -> None:
        first = widget.crystal
        press(widget, KEY.Key_R)
        qtbot.waitUntil(
            lambda: "rejected" in set(Section(path).table("crystals", "crystals")["verdict"]),
            timeout=10_000,
        )
        layer = widget.session.layer("crystals", "crystals")
        widget.session.refresh()
        assert widget.session.layer("crystals", "crystals") is layer  # our own change is no news
        assert widget.review.table.at[first, "verdict"] == "rejected"

    def test_letters_typed_into_a_field_are_no_answers(
        self, widget: Any, viewer: Any, qtbot: Any
    ) -> None:
        field = QLineEdit()
        viewer.window.add_dock_widget(field, name="field", area="bottom")
        field.setFocus()
        qtbot.keyClicks(field, "AR rams 4")
        assert field.text() == "AR rams 4"
        viewer.window.remove_dock_widget(field)
        assert not widget.session.history.can_undo

    def test_a_drawn_line_splits_a_crystal(self, widget: Any, viewer: Any, qtbot: Any) -> None:
        crystal = largest(widget)
        widget.go_to(crystal)
        qtbot.wait(50)
        before = widget.review.table.loc[crystal]
        labels = widget.session.layer("crystals", "crystals")
        press(widget, KEY.Key_S)
        assert "Drag a line" in widget.panel.hint.text()
        half = (before["row1"] - before["row0"]) * Section.pixel_size_um.fget(
            widget.session.section
        )  # type: ignore[attr-defined]
        x, y = before["x_um"], before["y_um"]
        Mouse(viewer).drag([(x, y - half), (x, y), (x, y + half)])
        qtbot.waitUntil(lambda: widget.tool is None, timeout=5000)
        assert widget.panel.error.text() == ""
        table = widget.review.table
        new = int(table["id"].max())
        assert table.loc[[crystal, new], "area_px"].sum() == before["area_px"]
        assert table.loc[[crystal, new], "corrected"].all()
        assert "Cut" not in viewer.layers
        shown = np.asarray(labels.data[0][int(before["row0"]) : int(before["row1"])])
        assert {crystal, new} <= set(np.unique(shown))
        press(widget, KEY.Key_Z, CTRL)
        assert widget.review.table.loc[crystal].equals(before)

    def test_a_line_that_cuts_nothing_is_told(self, widget: Any, viewer: Any, qtbot: Any) -> None:
        crystal = largest(widget)
        widget.go_to(crystal)
        row = widget.review.table.loc[crystal]
        press(widget, KEY.Key_S)
        Mouse(viewer).drag([(row["x_um"], row["y_um"]), (row["x_um"] + 20, row["y_um"] + 20)])
        qtbot.waitUntil(lambda: widget.panel.error.text() != "", timeout=5000)
        assert "in two" in widget.panel.error.text()
        assert not widget.session.history.can_undo

    def test_markers_split_too(self, widget: Any, viewer: Any, qtbot: Any) -> None:
        crystal = largest(widget)
        widget.go_to(crystal)
        row = widget.review.table.loc[crystal]
        pixel = widget.session.section.pixel_size_um
        labels = widget.review.store.labels
        window = (
            slice(int(row["row0"]), int(row["row1"])),
            slice(int(row["col0"]), int(row["col1"])),
        )
        rows, columns = np.nonzero(labels.read(*window) == crystal)
        press(widget, KEY.Key_K)
        for place in (len(rows) // 10, len(rows) * 9 // 10):
            Mouse(viewer).click(
                (columns[place] + row["col0"]) * pixel, (rows[place] + row["row0"]) * pixel
            )
            qtbot.wait(30)
        press(widget, KEY.Key_Return)
        assert widget.panel.error.text() == ""
        assert widget.review.store.journal.entries[-1].edit.do == "split"
        assert widget.tool is None

    def test_the_clicked_neighbour_is_merged(self, widget: Any, viewer: Any, qtbot: Any) -> None:
        one, other = largest(widget), largest(widget, -2)
        widget.go_to(one)
        press(widget, KEY.Key_M)
        assert "Click the neighbour" in widget.panel.hint.text()
        viewer.reset_view()
        qtbot.wait(50)
        areas = widget.review.table["area_px"]
        row = widget.review.table.loc[other]
        place = inside(widget, row)
        Mouse(viewer).click(*place)
        qtbot.waitUntil(lambda: other not in widget.review.table.index, timeout=5000)
        assert widget.review.table.at[one, "area_px"] == areas[one] + areas[other]
        assert widget.session.selected == widget.crystal == one
        # Esc leaves it: the next click only looks.
        press(widget, KEY.Key_M)
        press(widget, KEY.Key_Escape)
        widget.session.select(largest(widget, -2))
        assert len(widget.session.history) == 1

    def test_an_outline_is_painted(self, widget: Any, viewer: Any, qtbot: Any) -> None:
        crystal = largest(widget)
        widget.go_to(crystal)
        before = widget.review.table.at[crystal, "area_px"]
        press(widget, KEY.Key_D)
        layer = widget.tool.layer
        assert (layer.data > 0).sum() == before
        assert viewer.layers.selection.active is layer
        row = widget.review.table.loc[crystal]
        pixel = widget.session.section.pixel_size_um
        outside = row["x_um"], (row["row1"] + 20) * pixel
        Mouse(viewer).drag([outside, (outside[0] + 10, outside[1])])
        painted = int((layer.data > 0).sum())
        assert painted > before
        press(widget, KEY.Key_Return)
        assert widget.panel.error.text() == ""
        assert widget.review.table.at[crystal, "area_px"] == painted
        assert layer not in viewer.layers
        press(widget, KEY.Key_D)
        press(widget, KEY.Key_Escape)
        assert widget.tool is None
        assert len(widget.session.history) == 1

    def test_a_kind_is_asked_for_and_taken_back(
        self, widget: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crystal, asked = widget.crystal, []

        def answer(*words: Any) -> tuple[str, bool]:
            asked.append(words[3])
            return "xenocryst", True

        monkeypatch.setattr(QInputDialog, "getItem", answer)
        press(widget, KEY.Key_T)
        assert widget.review.table.at[crystal, "kind"] == "xenocryst"
        assert widget.crystal == crystal
        assert "xenocryst" in widget.panel.title.text()
        press(widget, KEY.Key_T)
        assert asked == [[""], ["", "xenocryst"]]
        monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("none of these", True))
        press(widget, KEY.Key_T)
        assert "cannot be given" in widget.panel.error.text()
        press(widget, KEY.Key_Z, CTRL)
        assert widget.review.table.at[crystal, "kind"] == ""

    def test_a_note_is_asked_for(self, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("rim lost", True))
        crystal = widget.crystal
        press(widget, KEY.Key_N)
        assert widget.review.table.at[crystal, "note"] == "rim lost"
        assert "rim lost" in widget.panel.why.text()

    def test_sizes_restrict_the_queue(self, widget: Any) -> None:
        everything = widget.panel.bar.maximum()
        widget.panel.sizes.setCurrentText("Phenocrysts")
        assert 0 < widget.panel.bar.maximum() < everything
        assert set(SIZES) == {
            widget.panel.sizes.itemText(k) for k in range(widget.panel.sizes.count())
        }
        while len(widget.review.queue):
            press(widget, KEY.Key_A)
        assert "Every crystal is reviewed" in widget.panel.title.text()


def test_a_second_window_may_only_look_until_the_first_is_closed(
    viewer: Any, path: Path, qtbot: Any
) -> None:
    store = CrystalStore(Section(path))
    store.do(Judge(crystals=(1,), verdict="accepted"))
    widget = dock(viewer, path)
    begin(widget, qtbot)
    assert "being edited elsewhere" in widget.panel.error.text()
    assert not widget.panel.buttons["A"].isEnabled()
    first = widget.crystal
    press(widget, KEY.Key_A)
    press(widget, KEY.Key_Space)
    assert widget.crystal != first
    assert store.journal.last == 1
    store.close()
    widget.stop()
    begin(widget, qtbot)
    assert widget.review.store.writable
    assert widget.review.table.at[1, "verdict"] == "accepted"
    press(widget, KEY.Key_A)
    viewer.window.remove_dock_widget(widget)
    store = CrystalStore(Section(path))
    assert store.writable, "a closed dock lets others edit"
    ids = store.table["id"].tolist()[:2]
    store.do(Merge(crystals=(ids[0], ids[1])))
    store.close()


def test_what_could_not_be_carried_out_again_is_shown(viewer: Any, path: Path, qtbot: Any) -> None:
    from napari_olivine.crystals import CrystalsSettings, find_crystals

    store = CrystalStore(Section(path))
    small = int(store.table.sort_values("area_px")["id"].iloc[0])
    store.do(Judge(crystals=(small,), verdict="rejected"))
    store.close()
    find_crystals(Section(path), CrystalsSettings(min_area_um2=2000.0))
    widget = viewer.window.add_plugin_dock_widget("napari-olivine", "Review")[1]
    qtbot.mouseClick(widget.panel.start_button, Qt.MouseButton.LeftButton)
    assert "No section is open" in widget.panel.error.text()
    widget.session.open(path)
    begin(widget, qtbot)
    assert "1 edits could not" in widget.panel.error.text()
    assert "aside" in widget.panel.history.list.item(0).text()
    widget.stop()


def test_the_network_is_taught_by_a_button(widget: Any, path: Path, qtbot: Any) -> None:
    assert not widget.panel.teach_button.isEnabled()
    press(widget, KEY.Key_R)
    widget.go_to(largest(widget))  # of a small one nothing is left between the rims
    press(widget, KEY.Key_A)
    with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
        qtbot.mouseClick(widget.panel.teach_button, Qt.MouseButton.LeftButton)
    assert "train in the Train dock" in widget.panel.hint.text()
    section = Section(path)
    said = section.raster("corrections", "olivine").read(slice(0, None), slice(0, None))
    assert set(np.unique(said)) == {0, 1, 255}
    assert section.state("corrections") == "fresh"
    assert widget.session.layer("corrections", "olivine") is not None
    assert widget.review is not None  # the review goes on


def test_another_section_ends_the_review_and_without_crystals_it_says_what_to_do(
    widget: Any, tmp_path: Path, qtbot: Any
) -> None:
    press(widget, KEY.Key_A)
    store = widget.review.store
    other = tmp_path / "other"
    other.mkdir()
    widget.session.open(copy_of(imported_section(), other))
    assert widget.review is None
    assert not store.journal.held
    assert Section(store.section.path).table("crystals", "crystals")["verdict"].ne("").any()
    qtbot.mouseClick(widget.panel.start_button, Qt.MouseButton.LeftButton)
    assert "“Find crystals” in the dock Crystals" in widget.panel.error.text()
