"""The Recognise dock in a real window: kinds by keys and clicks, learned and shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_olivine.crystals.edits import CrystalStore
from napari_olivine.section import Section
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.widget_sections import Mouse, copy_of, finished_section
from tests.widgets.review.test_review_dock import press

pytestmark = pytest.mark.gui

KEY, CTRL, LEFT = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.MouseButton.LeftButton


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return copy_of(finished_section(), tmp_path)


@pytest.fixture
def widget(make_napari_viewer: Any, path: Path, qtbot: Any) -> Any:
    viewer = make_napari_viewer(show=True)
    widget = viewer.window.add_plugin_dock_widget("napari-olivine", "Recognise")[1]
    widget.session.open(path)
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.mouseClick(widget.start_button, LEFT)
    qtbot.waitUntil(lambda: widget.store is not None, timeout=20_000)
    qtbot.waitUntil(window.isActiveWindow, timeout=5000)
    yield widget
    OpenSection.of(viewer).jobs.stop_now()
    widget.stop()


def by_size(widget: Any) -> list[int]:
    return [int(one) for one in widget.store.table.sort_values("area_px")["id"]]


def kind(widget: Any, crystal: int) -> str:
    return str(widget.store.table.at[crystal, "kind"])


def add(widget: Any, name: str) -> None:
    QTest.keyClicks(widget.list.field, name)
    QTest.keyClick(widget.list.field, KEY.Key_Return)


def rows(widget: Any) -> list[list[str]]:
    table = widget.list.table
    return [[table.item(r, c).text() for c in range(4)] for r in range(table.rowCount())]


def test_a_kind_is_given_by_field_key_and_click_and_taken_back(
    widget: Any, path: Path, qtbot: Any
) -> None:
    *_, third, second, first = by_size(widget)
    widget.go_to(first)
    add(widget, "xenocryst 1")
    assert kind(widget, first) == "xenocryst 1", "a number in a name is no key"
    row = widget.store.table.loc[second]
    widget.session.viewer.scene.camera.center = (0, row["y_um"], row["x_um"])
    Mouse(widget.session.viewer).click(row["x_um"], row["y_um"])
    assert widget.session.selected == second
    press(widget, KEY.Key_1)
    cell = widget.gallery.sheet.cell(widget.model.row_of(third))
    widget.gallery.sheet.show_selected(third)
    cell = widget.gallery.sheet.cell(widget.model.row_of(third))
    qtbot.mouseClick(widget.gallery.sheet.viewport(), LEFT, pos=cell.center())
    assert widget.session.selected == third
    add(widget, "skeletal")
    qtbot.waitUntil(lambda: len(rows(widget)) == 2)
    assert rows(widget) == [["1", "xenocryst 1", "2", ""], ["2", "skeletal", "1", ""]]
    press(widget, KEY.Key_0)
    assert kind(widget, third) == ""
    press(widget, KEY.Key_Z, CTRL)
    assert kind(widget, third) == "skeletal"
    add(widget, "Skeletal")
    assert "in its spelling alone" in widget.run_bar.error_text.text()
    review = widget.session.viewer.window.add_plugin_dock_widget("napari-olivine", "Review")[1]
    qtbot.mouseClick(review.panel.start_button, LEFT)
    assert "edited in the Recognise dock" in review.panel.error.text()
    qtbot.mouseClick(widget.start_button, LEFT)
    assert widget.store is None
    table = CrystalStore(Section(path), write=False).table
    assert table.loc[[first, second, third], "kind"].tolist() == [
        "xenocryst 1", "xenocryst 1", "skeletal",
    ]  # fmt: skip


def test_kinds_are_learned_beside_the_window_and_the_doubtful_come_first(
    widget: Any, path: Path, qtbot: Any
) -> None:
    loaded_by_others = "torch" in sys.modules
    crystals = by_size(widget)
    for name, some in (("large", crystals[-6:]), ("small", crystals[:6])):
        for crystal in some:
            widget.session.select(crystal)
            widget.give(name)
    dock = widget.session.viewer.window.add_plugin_dock_widget("napari-olivine", "Crystals")[1]
    widget.form.editors["classifier"].value = "naive_bayes"
    qtbot.mouseClick(widget.run_button, LEFT)
    qtbot.waitUntil(lambda: widget._kinds is not None, timeout=90_000)
    assert ("torch" in sys.modules) == loaded_by_others
    assert "% when it had not seen them" in widget.score.text()
    counts = {name: (int(given), int(found)) for _, name, given, found in rows(widget)}
    assert counts["large"][0] == counts["small"][0] == 6
    assert counts["large"][1] + counts["small"][1] == len(crystals)
    shown = dock.model.table.set_index("id")
    assert shown["kind"].value_counts().to_dict() == {
        "": len(crystals) - 12,
        "large": 6,
        "small": 6,
    }
    assert set(shown["recognised_kind"]) == {"large", "small"}
    found = Section(path).table("kinds", "kinds").set_index("id")["probability"]
    press(widget, KEY.Key_Space)
    doubted = widget.session.selected
    assert kind(widget, doubted) == ""
    given = widget.store.table["kind"] != ""
    assert found[doubted] == found[~given.reindex(found.index)].min()
    layer = widget.session.layer("crystals", "crystals")
    qtbot.waitUntil(lambda: layer.visible)
    sure = found[~given.reindex(found.index)].idxmax()
    assert layer.colormap.map(doubted)[3] <= layer.colormap.map(sure)[3]
    press(widget, KEY.Key_1)
    assert kind(widget, doubted) == widget.list.names[0]
