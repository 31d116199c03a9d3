"""An olivine is picked by a click on the image, and the mask is made relative to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_olivine.masks import MaskSettings, phase_of, rule_for
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.widget_sections import Mouse, active_window, copy_of, imported_section
from tests.widgets.docks.test_docks import dock

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


def test_a_click_picks_a_drag_picks_more_and_undo_takes_back(
    qtbot: Any, make_napari_viewer: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 900)
    section = OpenSection.of(viewer).open(copy_of(imported_section(), tmp_path))
    rule = rule_for("olivine", {})
    maps = {
        signal: section.raster("images", signal).read(slice(None), slice(None)).astype(np.float32)
        for signal in rule.signals
    }
    olivine = phase_of(rule, maps, smoothing_px=1.0)
    depth = cv2.distanceTransform(olivine.astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    x, y = float(column) * section.pixel_size_um, float(row) * section.pixel_size_um
    widget = dock(viewer, "Phase masks")
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, y, x), 4.0
    qtbot.wait(300)
    mouse, part = Mouse(viewer), widget.reference

    assert widget.settings() == MaskSettings()
    qtbot.mouseClick(part.button, LEFT)
    mouse.click(x, y)
    qtbot.waitUntil(lambda: bool(part.held), timeout=5000)
    (spot,) = part.spots.spots
    assert (spot.x_um, spot.y_um) == pytest.approx((x, y), abs=1)
    assert spot.radius_um is None
    assert widget.own.text().endswith("Mg > 0.5 ref and Si/(Mg + Fe) < 1.4 ref")
    assert part.limits.text().startswith("By the picked spots: Ca/Mg < 0.1 and Al/Mg < 0.1 and Mg")
    assert not part.note.isVisible()

    mouse.drag([(x - 8, y - 8), (x, y), (x + 8, y + 8)])
    qtbot.waitUntil(lambda: len(part.held or []) == 2, timeout=5000)
    assert part.spots.spots[1].radius_um == pytest.approx(8, abs=1)
    assert len(viewer.layers["Picked olivine"].data) == 2
    assert widget.settings().reference == part.texts()

    active_window(qtbot, viewer)
    mouse.canvas.setFocus()
    qtbot.keyClick(mouse.canvas, Qt.Key.Key_Escape)
    assert not part.button.isChecked()
    assert viewer.layers["Picked olivine"].mode == "pan_zoom"
    qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert part.spots.spots == [spot]
