"""A rule is typed: words are completed, errors marked, and what it takes is seen at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_olivine.masks import NAMED, OLIVINE, MaskSettings, RuleViewer
from napari_olivine.section import Section
from napari_olivine.widgets.masks.preview_part import NAME
from napari_olivine.widgets.masks.rule_part import PAUSE_MS
from napari_olivine.widgets.masks.scatter_part import NAME as BRUSHED
from napari_olivine.widgets.masks.scatter_plot import limit_ends
from tests.helpers.shared_window import open_once, settle
from tests.helpers.widget_sections import Mouse, active_window, copy_of, imported_section
from tests.widgets.docks.test_docks import dock

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def path() -> Path:
    return imported_section()


@pytest.fixture(scope="module")
def viewer(module_viewer: Any, path: Path) -> Any:
    open_once(module_viewer, path)
    settle(module_viewer)
    return module_viewer


@pytest.fixture
def widget(viewer: Any) -> Any:
    return dock(viewer, "Phase masks")


def cells(table: Any, column: int) -> list[str]:
    """The texts of a column."""
    return [table.item(row, column).text() for row in range(table.rowCount())]


def middle_of_olivine(section: Section) -> tuple[int, int]:
    """Return the pixel that lies deepest in olivine."""
    whole = tuple(slice(0, length) for length in section.shape)
    taken = RuleViewer(section).view(MaskSettings(rule="olivine-paper"), (whole[0], whole[1]))
    depth = cv2.distanceTransform(taken.taken.astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return int(row) * taken.maps.factor, int(column) * taken.maps.factor


def move_to(viewer: Any, x_um: float, y_um: float) -> None:
    """Move the mouse to a place of the section."""
    mouse = Mouse(viewer)
    pixel = mouse._pixel(x_um, y_um).toPoint()
    QTest.mouseMove(mouse.canvas, pixel - QPoint(5, 5))
    QTest.qWait(30)
    QTest.mouseMove(mouse.canvas, pixel)


def draw(
    plot: Any,
    places: list[tuple[float, float]],
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Drag the mouse over the plot, along places from 0 to 1."""
    pixels = [plot.place_of(*place) for place in places]
    QTest.mousePress(plot, LEFT, keys, pixels[0].toPoint())
    for pixel in pixels[1:]:
        globally = QPointF(plot.mapToGlobal(pixel.toPoint()))
        event = QMouseEvent(QEvent.Type.MouseMove, pixel, globally, LEFT, LEFT, keys)
        QApplication.sendEvent(plot, event)
    QTest.mouseRelease(plot, LEFT, keys, pixels[-1].toPoint())


@contextmanager
def typing(widget: Any) -> Iterator[None]:
    """While a person types without a pause, however busy the machine is."""
    pause = widget.rule_part._pause
    pause.setInterval(600_000)
    yield
    pause.setInterval(PAUSE_MS)
    pause.start()


def type_rule(qtbot: Any, widget: Any, text: str) -> None:
    """Type a rule in the place of the one that is there."""
    widget.own.setFocus()
    qtbot.keyClick(widget.own, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(widget.own, text)


class TestRule:
    def test_a_named_rule_is_changed_where_it_stands(self, qtbot: Any, widget: Any) -> None:
        assert widget.own.text() == OLIVINE
        assert widget.settings() == MaskSettings()
        widget.own.setFocus()
        qtbot.keyClick(widget.own, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClicks(widget.own, " and Mg > 10")
        assert widget.rule.currentText() == "own conditions"
        assert widget.settings().rule == f"{OLIVINE} and Mg > 10"
        widget.rule.setCurrentText("olivine-paper")
        assert widget.own.text() == next(iter(NAMED["olivine-paper"].values()))
        widget.rule.setCurrentText("own conditions")
        assert widget.own.text().endswith(" and Mg > 10"), "what was typed is kept"

    def test_words_are_completed_by_keys(self, qtbot: Any, viewer: Any, widget: Any) -> None:
        active_window(qtbot, viewer)
        type_rule(qtbot, widget, "c")
        assert widget.own.offered == ["Ca"]
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Return)
        qtbot.keyClicks(widget.own, "/m")
        assert widget.own.offered == ["Mg"]
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Tab)
        qtbot.keyClicks(widget.own, " < 0.1 a")
        assert widget.own.offered == ["and", "area", "Al"]
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Escape)
        assert widget.own.offered == []
        qtbot.keyClick(widget.own, Qt.Key.Key_Return)
        assert widget.own.text() == "Ca/Mg < 0.1 a", "no new line"
        qtbot.keyClicks(widget.own, " ")
        assert widget.own.offered == []
        qtbot.keyClick(widget.own, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
        assert {"Mg", "and", "ref"} <= set(widget.own.offered), "all words, when asked for"
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Escape)
        type_rule(qtbot, widget, "olivine-p")
        assert widget.own.offered == ["olivine-paper"]
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Return)
        assert widget.settings().rule == "olivine-paper"

    def test_an_error_is_told_and_its_character_marked(self, qtbot: Any, widget: Any) -> None:
        part = widget.rule_part
        with typing(widget):
            type_rule(qtbot, widget, "Ca/Mg < 0.1 an ")
            assert not part.problem.isVisible(), "while the person types nothing is told"
        qtbot.waitUntil(part.problem.isVisible)
        assert "at character 13" in part.problem.text()
        assert widget.own.marked == 12
        type_rule(qtbot, widget, " Ni/Mg > 2")
        qtbot.waitUntil(lambda: "needs Ni" in part.problem.text())
        assert "has only BSE, Mg" in part.problem.text()
        assert widget.own.marked == 1
        type_rule(qtbot, widget, "Mg > 0.5 ref")
        qtbot.waitUntil(lambda: "none is picked" in part.problem.text())
        type_rule(qtbot, widget, "Mg > 20")
        assert not part.problem.isVisible()
        assert widget.own.marked is None


class TestPreview:
    def test_what_is_typed_is_seen_at_once(self, qtbot: Any, viewer: Any, widget: Any) -> None:
        live, part = widget.live, widget.preview
        active = viewer.layers.selection.active
        widget.rule.setCurrentText("olivine")
        assert not part.table.isVisible() and NAME not in viewer.layers
        qtbot.mouseClick(part.box, LEFT, pos=part.box.rect().bottomLeft() + QPoint(8, -8))
        qtbot.waitUntil(lambda: NAME in viewer.layers)
        assert viewer.layers.selection.active is active
        assert "The plain rule on means of 2 x 2 px" in part.note.text()
        shown = cells(part.table, 0)
        assert shown[0] == "Ca/Mg < 0.1" and shown[-1] == "the rule"
        assert shown[3].startswith("Si/(Mg + Fe) < 0.8"), "the limit beside the olivine of the maps"

        type_rule(qtbot, widget, "Mg > 20 and Ca/Mg < 0.2")
        qtbot.waitUntil(lambda: cells(part.table, 0) == ["Mg > 20", "Ca/Mg < 0.2", "the rule"])
        layer, preview = viewer.layers[NAME], live.preview
        assert np.array_equal(layer.data, preview.taken)
        assert cells(part.table, 1)[2] == f"{100 * preview.taken.mean():.1f} %"
        first = [2 * preview.maps.rows.start + 0.5, 2 * preview.maps.columns.start + 0.5]
        size = widget.session.require().pixel_size_um
        assert layer.extent.world[0] == pytest.approx(np.multiply(first, size)), "of 2 x 2 px"

        with typing(widget):
            qtbot.keyClicks(widget.own, " foo")
            live._background._pool.waitForDone()
            QApplication.processEvents()
            assert layer.data.any(), "while half a word is typed nothing goes away"
        qtbot.waitUntil(lambda: not layer.data.any())
        assert part.table.rowCount() == 0
        type_rule(qtbot, widget, "Mg > 0.5 p99")
        qtbot.waitUntil(lambda: layer.data.any())
        qtbot.waitUntil(lambda: part.table.rowCount() == 2)
        shown = cells(part.table, 0)[0]
        assert shown.startswith("Mg > ") and "p99" not in shown, "the percentile is a number now"

    def test_it_follows_the_view_and_the_mouse(
        self, qtbot: Any, viewer: Any, widget: Any, path: Path
    ) -> None:
        live, part = widget.live, widget.preview
        part.box.setChecked(True)
        type_rule(qtbot, widget, "Mg > 20 and Ca/Mg < 0.2")
        section = widget.session.require()
        row, column = middle_of_olivine(section)
        size = section.pixel_size_um
        viewer.scene.camera.center, viewer.scene.camera.zoom = (0, row * size, column * size), 4.0
        qtbot.waitUntil(lambda: live.preview is not None and live.preview.maps.level == 0)
        assert "means" not in part.note.text()
        maps = live.preview.maps
        assert maps.rows.start < row < maps.rows.stop
        low, _ = viewer.layers[NAME].extent.world
        assert low == pytest.approx([maps.rows.start * size, maps.columns.start * size])
        move_to(viewer, column * size, row * size)
        qtbot.waitUntil(lambda: "Mg" in part.levels.text())
        verdicts = cells(part.table, 2)
        assert verdicts[2] == "✓ takes it" and verdicts[0].startswith("✓ ")
        assert float(verdicts[0][2:]) == pytest.approx(live.preview.smooth("Mg").max(), rel=0.5)
        widget.rule_part.edit.selectAll()
        qtbot.keyClicks(widget.own, "Mg < 20")
        qtbot.waitUntil(lambda: cells(part.table, 2)[-1:] == ["✗ leaves it"])

    def test_it_ends_with_its_layer(self, qtbot: Any, viewer: Any, widget: Any) -> None:
        part = widget.preview
        widget.rule.setCurrentText("olivine-paper")
        part.box.setChecked(True)
        qtbot.waitUntil(lambda: part.note.text() == "The plain rule; the mask is the same.")
        assert NAME in viewer.layers
        widget.on_front(False)
        assert NAME not in viewer.layers and not widget.live.following
        widget.on_front(True)
        qtbot.waitUntil(lambda: NAME in viewer.layers)
        viewer.layers.remove(viewer.layers[NAME])
        assert not part.box.isChecked() and not widget.live.following
        assert not part.table.isVisible()
        part.box.setChecked(True)
        qtbot.waitUntil(lambda: NAME in viewer.layers)
        widget.session.result_comes.emit()
        assert NAME not in viewer.layers, "the mask itself is seen now"


class TestScatter:
    def test_an_outline_on_the_plot_is_seen_in_the_image(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        part, live = widget.scatter, widget.live
        type_rule(qtbot, widget, "Ca/Mg < 0.1 and Al/Mg < 0.1")
        assert not live.following, "nothing is read for a plot that is folded"
        qtbot.mouseClick(part.button, LEFT)
        qtbot.waitUntil(lambda: part.plot.scatter is not None)
        assert (part.x_box.currentText(), part.y_box.currentText()) == ("Ca/Mg", "Al/Mg")
        assert [line.text for line in part.plot.scatter.lines] == ["Ca/Mg < 0.1", "Al/Mg < 0.1"]
        widget.scroll_area.ensureWidgetVisible(part.plot)

        draw(part.plot, [(0, 0), (0.3, 0.3)])
        inside = viewer.layers[BRUSHED].data > 0
        taken = live.preview.taken
        assert (inside & taken).sum() > 0.9 * taken.sum(), "olivine lies in the lower left corner"
        assert f"{inside.sum():,} pixels of the view lie in the outline" in part.note.text()
        corners = [(0.6, 0.6), (1, 0.6), (1, 1), (0.6, 1), (0.6, 0.6)]
        draw(part.plot, corners, Qt.KeyboardModifier.ShiftModifier)
        lasso = viewer.layers[BRUSHED].data > 0
        assert lasso.any() and not (lasso & taken).any()
        draw(part.plot, [(0.5, 0.5)])
        assert BRUSHED not in viewer.layers, "a click takes it away"

    def test_a_rectangle_in_the_image_is_seen_on_the_plot(
        self, qtbot: Any, viewer: Any, widget: Any
    ) -> None:
        part, live = widget.scatter, widget.live
        type_rule(qtbot, widget, "Ca/Mg < 0.1 and Al/Mg < 0.1")
        part.set_expanded(True)
        section = widget.session.require()
        row, column = middle_of_olivine(section)
        size = section.pixel_size_um
        viewer.scene.camera.center, viewer.scene.camera.zoom = (0, row * size, column * size), 4.0
        qtbot.waitUntil(lambda: live.scatter is not None and live.preview.maps.level == 0)
        qtbot.mouseClick(part.mark_button, LEFT)
        x, y = column * size, row * size
        Mouse(viewer).drag([(x - 5, y - 4), (x, y), (x + 5, y + 4)])
        qtbot.waitUntil(lambda: len(part.plot.marked) > 0)
        assert len(part.plot.marked) == pytest.approx(80, abs=30)
        assert part.plot.marked.max() < 0.5, "all of it is olivine: the lower left corner"
        assert not part.mark_button.isChecked()
        assert viewer.layers.selection.active.name == "BSE"
        draw(part.plot, [(0, 0), (0.3, 0.3)])
        assert "Marked for the plot" not in viewer.layers and not len(part.plot.marked)
        assert BRUSHED in viewer.layers, "one mark at a time"
        part.set_expanded(False)
        assert BRUSHED not in viewer.layers and not live.following

    def test_an_axis_is_written_by_hand(self, qtbot: Any, widget: Any) -> None:
        part = widget.scatter
        type_rule(qtbot, widget, "Ca/Mg < 0.1")
        part.set_expanded(True)
        qtbot.waitUntil(lambda: part.plot.scatter is not None)
        for box, text in ((part.x_box, "Mg"), (part.y_box, "Ca")):
            box.setFocus()
            box.lineEdit().selectAll()
            qtbot.keyClicks(box.lineEdit(), text)
            qtbot.keyClick(box.lineEdit(), Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: part.plot.scatter.y_axis.text == "Ca")
        (line,) = part.plot.scatter.lines
        (x0, y0), (x1, y1) = limit_ends(part.plot.scatter, line)
        assert (x0, y0) == pytest.approx((0, 0), abs=1e-6) and x1 == 1 and y1 > 0
        part.x_box.lineEdit().selectAll()
        qtbot.keyClicks(part.x_box.lineEdit(), "Ni/Mg")
        qtbot.keyClick(part.x_box.lineEdit(), Qt.Key.Key_Return)
        assert "no map of Ni" in part.problem.text()

    def test_another_section_begins_anew(
        self, qtbot: Any, viewer: Any, widget: Any, path: Path, tmp_path: Path
    ) -> None:
        part = widget.scatter
        widget.rule.setCurrentText("olivine-paper")
        widget.preview.box.setChecked(True)
        part.set_expanded(True)
        qtbot.waitUntil(lambda: part.plot.scatter is not None)
        draw(part.plot, [(0, 0), (0.3, 0.3)])
        widget.session.open(copy_of(path, tmp_path))
        assert {NAME, BRUSHED}.isdisjoint(layer.name for layer in viewer.layers)
        qtbot.waitUntil(lambda: part.plot.scatter is not None)
        open_once(viewer, path)
        viewer.window.remove_dock_widget(widget)
        assert not viewer.mouse_move_callbacks
