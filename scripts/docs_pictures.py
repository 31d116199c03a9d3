"""The pictures of the window in ``docs/images``, made anew from a finished section.

    xvfb-run -s "-screen 0 1600x1000x24" python scripts/docs_pictures.py SOURCE SECTION [NAME ...]

SOURCE is the folder of a phantom, SECTION what `napari-olivine run` made of it. It is copied first
and stays as it is. Look at each picture before it is committed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = (1400, 900)
PATIENCE_MS = 240_000

Draw = Callable[[Any, Path], None]


def dock(viewer: Any, name: str) -> Any:
    """Bring a dock to the front."""
    from napari_olivine.widgets.dock_base import open_dock

    found = open_dock(viewer, name)
    QTest.qWait(500)
    return found


def wait_for(condition: Callable[[], object]) -> None:
    """Let the window work until something holds."""
    for _ in range(PATIENCE_MS // 100):
        if condition():
            return
        QTest.qWait(100)
    raise TimeoutError("the window did not come so far")


def show_only(viewer: Any, *names: str) -> None:
    """Show these layers and hide the others."""
    for layer in viewer.layers:
        layer.visible = layer.name in names


def look_at(viewer: Any, x_um: float, y_um: float, zoom: float) -> None:
    """Move the view."""
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, y_um, x_um), zoom
    QTest.qWait(1500)


def importing(viewer: Any, source: Path) -> None:
    """Show what was recognised in an instrument's folder."""
    section = dock(viewer, "Section")
    os.chdir(source.parent)  # no path of a machine stands in the picture
    section.source.edit.setText(source.name)
    section.source.edit.editingFinished.emit()
    section.destination.edit.setText("klv7")
    wait_for(lambda: getattr(section.import_part._last, "checked", False))
    QTest.qWait(1000)
    section._scroll_to_import()


def composite(viewer: Any, _source: Path) -> None:
    """Show three elements, and the sessions on them."""
    section = dock(viewer, "Section")
    show_only(viewer, "BSE", "Sessions")
    section.composite.button.click()
    bar = section.scroll_area.verticalScrollBar()
    bar.setValue(bar.maximum())
    QTest.qWait(1500)


def mask(viewer: Any, _source: Path) -> None:
    """Show the mask over BSE."""
    dock(viewer, "Phase masks")
    show_only(viewer, "BSE", "Mask: olivine")
    look_at(viewer, 1300, 1000, 0.55)


def rule(viewer: Any, _source: Path) -> None:
    """Show what a rule takes, and a mineral that was outlined on the scatter plot."""
    masks = dock(viewer, "Phase masks")
    show_only(viewer, "BSE")
    look_at(viewer, 1300, 1000, 0.8)
    masks.own.setFocus()
    masks.own.selectAll()
    QTest.keyClicks(masks.own, "Ca/Mg < 0.1 and Al/Mg < 0.1 and Mg > 60")
    masks.preview.box.setChecked(True)
    masks.scatter.set_expanded(True)
    for box, axis in ((masks.scatter.x_box, "Mg"), (masks.scatter.y_box, "Si")):
        box.setEditText(axis)
    masks.scatter.x_box.lineEdit().editingFinished.emit()
    wait_for(lambda: masks.scatter.plot.scatter is not None)
    outline = np.array([[0.2, 0.65], [0.42, 0.65], [0.42, 0.92], [0.2, 0.92]], np.float32)
    masks.scatter.plot.outlined.emit(outline)
    masks.settings_part.set_expanded(False)
    QTest.qWait(500)
    masks.scroll_area.ensureWidgetVisible(masks.scatter)
    QTest.qWait(1000)


def training(viewer: Any, _source: Path) -> None:
    """Show the losses and the card of a model."""
    dock(viewer, "Train")
    show_only(viewer, "BSE", "Mask: olivine", "Sessions")


def segmenting(viewer: Any, _source: Path) -> None:
    """Show a model laid over what is in view, not all of it finished."""
    segment = dock(viewer, "Segment")
    show_only(viewer, "BSE")
    look_at(viewer, 2000, 1000, 0.75)
    segment.threshold.setValue(0.5)
    segment.preview.setChecked(True)
    segment.look.click()
    wait_for(lambda: 2 * segment.live.in_view()[0] > segment.live.in_view()[1] > 0)


def profiles(viewer: Any, _source: Path) -> None:
    """Show a traverse whose end was moved."""
    epma = dock(viewer, "EPMA profiles")
    show_only(viewer, "BSE levelled", "EPMA traverses")
    name = epma.traverses.profiles[3]
    epma.choose(name)
    epma.zoom()
    x0, y0, x1, y1 = epma.traverses.line(name)
    epma.traverses.place({name: (x0, y0, x1 + 6, y1 - 6)})
    epma.shapes.move_mode()
    QTest.qWait(1500)


def crystals(viewer: Any, _source: Path) -> None:
    """Unzoned phenocrysts by the difference of core and rim."""
    table = dock(viewer, "Crystals")
    show_only(viewer, "BSE", "Crystals")
    table.filter.setText("phenocryst none touches_edge=no")
    table.view.sort_by("mg_difference", down=True)
    choose_first(table)


def gallery(viewer: Any, _source: Path) -> None:
    """Show the gallery, and the colours of a number."""
    table = dock(viewer, "Crystals")
    show_only(viewer, "BSE", "Crystals")
    table.filter.setText("phenocryst touches_edge=no")
    table.colours.choose("mg_core")
    table.tabs.setCurrentIndex(1)
    choose_first(table)
    QTest.qWait(2000)


def window(viewer: Any, _source: Path) -> None:
    """Show the crystals coloured by class."""
    table = dock(viewer, "Crystals")
    show_only(viewer, "BSE", "Crystals")
    table.view.sort_by("area_um2", down=True)
    choose_first(table)
    viewer.scene.camera.zoom *= 0.5
    QTest.qWait(1500)


def review(viewer: Any, _source: Path) -> None:
    """Show the first doubtful crystal."""
    doubtful = dock(viewer, "Review")
    show_only(viewer, "BSE", "Crystals")
    doubtful.panel.start_button.click()
    wait_for(lambda: doubtful.panel.title.text())
    QTest.qWait(3000)


def choose_first(table: Any) -> None:
    """Choose the first crystal of the table."""
    table.session.select(table.model.id_at(0))
    table._go_to(table.model.id_at(0))
    QTest.qWait(2500)


PICTURES: dict[str, Draw] = {
    "tutorial-import": importing,
    "tutorial-section": composite,
    "tutorial-mask": mask,
    "mask-rule": rule,
    "tutorial-train": training,
    "tutorial-segment": segmenting,
    "tutorial-profiles": profiles,
    "tutorial-crystals": crystals,
    "gallery": gallery,
    "napari": window,
    "review": review,
}

NOT_MADE = {"tutorial-segment": ("probability", "segmentation")}
"""Products that are not there yet in a picture."""


def draw(name: str, source: Path, section: Path, folder: Path) -> None:
    """Make one picture in a window of its own."""
    from napari import Viewer

    from napari_olivine.widgets.state import OpenSection
    from napari_olivine.widgets.viewer_window import open_window

    if name == "tutorial-import":
        viewer = Viewer(title="Olivine")
    else:
        path = Path(shutil.copytree(section, folder / name))
        for product in NOT_MADE.get(name, ()):
            shutil.rmtree(path / product)
        viewer = open_window(path)
    main = viewer.window._qt_window
    main.move(0, 0)
    main.resize(*SIZE)
    QTest.qWait(1000)
    viewer.reset_view()
    PICTURES[name](viewer, source)
    QApplication.processEvents()
    file = IMAGES / f"{name}.png"
    smooth = Qt.TransformationMode.SmoothTransformation
    main.grab().scaledToWidth(SIZE[0], smooth).save(str(file))
    Image.open(file).convert("RGB").quantize(256).save(file, optimize=True)  # a third of the bytes
    OpenSection.of(viewer).jobs.stop_now()
    viewer.close()


def main() -> None:
    """Make the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("section", type=Path)
    parser.add_argument("names", nargs="*", default=list(PICTURES), metavar="NAME")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scope = QSettings.Scope.UserScope  # the person's preferences change no picture
        QSettings.setPath(QSettings.Format.IniFormat, scope, temporary)
        for name in options.names:
            draw(name, options.source.resolve(), options.section.resolve(), Path(temporary))


if __name__ == "__main__":
    main()
