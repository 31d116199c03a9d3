"""Traverses and crystals under a real mouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_olivine.readers import import_section
from napari_olivine.section import Section
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.shared_window import settle, take_back_edits
from tests.helpers.widget_sections import (
    Mouse,
    active_window,
    copy_of,
    crystals_of,
    finished_section,
)

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="class")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(finished_section(), tmp_path_factory.mktemp("mouse"))


@pytest.fixture(scope="class")
def viewer(class_viewer: Any, path: Path) -> Any:
    OpenSection.of(class_viewer).open(path)
    return class_viewer


@pytest.fixture
def mouse(viewer: Any, widget: Any) -> Mouse:
    return Mouse(viewer)


def dock(viewer: Any, name: str) -> Any:
    widget = viewer.window.add_plugin_dock_widget("napari-olivine", name, tabify=True)[1]
    settle(viewer)
    return widget


@pytest.fixture(scope="class")
def profiles(viewer: Any) -> Any:
    return dock(viewer, "EPMA profiles")


@pytest.fixture(scope="class")
def crystals(viewer: Any) -> Any:
    return dock(viewer, "Crystals")


class TestTraverses:
    @pytest.fixture
    def widget(self, viewer: Any, profiles: Any) -> Any:
        yield profiles
        take_back_edits(viewer)
        viewer.layers["EPMA traverses"].mode = "pan_zoom"
        viewer.layers.selection.active = viewer.layers["BSE"]
        profiles.choose(profiles.traverses.profiles[0])
        profiles.hide_error()

    def stored(self, path: Path, profile: str) -> Any:
        table = Section(path).annotation("placements").set_index("profile")
        return table.loc[profile]

    def test_placed_profiles_are_lines_in_the_image(self, viewer: Any, widget: Any) -> None:
        layer = viewer.layers["EPMA traverses"]
        assert len(layer.data) == widget.table.rowCount() == 6
        placed = widget.traverses.line(widget.current)
        np.testing.assert_allclose(layer.data[0][0], [placed[1], placed[0]])
        assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
        assert {len(curve.x) > 5 for curve in widget.plot.curves} == {True}

    def test_a_line_is_as_wide_at_every_zoom(self, qtbot: Any, viewer: Any, widget: Any) -> None:
        camera, layer = viewer.scene.camera, viewer.layers["EPMA traverses"]
        placed = [ends.copy() for ends in layer.data]
        for zoom in (0.5, 8.0):
            camera.zoom = zoom
            qtbot.wait(400)
            on_screen = (
                np.array(layer.edge_width) * Section(widget.session.section.path).pixel_size_um
            )
            chosen = [6.0, *[3.0] * 5]
            np.testing.assert_allclose(on_screen * zoom, chosen, rtol=0.01)
        for before, after in zip(placed, layer.data, strict=True):
            np.testing.assert_array_equal(before, after)
        assert not widget.session.history.can_undo

    def test_a_click_on_a_row_leaves_the_view_and_a_double_click_zooms(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        camera = viewer.scene.camera
        camera.center, camera.zoom = (0.0, 5000.0, 5000.0), 3.0
        table, name = widget.table, widget.traverses.profiles[2]
        cell = table.visualItemRect(table.item(2, 0)).center()
        qtbot.mouseClick(table.viewport(), LEFT, pos=cell)
        assert widget.current == name
        assert np.argmax(viewer.layers["EPMA traverses"].edge_width) == 2, "the broad one"
        assert (camera.center, camera.zoom) == ((0.0, 5000.0, 5000.0), 3.0)
        qtbot.mouseDClick(table.viewport(), LEFT, pos=cell)
        x0, y0, x1, y1 = widget.traverses.line(name)
        assert camera.center[1:] == pytest.approx(((y0 + y1) / 2, (x0 + x1) / 2))
        height, width = np.array(viewer.canvas.size) / camera.zoom
        assert max(abs(y1 - y0) / height, abs(x1 - x0) / width) == pytest.approx(0.5)

    def test_drawn_line_is_stored_for_the_chosen_table(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        profile = widget.traverses.profiles[2]
        widget.table.selectRow(2)
        assert widget.current == profile
        before = widget.traverses.line(profile)
        curves = widget.plot.curves
        viewer.reset_view()
        qtbot.mouseClick(widget.tools["Draw"], LEFT)
        mouse.drag([(300, 300), (400, 350), (600, 500)])
        line = self.stored(path, profile)
        got = [line["x0_um"], line["y0_um"], line["x1_um"], line["y1_um"]]
        np.testing.assert_allclose(got, [300, 300, 600, 500], atol=6)  # some um a screen pixel
        assert len(viewer.layers["EPMA traverses"].data) == 6  # the old line is replaced
        assert not np.array_equal(widget.plot.curves[0].y, curves[0].y)
        viewer.layers.selection.active = viewer.layers["EPMA traverses"]
        active_window(qtbot, viewer)
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert widget.traverses.line(profile) == before
        line = self.stored(path, profile)
        assert (line["x0_um"], line["y0_um"]) == pytest.approx(before[:2])

    def test_slip_of_the_mouse_is_no_line(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse
    ) -> None:
        before = widget.traverses.table
        qtbot.mouseClick(widget.tools["Draw"], LEFT)
        mouse.drag([(300, 300), (301, 301)])
        qtbot.wait(100)
        assert widget.traverses.table.equals(before)
        assert len(viewer.layers["EPMA traverses"].data) == 6
        assert viewer.layers["EPMA traverses"].selected_data == {0}, "its ends can be moved"

    def test_dragged_end_moves_and_the_plot_follows(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        profile = widget.traverses.profiles[0]
        x0, y0, x1, y1 = widget.traverses.line(profile)
        viewer.scene.camera.center = (0, y0, x0)
        viewer.scene.camera.zoom = 2.0
        qtbot.mouseClick(widget.tools["Move"], LEFT)
        qtbot.wait(100)
        drawn: list[Any] = []
        draw = widget.draw
        widget._redraw.timeout.connect(lambda: (draw(), drawn.append(widget.plot.curves[0].y)))
        mouse.drag([(x0, y0), (x0 + 10, y0 + 5), (x0 + 20, y0 + 15), (x0 + 40, y0 + 30)])
        qtbot.wait(150)
        line = self.stored(path, profile)
        assert line["x0_um"] == pytest.approx(x0 + 40, abs=2)
        assert line["y0_um"] == pytest.approx(y0 + 30, abs=2)
        assert (line["x1_um"], line["y1_um"]) == pytest.approx((x1, y1), abs=0.02)
        assert len(drawn) >= 2  # also while the mouse was down
        assert "out of date: traverses changed since" in widget.state.text()
        assert "no longer there" not in widget.state.text(), "nobody had drawn outlines"
        qtbot.mouseClick(widget.tools["Undo"], LEFT)
        assert widget.traverses.line(profile) == (x0, y0, x1, y1)
        assert "up to date" in widget.state.text()

    def test_flip_use_and_owner(self, qtbot: Any, widget: Any, path: Path) -> None:
        first, second = widget.traverses.profiles[:2]
        lines = widget.traverses.lines()
        qtbot.mouseClick(widget.tools["Flip"], LEFT)
        assert self.stored(path, first)["x0_um"] == lines[first][2]
        widget.session.history.undo()
        widget._on_owner(second)
        assert self.stored(path, second)["x0_um"] == lines[first][0]
        assert widget.current == second
        widget.session.history.undo()
        widget.table.cellWidget(0, 1).textActivated.emit("ignore")
        assert self.stored(path, first)["use"] == "ignore"

    def test_a_bad_analysis_is_left_out_by_a_click_and_taken_in_again(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        first = widget.traverses.profiles[0]
        before = widget.plot.curves[-1]
        place = widget.plot.place_of(7)
        qtbot.mouseMove(widget.plot, place.toPoint())
        qtbot.waitUntil(lambda: "Analysis 7: mg# 0." in widget.plot.toolTip(), timeout=2000)
        qtbot.mouseClick(widget.plot, LEFT, pos=place.toPoint())
        assert self.stored(path, first)["left_out"] == "7"
        measured, left_out = widget.plot.curves[-2:]
        assert (left_out.name, list(left_out.keys)) == ("left out", [7])
        assert len(measured.x) == len(before.x) - 1
        assert "out of date: traverses changed since" in widget.state.text()
        active_window(qtbot, viewer)
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert widget.plot.curves[-1].name == "mg# by EPMA"
        assert "up to date" in widget.state.text()
        qtbot.mouseClick(widget.plot, LEFT, pos=place.toPoint())
        qtbot.mouseClick(widget.plot, LEFT, pos=place.toPoint())
        assert "left_out" not in self.stored(path, first)

    def test_a_profile_without_a_line_has_no_axis_of_grey(self, viewer: Any, widget: Any) -> None:
        widget.traverses.remove(widget.current)
        assert widget.plot.below.label == "Distance, µm"
        assert {curve.side for curve in widget.plot.curves} == {"right"}
        assert [curve.name for curve in widget.plot.curves] == ["mg# by EPMA"]

    def test_lines_keep_to_their_dock(self, qtbot: Any, viewer: Any, widget: Any) -> None:
        """A crystal can be clicked as soon as another dock is in front."""
        layer = viewer.layers["EPMA traverses"]
        qtbot.mouseClick(widget.tools["Move"], LEFT)
        assert (layer.mode, viewer.layers.selection.active) == ("direct", layer)
        other = dock(viewer, "Crystals")
        qtbot.waitUntil(lambda: layer.mode == "pan_zoom", timeout=2000)
        viewer.window.remove_dock_widget(other)

    def test_delete_takes_the_chosen_line_in_every_mode(
        self, qtbot: Any, viewer: Any, widget: Any, mouse: Mouse
    ) -> None:
        layer = viewer.layers["EPMA traverses"]
        active_window(qtbot, viewer)
        second = widget.traverses.profiles[1]
        widget.table.setFocus()
        qtbot.keyClick(widget.table, Qt.Key.Key_Down)
        assert widget.current == second
        assert np.argmax(layer.edge_width) == 1, "the chosen line is the broad one"
        qtbot.keyClick(widget.table, Qt.Key.Key_Delete)
        assert widget.traverses.line(second) is None
        qtbot.keyClick(widget.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert widget.traverses.line(second) is not None
        for mode in ("pan_zoom", "direct"):
            viewer.layers.selection.active = layer
            layer.mode = mode
            mouse.canvas.setFocus()
            qtbot.keyClick(mouse.canvas, Qt.Key.Key_Delete)
            assert widget.traverses.line(second) is None, mode
            qtbot.mouseClick(widget.tools["Undo"], LEFT)
        viewer.layers.selection.active = viewer.layers["BSE"]
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_Delete)
        assert widget.traverses.line(second) is not None, "the lines are not what is worked on"

    def test_deleted_line_leaves_its_table_unplaced(
        self, qtbot: Any, viewer: Any, widget: Any, path: Path
    ) -> None:
        profile = widget.traverses.profiles[1]
        layer = viewer.layers["EPMA traverses"]
        layer.selected_data = {1}
        layer.remove_selected()
        qtbot.waitUntil(lambda: widget.traverses.line(profile) is None, timeout=2000)
        assert profile not in set(Section(path).annotation("placements")["profile"])
        assert widget.table.item(1, 3).text().endswith("/ none")
        widget._on_use(profile, "test")
        assert "draw its line first" in widget.run_bar.error_text.text()


class TestSpots:
    def test_analyses_with_positions_of_their_own(
        self, qtbot: Any, make_napari_viewer: Any, shared_data: Path, tmp_path: Path
    ) -> None:
        section = import_section(shared_data / "chloritoid", tmp_path / "chloritoid")
        viewer = make_napari_viewer(show=True)
        widget = viewer.window.add_plugin_dock_widget("napari-olivine", "EPMA profiles")[1]
        widget.session.open(section.path)
        spots = viewer.layers["EPMA spots"]
        analyses = section.table("epma", "analyses")
        assert len(spots.data) == len(analyses) == 31
        np.testing.assert_allclose(
            spots.data * section.pixel_size_um, analyses[["y_um", "x_um"]], rtol=1e-6
        )
        assert [len(curve.x) for curve in widget.plot.curves] == [31, 31]
        qtbot.mouseClick(widget.tools["Draw"], LEFT)
        assert "needs no line" in widget.run_bar.error_text.text()


class TestCrystals:
    @pytest.fixture
    def widget(self, viewer: Any, crystals: Any) -> Any:
        yield crystals
        crystals.filter.clear()
        crystals.session.select(0)
        viewer.reset_view()

    def a_place_on(self, path: Path, crystal: int) -> tuple[float, float]:
        """x and y of a pixel of a crystal, the one nearest to its centre."""
        row = crystals_of(path).set_index("id").loc[crystal]
        labels = Section(path).raster("crystals", "crystals").read(slice(0, None), slice(0, None))
        rows, columns = np.nonzero(labels == crystal)
        nearest = np.argmin((rows - row["y_um"]) ** 2 + (columns - row["x_um"]) ** 2)
        return float(columns[nearest]), float(rows[nearest])

    def test_click_on_a_crystal_selects_its_row(
        self, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        viewer.reset_view()
        for crystal in crystals_of(path).nlargest(3, "area_um2")["id"]:
            mouse.click(*self.a_place_on(path, crystal))
            assert widget.session.selected == crystal
            (index,) = widget.view.selectionModel().selectedRows()
            assert widget.model.id_at(index.row()) == crystal
            assert f"Crystal {crystal}" in widget.summary.text.text()
            outline = viewer.layers["Selected crystal"]
            x, y = self.a_place_on(path, crystal)
            row, column = (round(v) for v in outline.world_to_data((y, x)))
            assert outline.data[row, column] == 1

    def test_click_beside_crystals_selects_none(
        self, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        viewer.reset_view()
        crystal = int(crystals_of(path).nlargest(1, "area_um2")["id"].iloc[0])
        widget.session.select(crystal)
        labels = Section(path).raster("crystals", "crystals").read(slice(0, None), slice(0, None))
        free = np.argwhere(labels[200:210, 200:] == 0)[0]
        mouse.click(float(free[1]) + 200, float(free[0]) + 200)
        assert widget.session.selected == 0
        assert "Selected crystal" not in viewer.layers
        assert not widget.view.selectionModel().hasSelection()

    def test_dragging_moves_the_view_and_selects_nothing(
        self, viewer: Any, widget: Any, mouse: Mouse, path: Path
    ) -> None:
        crystal = int(crystals_of(path).nlargest(1, "area_um2")["id"].iloc[0])
        x, y = self.a_place_on(path, crystal)
        before = viewer.scene.camera.center
        mouse.drag([(x, y), (x + 50, y), (x + 120, y)])
        assert widget.session.selected == 0
        assert viewer.scene.camera.center != before

    def test_radial_profile_and_the_crystals_like_it(
        self, qtbot: Any, viewer: Any, widget: Any, path: Path
    ) -> None:
        profiles = Section(path).table("crystals", "profiles")
        crystal = int(profiles["id"].iloc[0])
        widget.session.select(crystal)
        assert widget.radial.isVisible()
        curve = widget.radial.plot.curves[-1]
        low, high = np.nanmin(curve.y), np.nanmax(curve.y)
        row = crystals_of(path).set_index("id").loc[crystal]
        assert low - 0.02 < row["mg_centre"] < high + 0.02
        assert "zon" in widget.summary.text.text()
        qtbot.mouseClick(widget.radial.button, Qt.MouseButton.LeftButton)
        assert widget.filter.text() == f"like={crystal}"
        assert widget.model.id_at(0) == crystal
        assert widget.model.rowCount() <= len(profiles)
        without = int(crystals_of(path).nsmallest(1, "area_um2")["id"].iloc[0])
        widget.session.select(without)
        assert not widget.radial.isVisible()

    def test_row_centres_the_view_on_its_crystal(
        self, qtbot: Any, viewer: Any, widget: Any, path: Path
    ) -> None:
        row = crystals_of(path).nsmallest(1, "area_um2").iloc[0]
        place = widget.model.row_of(int(row["id"]))
        widget.view.scrollTo(widget.model.index(place, 0))
        widget.session.select(int(crystals_of(path).nlargest(1, "area_um2")["id"].iloc[0]))
        widget.view.scrollTo(widget.model.index(place, 0))
        rectangle = widget.view.visualRect(widget.model.index(place, 0))
        qtbot.mouseClick(widget.view.viewport(), LEFT, pos=rectangle.center())
        assert widget.session.selected == row["id"]
        assert viewer.scene.camera.center[1:] == pytest.approx((row["y_um"], row["x_um"]))
        assert viewer.scene.camera.zoom > 2  # a microlite is brought near
        picture = viewer.screenshot(canvas_only=True, flash=False).astype(int)
        yellow = (picture[..., 0] > 200) & (picture[..., 1] > 200) & (picture[..., 2] < 90)
        rows, columns = np.nonzero(yellow)
        assert rows.size > 20  # its outline is drawn round the middle of the canvas
        assert rows.mean() == pytest.approx(picture.shape[0] / 2, abs=40)
        assert columns.mean() == pytest.approx(picture.shape[1] / 2, abs=40)

    def test_filter_line(self, qtbot: Any, widget: Any, path: Path) -> None:
        table = crystals_of(path)
        qtbot.keyClicks(widget.filter, "phenocryst area>15000")
        wanted = table[(table["size_class"] == "phenocryst") & (table["area_um2"] > 15000)]
        assert 0 < widget.model.rowCount() == len(wanted)
        place = widget.tabs.geometry().topLeft()
        widget.filter.setText("colour>3")
        assert "No column begins with 'colour'" in widget.problem.text()
        qtbot.wait(50)
        assert widget.tabs.geometry().topLeft() == place, "the table stays under the mouse"

    def test_colours_follow_the_classes(self, viewer: Any, widget: Any, path: Path) -> None:
        from napari.utils.color import ColorValue

        layer = viewer.layers["Crystals"]
        table = crystals_of(path)
        reversed_ones = table[table["zoning_class"] == "reversed"]["id"]
        assert len(reversed_ones)
        for crystal in reversed_ones:
            np.testing.assert_allclose(
                layer.colormap.map(crystal), ColorValue("#0072B2"), atol=1e-6
            )


class TestSteps:
    def test_calibration_runs_on_the_moved_line(self, qtbot: Any, viewer: Any, path: Path) -> None:
        widget = dock(viewer, "EPMA profiles")
        widget.form.editors["refine_placement"].value = False  # most of the time
        widget.traverses.set_use(widget.traverses.profiles[0], "ignore")
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
            qtbot.mouseClick(widget.run_button, LEFT)
        assert "Warning: No profile calibrates session" in widget.run_bar.error_text.text()
        assert widget.run_bar.log.text().startswith("RMSE of mg# 0.0")
        assert widget.table.item(0, 2).text() == ""
        assert widget.table.item(2, 2).text().startswith("0.0")
        assert Section(path).state("calibration") == "fresh"

    def test_crystals_are_found_anew(self, qtbot: Any, viewer: Any) -> None:
        widget = dock(viewer, "Crystals")
        before = widget.model.rowCount()
        widget.session.select(1)
        widget.form.editors["min_area_um2"].value = 200.0
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
            qtbot.mouseClick(widget.run_button, LEFT)
        assert not widget.run_bar.error_box.isVisible(), widget.run_bar.error_text.text()
        assert 0 < widget.model.rowCount() < before
        assert widget.session.selected == 0
        assert viewer.layers["Crystals"].visible
