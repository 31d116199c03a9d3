"""Time from a change of the rule to what it takes on the screen, for a view of 1,000 x 800 px.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/bench_preview.py

The maps of the view are in memory, as they are while a person types. It also measures the first
view of a place, which reads the maps.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_olivine.masks import MaskSettings, RuleViewer
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.widgets.state import OpenSection

RULE = "Ca/Mg < 0.1 and Al/Mg < 0.1 and 0.3 < Si/(Mg + Fe) < 0.8"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, path = Path(folder) / "source", Path(folder) / "section"
        make_phantom(source, PhantomSettings(rows=4, cols=4, seed=301))
        import_section(source, path)
        measure(path, given.changes)


def measure(path: Path, changes: int) -> None:
    viewer = napari.Viewer()
    viewer.window.resize(1600, 1000)
    section = OpenSection.of(viewer).open(path)
    _, dock = viewer.window.add_plugin_dock_widget("napari-olivine", "Phase masks")
    QTest.qWait(1000)
    height, width = viewer.canvas.size
    live, size = dock.live, section.pixel_size_um
    viewer.scene.camera.zoom = float(np.sqrt(height * width / (1000 * 800))) / size
    viewer.scene.camera.center = (0, section.shape[0] * size / 2, section.shape[1] * size / 2)
    QTest.qWait(500)
    dock.preview.box.setChecked(True)
    QTest.qWait(2000)
    dock.own.selectAll()
    dock.own.setFocus()
    QTest.keyClicks(dock.own, RULE)
    QTest.qWait(1000)
    result, painted = [], []
    for change in range(changes):
        digit = str(change % 10)
        begun = time.perf_counter()
        before = live.preview
        QTest.keyClick(dock.own, digit if change % 2 == 0 else Qt.Key.Key_Backspace)
        wait(lambda before=before: live.preview is not before)
        result.append(1e3 * (time.perf_counter() - begun))
        QApplication.processEvents()
        viewer.window._qt_viewer.canvas.native.update()
        QApplication.processEvents()
        painted.append(1e3 * (time.perf_counter() - begun))
    maps = live.preview.maps
    print(f"view of {maps.measured.shape[1]} x {maps.measured.shape[0]} px, level {maps.level}")
    tell("change to result", result)
    window = live.viewport.window(section)
    rules, alone, work = RuleViewer(section), [], []
    for change in range(changes + 1):
        settings = MaskSettings(rule=f"{RULE}{change % 10}")
        begun, before = time.perf_counter(), time.process_time()
        rules.view(settings, window)
        alone.append(1e3 * (time.perf_counter() - begun))
        work.append(1e3 * (time.process_time() - before))
    tell("the rule alone", alone[1:])  # the first one reads the maps
    tell("the rule alone, processor time", work[1:])
    shown = []
    for change in range(changes):
        taken = live.preview.taken if change % 2 else ~live.preview.taken
        before = time.process_time()
        dock.preview.overlay.show(taken, maps)
        shown.append(1e3 * (time.process_time() - before))
    tell("handed to the layer, processor time", shown)
    tell("change to screen", painted)
    moved = []
    for step in (60, -60, 120, -120):
        begun, before = time.perf_counter(), live.preview
        _, y, x = viewer.scene.camera.center
        viewer.scene.camera.center = (0, y, x + step * size)
        wait(lambda before=before: live.preview is not before)
        moved.append(1e3 * (time.perf_counter() - begun))
    tell("another view, after a pause of 120 ms", moved)
    viewer.close()


def wait(done: Callable[[], bool]) -> None:
    while not done():
        QApplication.processEvents()


def tell(what: str, times: list[float]) -> None:
    print(f"{what}: median {np.median(times):.0f} ms, slowest {max(times):.0f} ms")


if __name__ == "__main__":
    main()
