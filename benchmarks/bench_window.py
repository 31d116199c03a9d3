"""Time and memory of a 1.5-gigapixel section in the window: opening, panning, zooming.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/bench_window.py FOLDER``. A section
of repeated noisy blocks (BSE and five element maps) is made in FOLDER first, unless ``--section``
names one; it takes some minutes and is deleted afterwards unless ``--keep`` is given. The window
with the Section dock is open, and at rest, before the clock runs. Times run until the screen shows
the finished picture, which is made sure of; memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SHAPE = (38_000, 40_000)
BLOCK = 4096
ELEMENTS = {"Mg": 8, "Fe": 5, "Ca": 4, "Al": 3, "Si": 10}
"""Mean counts of the maps where the element is high."""


# ---------------------------------------------------------------------- the section


def make_section(folder: Path, shape: tuple[int, int]) -> Path:
    """Store a section of repeated blocks, as the import would."""
    from napari_olivine.job import Job
    from napari_olivine.section import Section, SectionRecord, create_raster
    from napari_olivine.settings import Settings

    rng = np.random.default_rng(1)
    phases = _phases(rng)
    record = SectionRecord(
        name="window", pixel_size_um=1.0, shape=shape, signals=["BSE", *ELEMENTS]
    )
    section = Section.create(folder, record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "bench_window"})
    with section.draft("images", recipe, Job()) as draft:
        for signal in record.signals:
            began = time.perf_counter()
            pattern = _signal(signal, phases, rng)
            out = create_raster(draft.path / signal, shape, np.uint8, 1.0, reduction="mean")
            for row in range(0, shape[0], BLOCK):
                height = min(BLOCK, shape[0] - row)
                strip = [np.roll(pattern, 97 * k, axis=0) for k in range(shape[1] // BLOCK + 1)]
                out.write(row, 0, np.hstack(strip)[:height, : shape[1]])
            out.build_pyramid(Job())
            print(f"made {signal} in {time.perf_counter() - began:.0f} s", flush=True)
    edges = [shape[1] * k // 4 for k in range(5)]
    roles = ("train", "val", "test", "none")
    rows = [(str(k + 1), 0, shape[0], edges[k], edges[k + 1], role) for k, role in enumerate(roles)]
    names = ["session", "row0", "row1", "col0", "col1", "role"]
    section.annotate("sessions", pd.DataFrame(rows, columns=names))
    return folder


def _phases(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blobs of three phases and cracks, shape (BLOCK, BLOCK)."""
    from scipy import ndimage

    small = ndimage.gaussian_filter(rng.standard_normal((BLOCK // 8, BLOCK // 8)), 8, mode="wrap")
    level = np.digitize(small, np.quantile(small, [0.25, 0.7, 0.9]))
    return np.kron(level, np.ones((8, 8))).astype(np.uint8)


def _signal(name: str, phases: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    if name == "BSE":
        grey = np.array([40, 95, 150, 215])[phases] + rng.normal(0, 2.5, phases.shape)
        return np.clip(grey, 0, 255).astype(np.uint8)
    share = np.roll([0.05, 0.3, 1.0, 0.1], list(ELEMENTS).index(name))[phases]
    return np.minimum(rng.poisson(ELEMENTS[name] * share), 255).astype(np.uint8)


# ---------------------------------------------------------------------- the window


class Window:
    """A viewer with the Section dock, on a screen."""

    def __init__(self) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1400, 900)
        self.app = QApplication.instance()
        self.dock = self.viewer.window.add_plugin_dock_widget("napari-olivine", "Section")[1]
        self.canvas = self.viewer.window._qt_viewer.canvas.native
        self.settle(3.0)

    def settle(self, seconds: float = 0.5) -> None:
        """Let everything that is due happen."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.app.processEvents()
            time.sleep(0.002)

    def draw(self) -> None:
        """Return when every visible layer has its data and the picture is on the screen."""
        from vispy.gloo import gl

        self.app.processEvents()
        self.canvas.repaint()  # napari asks for the data of what it has to draw
        while not all(layer.loaded for layer in self.viewer.layers if layer.visible):
            self.app.processEvents()
        self.canvas.repaint()
        self.canvas.makeCurrent()
        gl.glFinish()

    def picture(self) -> NDArray[np.uint8]:
        """What is on the canvas, shape (rows, columns, 3)."""
        from vispy.gloo.util import _screenshot

        self.canvas.makeCurrent()
        return np.asarray(_screenshot(alpha=False))

    def open(self, path: Path) -> tuple[float, float, float]:
        """Open a section as the button of the dock does.

        Returns
        -------
        view, whole, freeze
            Seconds to the first full view of BSE and to the last image, and the longest freeze
            until the sessions are drawn too.
        """
        from napari_olivine.section import Section
        from napari_olivine.widgets.layers.make_layer import images_to_show

        count = len(images_to_show(Section(path)))
        gaps, began = Gaps(), time.perf_counter()
        self.dock.open(path)
        while not self.viewer.canvas.overlays.scale_bar.visible:  # comes when the view is fitted
            self.app.processEvents()
        freeze = gaps.longest()
        self.draw()
        view = time.perf_counter() - began
        then = self.picture()
        gaps = Gaps()
        while len(self.viewer.layers) < count:
            self.app.processEvents()
        self.app.processEvents()
        whole = time.perf_counter() - began
        self.settle(2.0)
        freeze = max(freeze, gaps.longest())
        self.make_sure(then)
        return view, whole, freeze

    def timed(self, action: Callable[[], Any]) -> tuple[float, float]:
        """Return the seconds until an action is on the screen, and the longest freeze."""
        gaps = Gaps()
        began = time.perf_counter()
        action()
        self.draw()
        took = time.perf_counter() - began
        self.app.processEvents()
        frozen = gaps.longest()
        then = self.picture()
        self.settle(0.3)
        self.make_sure(then)
        return took, frozen

    def make_sure(self, then: NDArray[np.uint8]) -> None:
        """Stop if a picture was not the finished one."""
        if "Sessions" in self.viewer.layers:  # drawn when the images are there
            self.viewer.layers["Sessions"].visible = False
            self.draw()
        change = float((then != self.picture()).any(axis=2).mean())
        if change > 0.01:
            sys.exit(f"the picture was not finished: {change:.0%} of it changed later")

    def level(self, name: str) -> int:
        return int(self.viewer.layers[name].data_level)


class Gaps:
    """The longest time in which the window answered to nothing."""

    def __init__(self) -> None:
        from qtpy.QtCore import QTimer

        self._last = time.perf_counter()
        self._longest = 0.0
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, now - self._last)
        self._last = now

    def longest(self) -> float:
        self._tick()
        self._timer.stop()
        return self._longest


def memory_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_mb() -> float:
    """Largest resident memory so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


def measure(path: Path, places: int, screenshot: Path | None, maps: int) -> None:
    """Open the section and go about in it; prints a table."""
    window = Window()
    viewer = window.viewer
    before, worked = memory_mb(), time.process_time()
    took, whole, frozen = window.open(path)
    worked = time.process_time() - worked  # the sessions are drawn by now
    bse = viewer.layers["BSE"]
    assert bse.visible
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3]
    lit = float((picture.max(axis=2) > 10).mean())
    rows: list[tuple[str, str]] = [
        ("opening to the first full view, s", f"{took:.2f}"),
        ("to the last of its images, s", f"{whole:.2f}"),
        ("processor time until the sessions are drawn too, s", f"{worked:.2f}"),
        ("longest freeze meanwhile, s", f"{frozen:.2f}"),
        ("share of the canvas that is lit", f"{lit:.2f}"),
        ("memory before / after / peak, MB", f"{before:.0f} / {memory_mb():.0f} / {peak_mb():.0f}"),
    ]
    if screenshot is not None:
        viewer.screenshot(str(screenshot), canvas_only=False, flash=False)
    rows.append(("memory with the sessions drawn, MB", f"{memory_mb():.0f}"))
    camera = viewer.scene.camera
    rng = np.random.default_rng(2)
    height, width = (size * bse.scale[0] for size in bse.data[0].shape)
    whole = camera.zoom

    def go(y: float, x: float, zoom: float) -> Callable[[], None]:
        def act() -> None:
            camera.zoom = zoom
            camera.center = (0, y, x)

        return act

    one_to_one = 1.0 / bse.scale[0]
    for name in list(ELEMENTS)[:maps]:
        viewer.layers[name].visible = True
    zooms = [window.timed(go(height / 2, width / 2, one_to_one))]
    assert window.level("BSE") == 0
    pans, steps = [], []
    for _ in range(places):
        y, x = rng.uniform(0.1, 0.9, 2) * (height, width)
        pans.append(window.timed(go(y, x, one_to_one)))
        steps.append(window.timed(go(y + 100, x + 150, one_to_one)))
    for zoom in (one_to_one / 2, one_to_one / 4, one_to_one / 16, whole, one_to_one / 8):
        zooms.append(window.timed(go(height / 2, width / 2, zoom)))
    for name, times in (
        ("jump at 1:1 to another place", pans),
        ("pan by 150 px at 1:1", steps),
        ("zoom", zooms),
    ):
        seconds = [one for one, _ in times]
        rows.append((f"{name}, median / worst, s", f"{median(seconds):.3f} / {max(seconds):.3f}"))
    freezes = [freeze for _, freeze in pans + steps + zooms]
    rows.append(("longest freeze of these, s", f"{max(freezes):.2f}"))
    rows.append(("memory at the end / peak, MB", f"{memory_mb():.0f} / {peak_mb():.0f}"))
    print(f"{bse.data[0].shape}, BSE and {maps} maps shown\n\n| | |\n| --- | --- |")
    print("\n".join(f"| {name} | {value} |" for name, value in rows), flush=True)
    viewer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where to make the section")
    parser.add_argument("--section", type=Path, help="one that is there already")
    parser.add_argument("--shape", nargs=2, type=int, default=SHAPE, metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--places", type=int, default=10, help="at 1:1")
    parser.add_argument("--maps", type=int, default=0, help="element maps shown with BSE")
    parser.add_argument("--screenshot", type=Path)
    parser.add_argument("--keep", action="store_true", help="do not delete the section")
    options = parser.parse_args()
    if (options.folder is None) == (options.section is None):
        sys.exit("give either a folder to make the section in, or --section")
    path = options.section or options.folder / "section"
    if options.section is None:  # in a process of its own: its memory is not the window's
        making = multiprocessing.get_context("spawn").Process(
            target=make_section, args=(path, tuple(options.shape))
        )
        making.start()
        making.join()
        if making.exitcode:
            sys.exit("the section could not be made")
    try:
        measure(path, options.places, options.screenshot, options.maps)
    finally:
        if options.section is None and not options.keep:
            shutil.rmtree(path)


if __name__ == "__main__":
    main()
