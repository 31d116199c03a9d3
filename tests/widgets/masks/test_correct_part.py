"""A person corrects the mask in a window: strokes, a piece, a polygon, and Ctrl-Z."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_olivine.masks import MaskSettings, make_mask
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


def phases(session: OpenSection) -> np.ndarray:
    return session.require().raster("mask", "phases").read(slice(None), slice(None))


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
        part.choice.choose("olivine")
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
        part.choice.choose("not olivine")
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
        part.choice.choose("olivine")
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
        part.choice.choose("not olivine")
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

    def test_any_phase_of_the_mask_is_painted_filled_and_taken_back(
        self, qtbot: Any, window: Any
    ) -> None:
        viewer, widget, session = window
        section, part = session.require(), widget.correct
        record = (section.path / "mask/product.json").read_bytes()
        modes = {mode["name"]: mode for mode in section.require("mask").notes["modes"]}
        code = modes["plagioclase"]["code"]
        size, before = section.pixel_size_um, phases(session)
        part.set_expanded(True)
        mouse, camera = Mouse(viewer), viewer.scene.camera

        def painted() -> None:
            qtbot.waitUntil(lambda: not part.model.unpainted, timeout=15_000)
            qtbot.wait(50)

        # The list: olivine first, in the colours of the rule book.
        listed = [part.choice.itemText(place) for place in range(part.choice.count())]
        named = [name for name in modes if name not in ("unclassified", "olivine")]
        if "altered olivine" not in named:
            named.append("altered olivine")
        assert listed == [one.capitalize() for one in ("olivine", "not olivine", *named)]
        assert part.choice.itemIcon(0).pixmap(8, 8).toImage().pixelColor(4, 4).name() == (
            modes["olivine"]["colour"].lower()
        )
        place = listed.index("Plagioclase")
        swatch = part.choice.itemIcon(place).pixmap(8, 8).toImage().pixelColor(4, 4)
        assert swatch.name() == modes["plagioclase"]["colour"].lower()

        # A stroke of plagioclase: the phases are shown, and hold it.
        rows, columns = before.shape
        y, x = rows * size / 2, columns * size / 2
        camera.center, camera.zoom = (0, y, x), 2.0
        qtbot.wait(200)
        qtbot.keyClicks(part.choice, "plag")
        assert part.choice.currentText() == "Plagioclase"
        qtbot.mouseClick(part.tools["Brush"], LEFT)
        assert session.layer("mask", "phases").visible
        assert not session.layer("mask", "olivine").visible
        mouse.drag([(x - 40, y), (x + 40, y)])
        painted()
        row, column = round(y / size), round(x / size)
        after = phases(session)
        assert (after[row - 3 : row + 4, column - 3 : column + 4] == code).all()
        assert np.array_equal(np.asarray(session.layer("mask", "phases").data[0]), after)
        assert not (pixels(session)[after == code] == 1).any()
        gained = int((after == code).sum() - (before == code).sum())
        assert f"{gained:+,} pixels of plagioclase" in part.count.text()
        (told,) = [one for one in widget.modes.text().split("<tr>") if "plagioclase" in one]
        share = 100 * (after == code).sum() / (after != 255).sum()
        assert f"{share:.2f}" in told or f"{share:.1f}" in told

        # The whole piece under the mouse is an oxide after a click.
        part.choice.choose("oxide")
        qtbot.mouseClick(part.tools["Fill"], LEFT)
        mouse.click(x, y)
        qtbot.waitUntil(lambda: len(part.model.corrections) == 2, timeout=15_000)
        painted()
        filled = phases(session) == modes["oxide"]["code"]
        assert filled[row - 3 : row + 4, column - 3 : column + 4].all()
        mouse.click(x, y)
        qtbot.waitUntil(lambda: part.problem.isVisible(), timeout=15_000)
        assert "oxide already" in part.problem.text()

        # A polygon in the colour of its phase.
        part.choice.choose("altered olivine")
        qtbot.mouseClick(part.tools["Polygon"], LEFT)
        drawn = part.polygon.layer.current_edge_color
        assert drawn[:7].lower() == part.choice.mark.colour.lower()
        for corner in ((x - 20, y - 15), (x + 20, y - 15), (x + 20, y + 15), (x - 20, y + 15)):
            mouse.click(*corner)
        qtbot.mouseDClick(mouse.canvas, LEFT, pos=mouse._pixel(x - 20, y + 15).toPoint())
        qtbot.waitUntil(lambda: len(part.model.corrections) == 3, timeout=15_000)
        painted()
        assert phases(session)[row, column] == 254

        # Another mask without these phases: the list is shorter, and what is missing is told.
        part.rest()
        make_mask(section, MaskSettings(book="none"))
        session.product_changed.emit("mask")
        assert part.choice.count() == 2
        assert part.choice.mark.words == "not olivine"
        assert "say plagioclase (1), oxide (1), altered olivine (1); this mask" in part.count.text()

        # With the rule book all is back; Ctrl-Z takes one after the other away.
        make_mask(section)
        session.product_changed.emit("mask")
        qtbot.waitUntil(lambda: part.choice.count() == len(listed))
        assert phases(session)[row, column] == 254
        active_window(qtbot, viewer)
        mouse.canvas.setFocus()
        for left in (2, 1, 0):
            qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, CTRL)
            assert len(part.model.corrections) == left
        qtbot.waitUntil(lambda: section.state("mask") == "fresh", timeout=15_000)
        assert np.array_equal(phases(session), before)
        kept, now = json.loads(record), json.loads((section.path / "mask/product.json").read_text())
        assert now["notes"] == kept["notes"]
