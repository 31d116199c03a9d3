"""A person corrects the mask in a window: strokes, a piece, a polygon, and Ctrl-Z."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_olivine.masks.corrections import MaskCorrections, make_correction
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.widget_sections import Mouse, active_window, copy_of, finished_section
from tests.widgets.docks.test_docks import dock

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton
CTRL = Qt.KeyboardModifier.ControlModifier
WHOLE = np.s_[:, :]


@pytest.fixture
def window(qtbot: Any, class_viewer: Any, tmp_path: Path) -> Any:
    session = OpenSection.of(class_viewer)
    session.open(copy_of(finished_section(), tmp_path))
    widget = dock(class_viewer, "Phase masks")
    qtbot.wait(200)
    yield class_viewer, widget, session
    class_viewer.window.remove_dock_widget(widget)


def pixels(session: OpenSection) -> np.ndarray:
    return session.require().raster("mask", "olivine").read(slice(None), slice(None))


class TestCorrecting:
    def test_strokes_polygon_fill_and_undo(self, qtbot: Any, window: Any) -> None:
        viewer, widget, session = window
        section, part = session.require(), widget.correct
        size, before = section.pixel_size_um, pixels(session)
        record = (section.path / "mask/product.json").read_bytes()
        part.set_expanded(True)
        mouse, camera = Mouse(viewer), viewer.scene.camera
        history = session.history

        def painted() -> None:
            qtbot.waitUntil(lambda: not part.model.unpainted, timeout=15_000)
            qtbot.wait(50)

        # A stroke across the middle: no olivine.
        rows, columns = before.shape
        y, x = rows * size / 2, columns * size / 2
        camera.center, camera.zoom = (0, y, x), 2.0
        qtbot.wait(200)
        qtbot.mouseClick(part.labels["olivine"], LEFT)
        qtbot.mouseClick(part.tools["Brush"], LEFT)
        assert part.width_um.value == 10
        assert session.layer("mask", "olivine").visible
        centre = camera.center
        mouse.drag([(x - 60, y), (x, y), (x + 60, y + 20)])
        assert camera.center == centre, "the view stays"
        painted()
        after = pixels(session)
        row, column = round(y / size), round(x / size)
        reach = round(4 / size)
        assert (after[row - reach : row + reach, column - reach : column + reach] == 1).all()
        shown = np.asarray(session.layer("mask", "olivine").data[0])
        assert np.array_equal(shown, after), "the layer shows it"
        assert len(part.model.corrections) == 1
        assert "pixels are corrected" in part.count.text()

        # At another zoom, narrower by a key, the other label.
        camera.zoom = 8.0
        qtbot.wait(200)
        active_window(qtbot, viewer)
        mouse.canvas.setFocus()
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_BracketLeft)
        assert part.width_um.value == 8
        qtbot.mouseClick(part.labels["other"], LEFT)
        mouse.drag([(x - 10, y), (x + 10, y)])
        painted()
        assert (pixels(session)[row, column - 3 : column + 3] == 0).all()

        # With the space bar held down a drag moves the view.
        mouse.canvas.setFocus()
        qtbot.keyPress(mouse.canvas, Qt.Key.Key_Space)
        mouse.drag([(x - 10, y), (x + 10, y)])
        qtbot.keyRelease(mouse.canvas, Qt.Key.Key_Space)
        assert camera.center[2] == pytest.approx(x - 20, abs=1)
        assert len(part.model.corrections) == 2
        camera.center = (0, y, x)
        qtbot.wait(100)

        # The hole that this left in the first stroke is filled.
        qtbot.mouseClick(part.labels["olivine"], LEFT)
        qtbot.mouseClick(part.tools["Fill"], LEFT)
        one = pixels(session)
        mouse.click(x, y)
        qtbot.waitUntil(lambda: len(history) == 3, timeout=15_000)
        painted()
        assert pixels(session)[row, column] == 1
        mouse.click(x, y)
        qtbot.waitUntil(lambda: part.problem.isVisible(), timeout=15_000)
        assert "already" in part.problem.text()

        # A polygon of no olivine.
        qtbot.mouseClick(part.labels["other"], LEFT)
        qtbot.mouseClick(part.tools["Polygon"], LEFT)
        assert not part.tools["Fill"].isChecked()
        for place in ((x - 20, y - 15), (x + 20, y - 15), (x + 20, y + 15), (x - 20, y + 15)):
            mouse.click(*place)
        last = mouse._pixel(x - 20, y + 15).toPoint()
        qtbot.mouseDClick(mouse.canvas, LEFT, pos=last)
        qtbot.waitUntil(lambda: len(history) == 4, timeout=15_000)
        painted()
        assert (pixels(session)[row - 5 : row + 5, column - 5 : column + 5] == 0).all()

        # Half a polygon is none.
        for place in ((x - 20, y - 25), (x + 20, y - 25), (x + 20, y - 35)):
            mouse.click(*place)
        active_window(qtbot, viewer)
        mouse.canvas.setFocus()
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_Escape)
        qtbot.wait(100)
        assert len(history) == 4
        assert not part.tool
        assert "Correct the mask" not in viewer.layers

        # Ctrl-Z takes one after the other back, to the pixel and the byte.
        said = []
        history.moved.connect(lambda step: said.append(step.describe()))
        for left in (3, 2, 1, 0):
            qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, CTRL)
            assert len(part.model.corrections) == left
            if left == 2:
                painted()
                qtbot.waitUntil(lambda: np.array_equal(pixels(session), one), timeout=15_000)
        assert said[0] == "Taken back: mask polygon: not olivine"
        qtbot.waitUntil(lambda: section.state("mask") == "fresh", timeout=15_000)
        qtbot.waitUntil(lambda: not part.model.corrections.file.exists())
        assert np.array_equal(pixels(session), before)
        assert (section.path / "mask/product.json").read_bytes() == record

        # Corrections of yesterday can be taken back too.
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_Y, CTRL)
        painted()
        session.open(section.path)
        assert len(MaskCorrections(section)) == 1
        assert history.next_undo == "mask painted: olivine"

        # Another program corrects the same mask: its corrections are read, and nothing is lost.
        other = MaskCorrections(section)
        other.add([make_correction(label="other", tool="brush", line=[(5, 5)], radius_px=3)])
        widget.correct.tools["Brush"].click()
        mouse.drag([(x - 10, y), (x + 10, y)])
        assert "another program" in part.problem.text()
        assert len(part.model.corrections) == len(history) == 2
        painted()
        mouse.drag([(x - 10, y), (x + 10, y)])
        painted()
        assert len(MaskCorrections(section)) == len(history) == 3
