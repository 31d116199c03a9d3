"""A step that works is seen wherever one looks, and messages go with their cause."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_olivine.masks import COUNTS, NAMED
from napari_olivine.registry import DOCKS
from napari_olivine.widgets.dock_base.work_note import WorkNote
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.shared_window import close_docks, take_back_edits
from tests.helpers.widget_sections import copy_of, finished_section
from tests.widgets.docks.test_docks import dock, use_fake_child

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def opened_viewer(module_viewer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = copy_of(finished_section(), tmp_path_factory.mktemp("work"))
    OpenSection.of(module_viewer).open(path)
    return module_viewer


@pytest.fixture
def viewer(opened_viewer: Any) -> Any:
    yield opened_viewer
    OpenSection.of(opened_viewer).jobs.stop_now()
    take_back_edits(opened_viewer)
    close_docks(opened_viewer)


def test_a_dock_that_is_closed_while_it_trains(qtbot: Any, viewer: Any, tmp_path: Path) -> None:
    train, crystals = dock(viewer, "Train"), dock(viewer, "Crystals")
    use_fake_child(train, tmp_path, "slow")
    before = time.monotonic()
    qtbot.mouseClick(train.run_button, LEFT)
    after = time.monotonic()
    jobs = train.session.jobs
    qtbot.waitUntil(lambda: len(train.losses.curves) == 1, timeout=10_000)
    assert "Train is at work" in crystals.waiting.text()
    assert crystals.waiting.isVisible() and not train.waiting.isVisible()
    viewer.window.remove_dock_widget(train)
    note = WorkNote.of(train.session).button
    assert note.isVisible()
    qtbot.waitUntil(lambda: "Train is at work: " in note.text() and "%" in note.text())
    qtbot.mouseClick(note, LEFT)
    again = dock(viewer, "Train")
    assert again is not train
    assert [curve.name for curve in again.losses.curves] == ["training"]
    assert again.run_bar.bar.isVisible() and again.cancel_button.isEnabled()
    least, shown, most = (
        time.monotonic() - after,
        again.run_bar.seconds(),
        time.monotonic() - before,
    )
    assert least - 0.1 <= shown <= most + 0.1
    with qtbot.waitSignal(jobs.ended, timeout=5000):
        qtbot.mouseClick(again.cancel_button, LEFT)
    assert not note.isVisible() and not crystals.waiting.isVisible()


def test_a_message_goes_with_its_cause(qtbot: Any, viewer: Any) -> None:
    profiles = dock(viewer, "EPMA profiles")
    qtbot.waitUntil(profiles.isVisible)
    uses = {name: profiles.traverses.use(name) for name in profiles.traverses.profiles}
    for name in uses:
        profiles.traverses.set_use(name, "ignore")
    qtbot.mouseClick(profiles.run_button, LEFT)
    assert "Set at least one traverse" in profiles.run_bar.error_text.text()
    assert profiles.run_bar.error_box.isVisible()
    box = profiles.table.cellWidget(0, 1)
    box.setFocus()
    qtbot.keyClicks(box, "c")
    box.textActivated.emit(box.currentText())
    assert not profiles.run_bar.error_box.isVisible()


def test_sections_are_opened_again_and_all_docks_at_once(
    qtbot: Any, viewer: Any, tmp_path: Path
) -> None:
    first = OpenSection.of(viewer).require().path
    section = dock(viewer, "Section")
    other = copy_of(finished_section(), tmp_path / "other")
    section.open(other)
    section.recent.fill()
    newest, before, *_ = section.recent.actions()
    assert (newest.toolTip(), before.toolTip()) == (str(other), str(first))
    before.trigger()
    assert OpenSection.of(viewer).require().path == first
    qtbot.mouseClick(section.docks_button, LEFT)
    assert set(viewer.window.dock_widgets) >= {f"{name} (napari-olivine)" for name in DOCKS}
    qtbot.waitUntil(section.isVisible)
    qtbot.mouseClick(section.import_button, LEFT)
    qtbot.waitUntil(lambda: section.source.visibleRegion().boundingRect().height() > 5)


def test_own_conditions_begin_with_those_of_the_rule(qtbot: Any, viewer: Any) -> None:
    masks = dock(viewer, "Phase masks")
    masks.rule.setFocus()
    qtbot.keyClick(masks.rule, Qt.Key.Key_Down)
    assert masks.rule.currentText() == "olivine-paper"
    qtbot.keyClick(masks.rule, Qt.Key.Key_Down)
    assert masks.rule.currentText() == "own conditions"
    assert masks.own.text() == NAMED["olivine-paper"][COUNTS]
    qtbot.keyClick(masks.own, Qt.Key.Key_End)
    qtbot.keyClicks(masks.own, " and Mg > 30")
    masks.rule.setCurrentText("olivine")
    masks.rule.setCurrentText("own conditions")
    assert masks.own.text().endswith(" and Mg > 30"), "what was typed is kept"


def test_the_status_bar_reads_every_visible_signal(qtbot: Any, viewer: Any) -> None:
    session = OpenSection.of(viewer)
    table = session.require().table("crystals", "crystals")
    crystal = table.nlargest(1, "area_um2").iloc[0]
    for name in ("mg#", "Mg", "Mask: olivine"):
        viewer.layers[name].visible = True
    bse = viewer.layers["BSE"]
    x, y = float(crystal["x_um"]), float(crystal["y_um"])
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, y, x), 4.0
    qtbot.waitUntil(lambda: bse.data_level == 0)  # farther away it is the mean of some pixels
    qtbot.wait(200)
    text = bse.get_status((y, x), world=True)["coordinates"]
    grey = int(session.require().raster("images", "BSE").levels[0][round(y), round(x)])
    assert text.startswith(f"x {x:.1f} µm, y {y:.1f} µm:  crystal {crystal['id']}, ")
    assert f"BSE grey {grey}" in text
    assert "olivine, " in text and " counts" in text and "mg# 0." in text
    viewer.layers["Mg"].visible = False
    assert " counts" not in bse.get_status((y, x), world=True)["coordinates"]
    assert bse.get_status((-50.0, -50.0), world=True)["coordinates"] == "x -50.0 µm, y -50.0 µm"
