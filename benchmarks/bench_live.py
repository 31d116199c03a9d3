"""A model laid over a 1.5-gigapixel section in the window: how soon one sees, and how smoothly.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/bench_live.py FOLDER``. A section
of repeated noisy blocks is made in FOLDER first (`bench_window.make_section`), unless
``--section`` names one; a network with random weights is laid over it, unless the section has a
model: speed does not depend on the weights. Each place is looked at 1:1. Times run from the click,
or the pan, until the finished cell is on the screen. The event loop's gaps are those between ticks
of a timer of 5 ms.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_window import SHAPE, make_section

MODEL = """
import sys
from napari_olivine.job import Job
from napari_olivine.networks import NETWORKS, ModelCard, Normalisation
from napari_olivine.networks.build import build_network
from napari_olivine.networks.files import save_model
from napari_olivine.section import Section
from napari_olivine.settings import Settings

section, name = Section(sys.argv[1]), sys.argv[2]
channels = NETWORKS[name].channels
mean, std = (110.0,) * channels, (50.0,) * channels
grey = Normalisation(align="none", median=110, spread=50, mean=mean, std=std)
card = ModelCard(
    network=name, title="random weights", channels=channels, pixel_size_um=section.pixel_size_um,
    grey_type="uint8", normalisation=grey, section="", training_sessions=[],
    validation_sessions=[], weights_from="random", best_epoch=0, best_step=0, scores={},
    best_threshold=0.5, settings={}, seed=0, versions={}, created="2026-01-01T00:00:00+00:00",
)
recipe = section.recipe("train", Settings(), ["images"])
with section.draft(f"models/{name}", recipe, Job()) as draft:
    save_model(draft.path, build_network(name), card)
"""


class Looking:
    """A window with every dock on a section, and a clock."""

    def __init__(self, section: Path, model: str) -> None:
        from qtpy.QtCore import QTimer
        from qtpy.QtWidgets import QApplication, QDockWidget

        from napari_olivine.widgets.docks.segment_dock import SegmentDock
        from napari_olivine.widgets.viewer_window import open_window

        self.viewer: Any = open_window(section)
        self.app = QApplication.instance()
        (self.dock,) = (w for w in QApplication.allWidgets() if isinstance(w, SegmentDock))
        self.dock.form.editors["model"].value = model
        around: Any = self.dock
        while not isinstance(around, QDockWidget):
            around = around.parent()
        around.raise_()
        self.gaps: list[float] = []
        self._tick = time.perf_counter()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._on_tick)
        self._timer.start()
        self.spin(3)

    def spin(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.app.processEvents()
            time.sleep(0.002)

    def look_at(self, row: float, column: float) -> None:
        """Show a place at 1:1."""
        size = self.dock.session.require().pixel_size_um
        camera = self.viewer.scene.camera
        camera.center, camera.zoom = (0, row * size, column * size), 1 / size

    def wait_for_cell(self, limit: float = 120) -> float:
        """Return the seconds until one more cell is shown."""
        begun, before = time.perf_counter(), self.dock.live.done
        while self.dock.live.done == before and time.perf_counter() - begun < limit:
            self.app.processEvents()
        self.spin(0.02)
        return time.perf_counter() - begun

    def wait_for_view(self, limit: float = 120) -> float:
        """Return the seconds until all of the view is shown."""
        begun = time.perf_counter()
        while time.perf_counter() - begun < limit:
            self.spin(0.02)
            there, wanted = self.dock.live.in_view()
            if wanted and there == wanted:
                break
        return time.perf_counter() - begun

    def gaps_ms(self) -> tuple[float, float]:
        """Return the 99th percentile and the largest gap since the last call."""
        gaps, self.gaps = 1e3 * np.array(self.gaps), []
        return float(np.percentile(gaps, 99)), float(gaps.max())

    def _on_tick(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._tick)
        self._tick = now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where to make the section")
    parser.add_argument("--section", type=Path, help="one that is there already")
    parser.add_argument("--shape", nargs=2, type=int, default=SHAPE, metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--network", default="light")
    parser.add_argument("--places", type=int, default=6)
    parser.add_argument("--keep", action="store_true", help="do not delete the section")
    parser.add_argument("--screenshot", type=Path)
    options = parser.parse_args()
    section = options.section or make_section(options.folder / "section", tuple(options.shape))
    if not (section / "models" / options.network).exists():
        subprocess.run([sys.executable, "-c", MODEL, str(section), options.network], check=True)
    window = Looking(section, options.network)
    rows, columns = window.dock.session.require().shape
    random = np.random.default_rng(0)
    window.look_at(0.4 * rows, 0.4 * columns)
    window.spin(1)
    window.gaps_ms()
    window.dock.look.click()
    found = [("cold start to the first tile, s", f"{window.wait_for_cell():.1f}")]
    found.append(("then to all of the view, s", f"{window.wait_for_view():.1f}"))
    first = []
    for _ in range(options.places):
        window.look_at(random.uniform(0.1, 0.9) * rows, random.uniform(0.1, 0.9) * columns)
        first.append(window.wait_for_cell())
        window.spin(0.5)
    found.append(
        ("jump elsewhere to its first tile, s", f"{np.median(first):.1f} / {max(first):.1f}")
    )
    found.append(
        ("event loop gap, 99 % / longest, ms", "{:.0f} / {:.0f}".format(*window.gaps_ms()))
    )
    window.wait_for_view()
    window.dock.preview.setChecked(True)
    window.spin(1)
    moved = []
    for threshold in np.linspace(0.05, 0.9, 30):
        begun = time.perf_counter()
        window.dock.threshold.setValue(float(threshold))
        window.app.processEvents()
        moved.append(1e3 * (time.perf_counter() - begun))
        window.spin(0.05)
    found.append(("threshold moved to redrawn, ms", f"{np.median(moved):.0f} / {max(moved):.0f}"))
    if options.screenshot:
        window.viewer.window._qt_window.grab().save(str(options.screenshot))
    window.dock.look.click()
    begun = time.perf_counter()
    while window.dock.live.running:
        window.spin(0.01)
    found.append(("stop, s", f"{time.perf_counter() - begun:.1f}"))
    window.dock.look.click()
    window.look_at(0.95 * rows, 0.5 * columns)
    found.append(("start again to the first tile, s", f"{window.wait_for_cell():.1f}"))
    print("| | median / worst |\n| --- | --- |")
    for name, value in found:
        print(f"| {name} | {value} |")
    window.dock.live.leave(None)
    window.viewer.close()
    if options.section is None and not options.keep:
        shutil.rmtree(section)


if __name__ == "__main__":
    main()
