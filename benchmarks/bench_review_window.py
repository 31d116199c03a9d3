"""Times of the Review dock beside the Crystals dock with 22,000 crystals: answers, corrections.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/bench_review_window.py FOLDER``. The
section is that of ``bench_crystal_window.py`` (made in FOLDER first, a minute and more), or a copy
of the one that ``--section`` names. Times run from the key to the finished picture; a freeze is the
longest time in which the window answered to nothing.
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

from bench_crystal_window import make_section
from bench_window import Gaps, Window, memory_mb, peak_mb

ANSWERS = 100
CORRECTIONS = 10


def measure(path: Path, screenshot: Path | None) -> None:
    """Review; prints a table."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication
    from vispy.gloo import gl

    from napari_olivine.crystals.edits import Merge, Split

    window = Window()
    viewer = window.viewer
    viewer.window.resize(1600, 1000)
    main_window = viewer.window._qt_window
    rows: list[tuple[str, list[float], float | None]] = []

    def drawn(action: Callable[[], Any]) -> float:
        began = time.perf_counter()
        action()
        window.app.processEvents()
        while not all(layer.loaded for layer in viewer.layers if layer.visible):
            window.app.processEvents()
        window.draw()  # napari reads what has come into view while it draws, for the next drawing
        window.canvas.makeCurrent()
        gl.glFinish()
        return time.perf_counter() - began

    def press(key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(QApplication.focusWidget() or main_window, key, modifier)

    viewer.open(str(path), plugin="napari-olivine")
    for name in ("Crystals", "Review"):
        dock = viewer.window.add_plugin_dock_widget("napari-olivine", name, tabify=True)[1]
    viewer.layers["Crystals"].visible = True
    window.settle(1.0)
    main_window.activateWindow()
    window.settle(0.5)
    dock.panel.sizes.setCurrentText("All crystals")
    watch, began = Gaps(), time.perf_counter()
    dock.start()
    while dock.review is None:
        window.settle(0.01)
    rows.append(("start to the first crystal", [time.perf_counter() - began], None))
    rows.append(("freeze meanwhile", [watch.longest()], 0.5))
    window.settle(1.0)

    keys = (Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_3, Qt.Key.Key_A)
    watch = Gaps()
    rows.append((
        f"{ANSWERS} answers, key to the next crystal drawn",
        [drawn(lambda k=k: press(keys[k % len(keys)])) for k in range(ANSWERS)],
        0.5,
    ))  # fmt: skip
    if dock.review.store.journal.last != ANSWERS:
        sys.exit(f"{dock.review.store.journal.last} answers arrived")
    rows.append(("longest freeze meanwhile", [watch.longest()], 0.5))
    window.settle(3.0)
    table = dock.review.table
    large = table[(table["verdict"] == "") & ~table["corrected"]].nlargest(200, "area_px")["id"]
    places = [int(crystal) for crystal in large][:: max(len(large) // CORRECTIONS, 1)][:CORRECTIONS]

    def merge(crystal: int) -> None:
        other = crystal + 1 if crystal + 1 in dock.review.table.index else crystal - 1
        dock.do(Merge(crystals=(crystal, other)))

    def split(crystal: int) -> None:
        one = dock.review.table.loc[crystal]
        middle = float(one["col0"] + one["col1"]) / 2
        line = ((float(one["row0"]) - 3, middle), (float(one["row1"]) + 3, middle))
        dock.do(Split(crystals=(crystal,), lines=(line,)))

    for words, action in (("split", split), ("merge with the neighbour", merge)):
        times = []
        for crystal in places:
            if crystal in dock.review.table.index:
                dock.go_to(crystal)
                window.settle(0.3)
                times.append(drawn(lambda k=crystal, action=action: action(k)))
        rows.append((f"{words} to redrawn", times, 0.5))
    control = Qt.KeyboardModifier.ControlModifier
    times = [drawn(lambda: press(Qt.Key.Key_Z, control)) for _ in range(CORRECTIONS)]
    rows.append(("undo to redrawn", times, 0.5))
    chosen = dock.review.table["id"].sample(20, random_state=1).tolist()
    times = [drawn(lambda k=k: dock.go_to(int(k))) for k in chosen]
    rows.append(("select to centred view", times, 0.3))
    times = []
    for _ in range(3):
        press(Qt.Key.Key_A)
        began = time.perf_counter()
        dock.flush()
        times.append(time.perf_counter() - began)
    rows.append(("writing the table", times, None))
    if screenshot is not None:
        main_window.grab().save(str(screenshot))
    shape = viewer.layers["Crystals"].data[0].shape
    memory = f"memory now / peak {memory_mb():.0f} / {peak_mb():.0f} MB"
    print(f"\n{len(table)} crystals in {shape} px; load {os.getloadavg()[0]:.1f}; {memory}\n")
    print("| | median / worst, s | goal |\n| --- | --- | --- |")
    for words, times, goal in rows:
        print(f"| {words} | {median(times):.3f} / {max(times):.3f} | {goal or ''} |", flush=True)
    dock.stop()
    viewer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the section is made, or copied to")
    parser.add_argument("--section", type=Path, help="one that is there already; it stays as it is")
    parser.add_argument("--cell", type=int, default=190, help="px from crystal to crystal")
    parser.add_argument("--screenshot", type=Path)
    options = parser.parse_args()
    path = options.folder / "section"
    if options.section is not None:
        shutil.copytree(options.section, path)
    else:  # in a process of its own: its memory is not the window's
        making = multiprocessing.get_context("spawn").Process(
            target=make_section, args=(path, options.cell)
        )
        making.start()
        making.join()
        if making.exitcode:
            sys.exit("the section could not be made")
    try:
        measure(path, options.screenshot)
    finally:
        shutil.rmtree(path)


if __name__ == "__main__":
    main()
