"""What a person sees of trainings and models in the Train dock, in a real window."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QItemSelectionModel, QPoint, Qt

from napari_olivine.job import Job
from napari_olivine.networks import NETWORKS, WINDOWS, ModelPhase
from napari_olivine.networks.card import WEIGHTS, write_card
from napari_olivine.section import Section, write_arrays
from napari_olivine.settings import Settings
from napari_olivine.training import CHECKPOINT
from napari_olivine.widgets.layers import COLOURS, MISSED
from napari_olivine.widgets.state import OpenSection
from tests.helpers.grains import make_grains
from tests.helpers.shared_window import close_docks
from tests.networks.test_networks import a_card

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton
PHASES = {"olivine": "#c8dd2c", "glass": "#f28e2b", "oxide": "#e15759"}
SIDE = 64
PLACES = [[0, 256], [100, 300]]
"""First row and column of two windows."""


def put_windows(file: Path) -> None:
    """Two windows with a column of olivine, half of which the network misses."""
    mask = np.zeros((2, SIDE, SIDE), np.uint8)
    mask[:, :, :20] = 1
    probability = mask * np.uint8(255)
    probability[:, :32] = 0
    grey = np.full_like(mask, 200)
    arrays = {"places": np.array(PLACES), "bse": grey, "probability": probability, "mask": mask}
    write_arrays(arrays | {"step": np.array(40)}, file)


def put_model(section: Section, name: str, iou: float, phases: dict[str, str]) -> None:
    """Store a model as a training leaves it, but for weights."""
    recipe = section.recipe("train", Settings(), ["images"], extra={"source": name})
    with section.draft(f"models/{name}", recipe, Job()) as draft:
        told = [ModelPhase(name=n, code=k + 1, colour=c) for k, (n, c) in enumerate(phases.items())]
        write_card(draft.path, a_card(phases=told, scores={"iou_best": iou, "iou_0.5": iou}))
        (draft.path / WEIGHTS).write_bytes(b"of no concern here")
        rows = {"epoch": [1, 2], "step": [20, 40], "val_loss": [0.4, 0.3], "val_iou": [0.2, iou]}
        rows |= {f"iou_{n}": [0.2, iou - 0.1 * k] for k, n in enumerate(phases)}
        pd.DataFrame(rows).to_csv(draft.path / "history.csv", index=False)
        put_windows(draft.path / WINDOWS)
        draft.notes["steps"] = 40


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Section:
    section, _ = make_grains(tmp_path_factory.mktemp("train") / "section")
    put_model(section, "first", 0.9, {})
    put_model(section, "second", 0.7, PHASES)
    recipe = section.recipe("segment", Settings(), ["images", "models/first"])
    with section.draft("segmentation", recipe, Job()):
        pass
    return section


@pytest.fixture
def dock(module_viewer: Any, section: Section) -> Any:
    session = OpenSection.of(module_viewer)
    if session.section is None:
        session.open(section.path)
    yield module_viewer.window.add_plugin_dock_widget("napari-olivine", "Train")[1]
    close_docks(module_viewer)


def names_of(table: Any) -> list[str]:
    return [table.item(row, 0).text() for row in range(table.rowCount())]


def select(table: Any, *names: str) -> None:
    """Click the first name, and the others with the control key."""
    table.clearSelection()
    for place, name in enumerate(names):
        flag = QItemSelectionModel.SelectionFlag
        how = flag.ClearAndSelect if place == 0 else flag.Select
        row = names_of(table).index(name)
        table.selectionModel().setCurrentIndex(table.model().index(row, 0), how | flag.Rows)


def test_networks_stand_in_groups_with_what_they_are_good_for(dock: Any) -> None:
    box = dock.form.editors["network"].native
    items = [box.model().item(k) for k in range(box.count())]
    headings = [item.text() for item in items if not item.isEnabled()]
    assert headings[0] == "Fast without a graphics card" and headings[-1] == "For comparison"
    assert {item.text() for item in items if item.isEnabled()} == set(NETWORKS)
    assert box.currentText() == dock.form.values().network == "light"
    assert "3.6 million weights" in dock.network.about.text()
    box.setCurrentText("unet_hrnet")
    assert dock.form.values().network == "unet_hrnet"
    assert "HRNet" in dock.network.about.text()
    dock.form.reset()
    assert box.currentText() == "light"


def test_a_click_on_a_window_brings_the_view_there(qtbot: Any, dock: Any) -> None:
    part = dock.windows
    qtbot.waitUntil(part.isVisible)
    errors = part.rows[2]._images[0]
    missed = np.array(errors.pixelColor(10, 10).getRgb()[:3])
    there = np.array([int(COLOURS[MISSED][k : k + 2], 16) for k in (1, 3, 5)])
    np.testing.assert_allclose(missed, 0.4 * 200 + 0.6 * there, atol=1)
    assert errors.pixelColor(40, 40).getRgb()[:3] == (200, 200, 200)
    row = part.rows[0]
    dock.scroll_area.ensureWidgetVisible(row)
    assert abs(row.height() - row.heightForWidth(row.width())) <= 1, "windows are squares"
    qtbot.mouseClick(row, LEFT, pos=row.place_of(1).toPoint())
    viewer, pixel_um = dock.session.viewer, dock.session.section.pixel_size_um
    middle = [(first + SIDE / 2 - 0.5) * pixel_um for first in PLACES[1]]
    assert viewer.scene.camera.center[-2:] == pytest.approx(middle)
    assert viewer.scene.camera.zoom * SIDE * pixel_um > 100, "the window fills much of the view"


def test_models_stand_beside_each_other(qtbot: Any, dock: Any) -> None:
    table = dock.models.table
    head = table.horizontalHeader()
    qtbot.mouseClick(
        head.viewport(), LEFT, pos=QPoint(head.sectionViewportPosition(1) + 9, head.height() // 2)
    )
    assert names_of(table) == ["second", "first"], "by IoU"
    assert [table.item(0, k).text() for k in (1, 3, 4)] == ["0.700", "phases", "40"]
    select(table, "second")
    assert dock.models.current == "second" and "Olivine among 2 other phases" in dock.card.text()
    drawn = {curve.name: curve.colour for curve in dock.losses.curves}
    assert [*drawn] == ["validation", "IoU", "glass", "oxide"], "few phases are drawn"
    assert drawn["oxide"] == PHASES["oxide"]
    assert "glass</td><td>0.60<" in dock.phases.text()
    select(table, "first", "second")
    assert {curve.name: list(curve.y) for curve in dock.losses.curves} == {
        "first": [0.2, 0.9], "second": [0.2, 0.7],
    }  # fmt: skip
    select(table, "first")
    assert not dock.phases.isVisible(), "a network of olivine alone has no other phases"


def test_many_phases_are_told_and_not_drawn(dock: Any) -> None:
    dock.on_event({"event": "shown", "rows": []})
    names = ["olivine", *(f"mineral {k}" for k in range(5))]
    for best, step in ((0.9, 10), (0.8, 20)):
        ious = {f"iou_{name}": best for name in names}
        dock.on_event({"event": "epoch", "epoch": 1, "step": step, "val_iou": best} | ious)
    assert not {"mineral 1", "olivine"} & {curve.name for curve in dock.losses.curves}
    assert "mineral 4</td><td>0.80 \N{DOWNWARDS ARROW}<" in dock.phases.text()


def test_a_training_that_was_paused_is_remembered(dock: Any, section: Section) -> None:
    draft = section.path / "work" / "models__third"
    draft.mkdir()
    (draft / CHECKPOINT).write_bytes(b"")
    dock.show_state()
    assert dock.paused.isVisible() and "Paused: third." in dock.paused.text()
    shutil.rmtree(draft)
    dock.show_state()
    assert not dock.paused.isVisible()


def test_a_model_is_deleted_when_that_is_meant(qtbot: Any, dock: Any, section: Section) -> None:
    table, question = dock.models.table, dock.question
    select(table, "second")
    qtbot.mouseClick(dock.delete, LEFT)
    assert "came from it" not in question.text.text()
    qtbot.mouseClick(question.buttons["Cancel"], LEFT)
    select(table, "first")
    qtbot.mouseClick(dock.delete, LEFT)
    assert "Segmentation" in question.text.text() and "came from it" in question.text.text()
    assert section.state("segmentation") == "fresh"
    qtbot.mouseClick(question.buttons["Delete"], LEFT)
    assert names_of(table) == ["second"] and dock.models.current == "second"
    assert not (section.path / "models" / "first").exists()
    assert section.state("segmentation") == "stale"
    assert not list((section.path / "work").glob("*~"))
