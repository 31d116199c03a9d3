"""The window of ``napari-olivine view``: its docks stand as the person left them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.widget_sections import finished_section

pytestmark = pytest.mark.gui

TWICE = """
import sys
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget
section, preferences = sys.argv[1:]
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, preferences)
from napari_olivine.registry import DOCKS
from napari_olivine.widgets.common import Collapsible
from napari_olivine.widgets.viewer_window import open_window

def docks(window):
    found = {dock.windowTitle(): dock for dock in window.findChildren(QDockWidget)}
    return {name: found[name] for name in DOCKS if name in found}

def settled(viewer):
    QTest.qWait(300)
    return viewer.window._qt_window

def in_front(docks):
    return [name for name, dock in docks.items() if not dock.visibleRegion().isEmpty()]

viewer = open_window(section)
window = settled(viewer)
first = docks(window)
assert list(first) == list(DOCKS), list(first)
assert in_front(first) == ["Section"], in_front(first)
assert 350 < first["Section"].width() <= 400, "room for tables, and for the image"
assert window.width() <= window.screen().availableSize().width()
heavy = {"torch", "torchvision", "sklearn", "matplotlib"} & set(sys.modules)
assert not heavy, heavy

for name, dock in first.items():
    inner = dock.inner_widget()
    for part in inner.findChildren(Collapsible):
        part.set_expanded(True)
    dock.raise_()
    settled(viewer)
    area = inner.scroll_area
    room = inner.minimumWidth() - inner.width() + area.width()
    room -= area.verticalScrollBar().sizeHint().width()
    wanted = area.widget().minimumSizeHint().width()
    assert wanted <= room, f"{name}: {wanted} px are cut off to {room}"
first["Section"].raise_()

window.resize(1180, 760)
viewer.window.remove_dock_widget(first["Review"])
first["Train"].hide()
window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, first["Phase masks"])
first["Crystals"].raise_()
window.resizeDocks([first["Crystals"]], [520], Qt.Orientation.Horizontal)
window = settled(viewer)
wide = first["Crystals"].width()
layer_list = viewer.window._qt_viewer.dockLayerList
layer_list.hide()
settled(viewer)
viewer.close()

viewer = open_window(section)
window = settled(viewer)
second = docks(window)
assert window.width() == 1180, "the size is that of napari"
left = ["Section", "Phase masks", "Segment", "EPMA profiles", "Crystals", "Recognise"]
assert list(second) == left, list(second)
assert in_front(second) == ["Phase masks", "Crystals"], in_front(second)
assert second["Crystals"].width() == wide > 450, (second["Crystals"].width(), wide)
area = window.dockWidgetArea(second["Phase masks"])
assert area == Qt.DockWidgetArea.LeftDockWidgetArea
assert viewer.window._qt_viewer.dockLayerList.isVisible(), "what napari shows is napari's"
second["Section"].inner_widget().open_all_docks()
settled(viewer)
assert list(docks(window)) == list(DOCKS)
assert second["Crystals"].width() == wide, "what is open stays"
viewer.close()
print("BOTH")
"""


def test_docks_stand_as_they_were_left(tmp_path: Path) -> None:
    environment = os.environ | {"NAPARI_CONFIG": str(tmp_path / "napari.yaml")}
    done = subprocess.run(
        [sys.executable, "-c", TWICE, str(finished_section()), str(tmp_path)],
        capture_output=True, text=True, timeout=240, check=False, env=environment,
    )  # fmt: skip
    assert "BOTH" in done.stdout, done.stdout + done.stderr[-3000:]
