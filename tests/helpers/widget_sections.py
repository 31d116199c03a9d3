"""Sections and a mouse for the tests of the docks."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from napari_olivine.job import Job
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.section import Section
from tests.helpers.built_once import built_once


def instrument_folder() -> Path:
    """A small phantom as an instrument leaves it."""
    return built_once("instrument", lambda path: make_phantom(path, PhantomSettings.small()))


def imported_section() -> Path:
    """The phantom, imported: images, analyses, sessions and placements."""
    return built_once("imported", lambda path: import_section(instrument_folder(), path))


def finished_section() -> Path:
    """The phantom with mask, calibration, mg# and crystals, everything but a network."""
    return built_once("finished", _finish)


def _finish(path: Path) -> None:
    from napari_olivine.calibration import calibrate
    from napari_olivine.crystals import find_crystals
    from napari_olivine.masks import make_mask

    shutil.copytree(imported_section(), path)
    section = Section(path)
    for step in (make_mask, calibrate, find_crystals):
        step(section, job=Job())


def copy_of(section: Path, folder: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(section, folder / "section"))


def crystals_of(path: Path) -> pd.DataFrame:
    """The table of crystals."""
    return Section(path).table("crystals", "crystals")


def active_window(qtbot: Any, viewer: Any) -> Any:
    """The window of a viewer, once it has the focus: only then do keys act."""
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=10_000)
    return window


class Mouse:
    """Real mouse events on the canvas of a viewer, at places of the section.

    Parameters
    ----------
    viewer
        Viewer whose window is shown.
    """

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.canvas = viewer.window._qt_viewer.canvas.native

    def click(self, x_um: float, y_um: float) -> None:
        """Press and release the left button."""
        self.drag([(x_um, y_um)])

    def drag(self, places_um: Sequence[tuple[float, float]]) -> None:
        """Press at the first place, go along the others, release at the last."""
        from qtpy.QtCore import QEvent, QPointF, Qt
        from qtpy.QtGui import QMouseEvent
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QApplication

        left, nothing = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        first = self._pixel(*places_um[0])
        QTest.mouseMove(self.canvas, first.toPoint())
        QTest.qWait(30)
        QTest.mousePress(self.canvas, left, nothing, first.toPoint())
        QTest.qWait(30)
        for place in places_um[1:]:
            pixel = self._pixel(*place)
            globally = QPointF(self.canvas.mapToGlobal(pixel.toPoint()))
            event = QMouseEvent(QEvent.Type.MouseMove, pixel, globally, left, left, nothing)
            QApplication.sendEvent(self.canvas, event)
            QTest.qWait(30)
        QTest.mouseRelease(self.canvas, left, nothing, self._pixel(*places_um[-1]).toPoint())
        QTest.qWait(60)

    def _pixel(self, x_um: float, y_um: float) -> Any:
        from qtpy.QtCore import QPointF

        camera = self.viewer.scene.camera
        _, y, x = camera.center
        width, height = self.canvas.width(), self.canvas.height()
        return QPointF((x_um - x) * camera.zoom + width / 2, (y_um - y) * camera.zoom + height / 2)


FAKE_CHILD = """
import json, sys, threading, time
def tell(**event): print(json.dumps(event), flush=True)
step, section, mood = sys.argv[1], sys.argv[2], sys.argv[-1]
settings = json.load(open(sys.argv[sys.argv.index("--settings") + 1]))
stop = threading.Event()
def listen():
    for line in sys.stdin:
        if line.strip() == "cancel" and mood != "deaf": stop.set()
threading.Thread(target=listen, daemon=True).start()
tell(event="message", message="section " + section)
tell(event="settings", values=settings)
if mood == "warn": tell(event="warning", message="Tile r01_c02 is missing: it is left black.")
if mood == "fail":
    message = "The tile r00_c01 is truncated: export it again."
    tell(event="error", kind="InputError", message=message)
    sys.exit(1)
if mood == "lost":  # it speaks with what a program can know
    tell(event="message", message="--smoothing-px helps", text="{setting:smoothing_px} helps")
    told = "Tile r01_c02 is left black."
    mend = "Change {setting:memory}."
    tell(event="warning", message=told, text=told, remedy=mend, tile="r01_c02")
    tell(
        event="error", step=step, kind="SectionError", message="Run 'napari-olivine mask' first.",
        text="There is no 'mask' yet.", remedy="Run {step:mask} first.", run_step="mask",
    )
    sys.exit(1)
if mood == "crash":
    print("out of luck", file=sys.stderr, flush=True); sys.exit(3)
if mood in ("slow", "deaf"):
    if mood == "deaf":
        import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell(event="loss", step=5, train_loss=0.9)
    for k in range(600):
        tell(event="progress", done=k, total=600, message="Working")
        if stop.is_set(): tell(event="cancelled", step=step); sys.exit(130)
        time.sleep(0.05)
print("a library says hello")
tell(event="loss", step=5, train_loss=0.9)
tell(event="loss", step=10, train_loss=0.5)
tell(event="epoch", epoch=1, step=10, train_loss=0.5, val_loss=0.6, val_iou=0.7)
tell(event="progress", done=1, total=1, message="Grün fertig")
tell(event="finished", step=step, products=["mask"])
"""
"""A child that speaks the protocol of ``--json-events``; its mood is its last argument."""
