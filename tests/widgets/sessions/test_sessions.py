"""Sessions edited by hand: what is right and wrong with them, in the table and on the images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from qtpy.QtCore import QPoint, Qt

from napari_olivine.areas import Area
from napari_olivine.errors import InputError
from napari_olivine.section import Section
from napari_olivine.widgets.dock_base.opening import open_dock
from napari_olivine.widgets.sessions.session_edits import (
    COLUMNS,
    Extent,
    SessionEdits,
    range_from_words,
    range_in_words,
)
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.shared_window import close_docks, settle, take_back_edits
from tests.helpers.widget_sections import Mouse, active_window, copy_of, finished_section

LEFT = Qt.MouseButton.LeftButton
SHAPE = (1000, 1500)
EDGES = (np.array([0, 338, 676, 1000]), np.array([0, 512, 1024, 1500]))


def edits(*rows: tuple[Any, ...], tiles: bool = True) -> SessionEdits:
    return SessionEdits(pd.DataFrame(rows, columns=COLUMNS), SHAPE, EDGES if tiles else None)


class TestEdits:
    def test_neighbours_that_touch_are_right(self) -> None:
        assert (
            edits(("1", 0, 338, 0, 512, "train"), ("2", 0, 338, 512, 1024, "val")).problems() == {}
        )

    @pytest.mark.parametrize(
        ("second", "words"),
        [
            (("2", 300, 676, 500, 1024, "val"), "Session 2 overlaps session 1."),
            (("2", 400, 400, 0, 10, "val"), "Session 2 is empty."),
            (("2", 400, 1001, 0, 10, "val"), "Session 2 reaches beyond the section."),
            (("1", 400, 500, 0, 10, "val"), "Two sessions are called 1."),
            ((" ", 400, 500, 0, 10, "val"), "A session has no name."),
        ],
    )
    def test_what_is_wrong_is_told(self, second: tuple[Any, ...], words: str) -> None:
        assert edits(("1", 0, 338, 0, 512, "train"), second).problems() == {1: words}

    def test_drawn_rectangle_goes_to_the_borders_of_tiles(self) -> None:
        made = edits()
        assert made.snapped((-30, 350, 480, 1100), to_tiles=True) == Extent(0, 338, 512, 1024)
        assert made.snapped((10.4, 350.6, 480, 1700), to_tiles=False) == Extent(10, 351, 480, 1500)

    def test_small_rectangle_is_the_tile_that_it_lies_in(self) -> None:
        assert edits().snapped((400, 420, 1400, 1440), to_tiles=True) == Extent(
            338, 676, 1024, 1500
        )

    @given(
        st.tuples(*[st.floats(-500, 2000) for _ in range(4)]),
        st.booleans(),
    )
    def test_snapped_rectangle_lies_within_the_section(
        self, sides: tuple[float, ...], to_tiles: bool
    ) -> None:
        row0, row1 = sorted(sides[:2])
        col0, col1 = sorted(sides[2:])
        got = edits().snapped((row0, row1, col0, col1), to_tiles=to_tiles)
        assert 0 <= got.row0 <= got.row1 <= SHAPE[0]
        assert 0 <= got.col0 <= got.col1 <= SHAPE[1]

    def test_new_names_count_on(self) -> None:
        made = edits(("1", 0, 10, 0, 10, "train"), ("7", 20, 30, 0, 10, "val"))
        assert made.add(Extent(40, 50, 0, 10)) == "8"
        assert made.role(2) == "none"

    def test_areas_lie_in_their_session_and_come_back_in_one_edit(self) -> None:
        made = edits(("1", 0, 400, 0, 600, "train"), ("2", 400, 800, 0, 600, "test"))
        before = made.table
        area = Area("area 1", "train", 0, 338, 0, 512, "1", "tile 0, 0", "")
        made.take_areas([area, replace(area, name="area 2", row0=338, row1=400)], ["1"])
        assert [made.role(row) for row in range(4)] == ["none", "test", "train", "train"]
        assert made.problems() == {}
        assert "within" in made.to_store
        made.rename(0, "first")
        assert made.within(2) == "first"
        assert made.problems() == {}
        made.move({2: Extent(0, 338, 100, 700)})
        assert made.problems() == {2: "Area area 1 reaches beyond session first."}
        made.history.undo()
        made.set_role(0, "train")
        words = "Area area 1 lies within session first, whose role must be none."
        assert made.problems()[2] == words
        made.history.undo()
        made.remove([0])
        assert [made.within(row) for row in range(3)] == ["", "", ""]
        while made.history.can_undo:
            told = made.history.undo().describe()
        assert told == "Taken back: 2 suggested areas made sessions"
        assert made.table.equals(before)
        assert "within" not in made.to_store

    def test_undo_and_redo(self) -> None:
        made = edits(("1", 0, 10, 0, 10, "train"))
        told: list[int] = []
        made.changed.connect(lambda: told.append(len(made)))
        made.add(Extent(40, 50, 0, 10))
        made.set_role(1, "test")
        made.remove([0])
        made.history.undo()
        made.history.undo()
        assert (len(made), made.role(1)) == (2, "none")
        made.history.redo()
        assert made.role(1) == "test"
        made.set_role(1, "test")  # nothing new
        assert told == [2, 2, 1, 2, 2, 2]


class TestRanges:
    @pytest.mark.parametrize(
        ("unit", "words"), [("mm", "0.767-1.536"), ("tiles", "1-1"), ("px", "512-1024")]
    )
    def test_units(self, unit: str, words: str) -> None:
        size = 1.4985
        assert range_in_words(512, 1024, unit, size, EDGES[1])[:3] == words[:3]
        text = range_in_words(512, 1024, unit, size, EDGES[1])
        first, last = range_from_words(text, unit, size, EDGES[1])
        assert (first, last) == pytest.approx((512, 1024), abs=0.4)

    def test_range_between_tiles_is_marked(self) -> None:
        assert range_in_words(0, 500, "tiles", 1.0, EDGES[1]) == "~0-0"

    @pytest.mark.parametrize("text", ["", "a-b", "3", "1-2-3", "nan-2", "1e999-2"])
    @pytest.mark.parametrize("unit", ["mm", "tiles", "px"])
    def test_nonsense(self, text: str, unit: str) -> None:
        with pytest.raises(InputError, match="is no range"):
            range_from_words(text, unit, 1.0, EDGES[0])

    def test_tiles_that_are_not_there(self) -> None:
        with pytest.raises(InputError, match="counted from 0 to 2"):
            range_from_words("1-3", "tiles", 1.0, EDGES[0])


@pytest.fixture(scope="class")
def section_dock(
    class_viewer: Any, class_qtbot: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """The Section dock of a window with everything but a network."""
    path = copy_of(finished_section(), tmp_path_factory.mktemp("sessions"))
    OpenSection.of(class_viewer).open(path)
    widget = class_viewer.window.add_plugin_dock_widget("napari-olivine", "Section")[1]
    class_qtbot.waitUntil(lambda: "Sessions" in class_viewer.layers)
    settle(class_viewer)
    return widget


@pytest.mark.gui
class TestWindow:
    """The phantom: 3 x 3 tiles of 338 x 512 px of 1 um; three sessions side by side."""

    @pytest.fixture
    def viewer(self, class_viewer: Any) -> Any:
        return class_viewer

    @pytest.fixture
    def widget(self, viewer: Any, section_dock: Any) -> Any:
        viewer.reset_view()
        unit = section_dock.sessions.unit.currentText()
        yield section_dock
        take_back_edits(viewer)
        viewer.layers["Sessions"].mode = "pan_zoom"
        section_dock.sessions.snap.setChecked(True)
        section_dock.sessions.unit.setCurrentText(unit)
        section_dock.sessions.fill()
        section_dock.hide_error()

    @pytest.fixture
    def path(self, widget: Any) -> Path:
        return widget.session.require().path

    @pytest.fixture
    def mouse(self, viewer: Any, widget: Any) -> Mouse:
        return Mouse(viewer)

    def stored(self, path: Path) -> list[tuple[Any, ...]]:
        return [tuple(vars(one).values()) for one in Section(path).sessions()]

    def test_rectangles_are_named_and_coloured_by_role(self, viewer: Any, widget: Any) -> None:
        layer = viewer.layers["Sessions"]
        sessions = widget.session.require().sessions()
        assert len(layer.data) == len(sessions) == widget.sessions.table.rowCount()
        words = [f"{one.session} {one.role}".removesuffix(" none") for one in sessions]
        assert list(layer.features["words"]) == words
        for corners, one in zip(layer.data, sessions, strict=True):
            np.testing.assert_allclose(corners.min(axis=0), [one.row0 - 0.5, one.col0 - 0.5])
            np.testing.assert_allclose(corners.max(axis=0), [one.row1 - 0.5, one.col1 - 0.5])
        colours = {
            one.role: tuple(colour)
            for one, colour in zip(sessions, layer.edge_color.round(3).tolist(), strict=True)
        }
        assert len(set(colours.values())) == len(colours) >= 2

    def test_session_is_drawn_on_whole_tiles_stored_and_taken_back(
        self, qtbot: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        before = self.stored(path)
        widget.sessions.table.selectRow(0)
        qtbot.mouseClick(widget.sessions.tools["Delete"], LEFT)
        assert len(self.stored(path)) == len(before) - 1
        qtbot.mouseClick(widget.sessions.tools["Draw"], LEFT)
        mouse.drag([(30, 20), (200, 200), (470, 320)])
        qtbot.waitUntil(lambda: len(self.stored(path)) == len(before), timeout=3000)
        drawn = Section(path).sessions()[-1]
        assert (drawn.row0, drawn.row1, drawn.col0, drawn.col1) == (0, 338, 0, 512)
        assert drawn.role == "none"
        assert widget.sessions.table.item(len(before) - 1, 0).text() == drawn.session
        for _ in range(2):
            qtbot.mouseClick(widget.sessions.tools["Undo"], LEFT)
        assert self.stored(path) == before

    def test_overlap_is_told_and_not_stored(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        before = self.stored(path)
        qtbot.mouseClick(widget.sessions.tools["Draw"], LEFT)
        mouse.drag([(100, 100), (500, 300), (900, 600)])
        qtbot.waitUntil(widget.sessions.note.isVisible, timeout=3000)
        assert "overlaps session" in widget.sessions.note.text()
        assert "Not stored" in widget.sessions.note.text()
        assert self.stored(path) == before
        viewer.layers.selection.active = viewer.layers["Sessions"]
        active_window(qtbot, viewer)
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert not widget.sessions.note.isVisible()
        assert len(viewer.layers["Sessions"].data) == len(before)

    def test_dragged_session_moves_and_products_go_out_of_date(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        assert Section(path).state("mg") == "fresh"
        first = Section(path).sessions()[0]
        widget.sessions.snap.setChecked(False)
        qtbot.mouseClick(widget.sessions.tools["Change"], LEFT)
        widget.sessions.table.selectRow(0)
        qtbot.wait(200)
        y, x = (first.row0 + first.row1) / 2, first.col1 - 0.5
        if first.row1 == Section(path).shape[0]:  # drag its lower side up
            y, x = first.row1 - 0.5, (first.col0 + first.col1) / 2
        mouse.drag([(x, y), (x, y - 40), (x, y - 100)])
        qtbot.waitUntil(lambda: Section(path).sessions()[0] != first, timeout=3000)
        moved = Section(path).sessions()[0]
        assert moved.row1 == pytest.approx(first.row1 - 100, abs=8)
        assert moved.role == first.role
        assert Section(path).state("mg") == "stale"
        (row,) = (i for i in widget.tree._items() if i.text(0) == "Calibration")
        assert "sessions changed since" in row.text(1)
        qtbot.mouseClick(widget.sessions.tools["Undo"], LEFT)
        assert Section(path).state("mg") == "fresh"
        (row,) = (i for i in widget.tree._items() if i.text(0) == "Calibration")
        assert "up to date" in row.text(1)

    def test_ranges_and_names_are_typed(self, widget: Any, path: Path) -> None:
        table, before = widget.sessions.table, self.stored(path)
        last = table.rowCount() - 1
        table.item(last, 0).setText("evening")
        assert Section(path).sessions()[last].session == "evening"
        widget.sessions.unit.setCurrentText("px")
        widget.sessions.fill()
        table.item(last, 2).setText("0-700")
        assert (Section(path).sessions()[last].row0, Section(path).sessions()[last].row1) == (
            0,
            700,
        )
        table.item(last, 2).setText("everything")
        assert "is no range in px" in widget.run_bar.error_text.text()
        assert table.item(last, 2).text() == "0-700"
        widget.session.history.undo()
        widget.session.history.undo()
        assert self.stored(path) == before

    def test_rectangle_and_row_are_chosen_together(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse
    ) -> None:
        qtbot.mouseClick(widget.sessions.tools["Change"], LEFT)
        widget.sessions.table.selectRow(1)
        assert viewer.layers["Sessions"].selected_data == {1}
        one = widget.session.require().sessions()[0]
        mouse.click((one.col0 + one.col1) / 2, (one.row0 + one.row1) / 2)
        (index,) = widget.sessions.table.selectionModel().selectedRows()
        assert index.row() == 0

    def test_slip_of_the_mouse_is_no_session(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        before = self.stored(path)
        qtbot.mouseClick(widget.sessions.tools["Draw"], LEFT)
        mouse.drag([(300, 300), (301, 301)])
        qtbot.wait(100)
        assert self.stored(path) == before
        assert len(viewer.layers["Sessions"].data) == len(before)

    def test_suggested_areas_are_moved_taken_and_taken_back(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        before = Section(path).fingerprint("annotations/sessions")
        part = widget.areas
        part.set_expanded(True)
        part.form.editors["tiles"].value = 3
        qtbot.mouseClick(part.suggest_button, LEFT)
        qtbot.waitUntil(lambda: len(part.areas) == 3 and part.table.isVisible(), timeout=60_000)
        assert Section(path).fingerprint("annotations/sessions") == before
        layer = viewer.layers["Suggested areas"]
        assert len(layer.data) == part.table.rowCount() == 3
        assert {one.role for one in part.areas} == {"train", "val"}
        assert " of " in part.table.item(0, 2).text()
        first = part.areas[0]
        bare = next(
            (row, col)
            for row in (0, 338, 676)
            for col in (0, 512)
            if (row, col) not in {(one.row0, one.col0) for one in part.areas}
        )
        qtbot.mouseClick(part.change_button, LEFT)
        y, x = first.row0 + 150, first.col0 + 250
        to = (x + bare[1] - first.col0, y + bare[0] - first.row0)
        mouse.click(x, y)
        mouse.drag([(x, y), ((x + to[0]) / 2, (y + to[1]) / 2), to])
        qtbot.waitUntil(lambda: part.areas[0].why == "moved by hand", timeout=5000)
        moved = part.areas[0]
        assert (moved.row0, moved.col0) == bare
        assert moved.within in ("1", "2")
        qtbot.mouseClick(part.take_button, LEFT)
        sessions = Section(path).sessions()
        assert [one.role for one in sessions if not one.within] == ["none", "none", "test"]
        assert {(one.row0, one.col0) for one in sessions if one.within} >= {bare}
        assert "Suggested areas" not in viewer.layers
        assert not widget.sessions.note.isVisible()
        viewer.layers.selection.active = viewer.layers["Sessions"]
        active_window(qtbot, viewer)
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert Section(path).fingerprint("annotations/sessions") == before

    def test_command_line_changes_a_role_meanwhile(self, widget: Any, path: Path) -> None:
        before = Section(path).annotation("sessions")
        for table in (before.assign(role="test"), before):
            Section(path).annotate("sessions", table)
            widget.look_again()
            assert widget.sessions.table.cellWidget(0, 3).currentText() == table["role"][0]
            assert not widget.session.history.can_undo


@pytest.mark.gui
class TestTree:
    @pytest.fixture
    def viewer(self, class_viewer: Any) -> Any:
        return class_viewer

    @pytest.fixture
    def widget(self, viewer: Any, section_dock: Any) -> Any:
        visible = {layer: layer.visible for layer in viewer.layers}
        yield section_dock
        for layer, shown in visible.items():
            layer.visible = shown
        close_docks(viewer, but=section_dock)

    def row(self, widget: Any, name: str) -> Any:
        (item,) = (item for item in widget.tree._items() if item.text(0) == name)
        return item

    def shown(self, viewer: Any) -> set[str]:
        return {layer.name for layer in viewer.layers if layer.visible} - {"Sessions"}

    def test_group_hides_what_is_shown_and_shows_it_again(self, viewer: Any, widget: Any) -> None:
        viewer.layers["Mg"].visible = True
        maps, images = self.row(widget, "Element maps"), self.row(widget, "Images")
        assert maps.checkState(0) == images.checkState(0) == Qt.CheckState.PartiallyChecked
        images.setCheckState(0, Qt.CheckState.Checked)  # what a click on a half tick does
        assert self.shown(viewer) == {"Crystals"}
        images.setCheckState(0, Qt.CheckState.Checked)
        assert self.shown(viewer) == {"Crystals", "BSE", "Mg"}
        results = self.row(widget, "Results")
        results.setCheckState(0, Qt.CheckState.Checked)
        assert self.shown(viewer) == {"BSE", "Mg"}

    def test_double_click_shows_one_image_alone_in_its_group(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        item = self.row(widget, "Ca")
        widget.scroll_area.ensureWidgetVisible(widget.tree)
        rect = widget.tree.visualItemRect(item)
        for click in (qtbot.mouseClick, qtbot.mouseDClick):
            click(widget.tree.viewport(), LEFT, pos=rect.topLeft() + QPoint(50, 10))
        assert self.shown(viewer) == {"Ca", "Crystals"}
        assert viewer.layers.selection.active is viewer.layers["Ca"]

    def test_state_leads_to_the_dock_that_mends_it(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        # A layer that comes between press and release would fill the tree anew.
        qtbot.waitUntil(lambda: "Sessions" in viewer.layers, timeout=20_000)
        qtbot.wait(50)
        item = self.row(widget, "Phase mask")
        rect = widget.tree.visualItemRect(item)
        place = rect.center()
        place.setX(widget.tree.header().sectionPosition(1) + 12)
        qtbot.mouseClick(widget.tree.viewport(), LEFT, pos=place)
        assert not docks(viewer)  # it is up to date: nothing to mend
        before = widget.session.require().annotation("placements")
        widget.session.annotate("placements", before.assign(use="ignore"))
        item = self.row(widget, "mg# map")
        assert "calibration out of date too" in item.text(1)
        place.setY(widget.tree.visualItemRect(item).center().y())
        qtbot.mouseClick(widget.tree.viewport(), LEFT, pos=place)
        assert docks(viewer) == {"EPMA profiles"}
        widget.session.annotate("placements", before)

    def test_next_step_leads_to_its_dock(self, qtbot: Any, viewer: Any, widget: Any) -> None:
        assert "train a network" in widget.next.text()
        assert "href='train'>Train" in widget.next.text()
        widget.next.linkActivated.emit("train")
        assert docks(viewer) == {"Train"}
        train = open_dock(viewer, "Train")
        # Enter starts it; without a window manager no window is the active one.
        qtbot.waitUntil(lambda: train.window().focusWidget() is train.run_button, timeout=2000)

    def test_export_and_levelling_are_pointed_out_where_they_are(
        self, qtbot: Any, viewer: Any, widget: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("napari_olivine.widgets.dock_base.opening.POINTED_MS", 3_600_000)
        crystals = open_dock(viewer, "Crystals", "export")
        qtbot.waitUntil(crystals.export.export_button.isVisible, timeout=2000)
        qtbot.waitUntil(lambda: "border" in crystals.export.export_button.styleSheet())
        open_dock(viewer, "Section", "level")
        button = widget.levelling.button
        qtbot.waitUntil(lambda: widget.window().focusWidget() is button, timeout=2000)
        assert not button.visibleRegion().isEmpty()  # scrolled into view
        qtbot.waitUntil(lambda: "border" in button.styleSheet())


def docks(viewer: Any) -> set[str]:
    from qtpy.QtWidgets import QDockWidget

    from napari_olivine.registry import DOCKS

    titles = [dock.windowTitle() for dock in viewer.window._qt_window.findChildren(QDockWidget)]
    return {name for name in DOCKS if any(t.startswith(name) for t in titles)} - {"Section"}
