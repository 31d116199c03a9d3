"""The region of study while a person draws it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_olivine.regions import study_region
from napari_olivine.section import REGION_COLUMNS, Section
from napari_olivine.widgets.regions.region_edits import RegionEdits
from napari_olivine.widgets.state import OpenSection
from tests.helpers.widget_sections import Mouse, active_window, copy_of, finished_section

SQUARE = np.array([[100.0, 100.0], [700.0, 100.0], [700.0, 700.0], [100.0, 700.0]])
LABEL = np.array([[150.0, 150.0], [400.0, 150.0], [400.0, 400.0], [150.0, 400.0]])


def test_every_edit_is_taken_back_and_named() -> None:
    edits = RegionEdits(pd.DataFrame(columns=[*REGION_COLUMNS]))
    assert edits.add("keep", SQUARE) == "keep 1"
    assert edits.add("leave_out", LABEL) == "leave out 1"
    hole = edits.table[edits.table["region"] == "leave out 1"].assign(ring=1)
    hole[["x_um", "y_um"]] = LABEL * 0.5 + 130
    edits.edit(pd.concat([edits.table, hole]), "hole read", "", "leave out 1")
    edits.move({("leave out 1", 1): LABEL * 0.25 + 200})
    assert [one.classification for one in edits.polygons(1.0)] == ["keep", "leave_out"]
    assert len(edits.polygons(1.0)[1].rings) == 2
    edits.remove([("leave out 1", 1)])
    assert edits.rings == [("keep 1", 0), ("leave out 1", 0)]
    edits.history.undo()
    edits.remove([("leave out 1", 0)])
    assert edits.rings == [("keep 1", 0)], "its hole goes with it"
    told = []
    while edits.history.can_undo:
        told.append(edits.history.undo().describe())
    assert told[0] == "Taken back: region 'leave out 1' removed"
    assert told[-1] == "Taken back: region 'keep 1' drawn"
    assert edits.names == []


@pytest.mark.gui
def test_a_region_is_drawn_by_clicks_and_taken_back(
    qtbot: Any, make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of(finished_section(), tmp_path)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 900)
    session = OpenSection.of(viewer)
    section = session.open(path)
    dock = viewer.window.add_plugin_dock_widget("napari-olivine", "Section")[1]
    part, mouse = dock.regions, Mouse(viewer)
    qtbot.wait(300)
    viewer.reset_view()
    part.set_expanded(True)

    def draw(tool: str, corners: np.ndarray) -> None:
        count = len(part.edits.names)
        qtbot.mouseClick(part.tools[tool], Qt.MouseButton.LeftButton)
        for corner in corners:
            mouse.click(*corner)
        last = mouse._pixel(*corners[-1]).toPoint()
        qtbot.mouseDClick(mouse.canvas, Qt.MouseButton.LeftButton, pos=last)
        qtbot.waitUntil(lambda: len(part.edits.names) == count + 1, timeout=5000)

    assert section.state("crystals") == "fresh"
    draw("Keep", SQUARE)
    draw("Leave out", LABEL)
    shapes = viewer.layers["Region of study"]
    assert [face[3] > 0.3 for face in shapes.face_color] == [False, True], "a veil on what is out"
    assert [part.table.item(row, 1).text() for row in (0, 1)] == ["keep", "leave out"]
    areas = [float(part.table.item(row, 2).text()) for row in (0, 1)]
    assert areas == pytest.approx([0.36, 0.0625], rel=0.03)  # um a screen pixel
    assert part.area.text().startswith("Studied: 0.2")
    region = study_region(Section(path))
    assert region is not None
    px = section.pixel_size_um
    inside = [
        bool(region.pixels(slice(at, at + 1), slice(at, at + 1))[0, 0])
        for at in (int(50 / px), int(125 / px), int(300 / px), int(600 / px))
    ]
    assert inside == [False, True, False, True]
    assert section.state("crystals") == "stale"
    assert section.state("mask") == section.state("mg") == "fresh"

    active_window(qtbot, viewer)
    for left in (["keep 1"], []):
        qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda left=left: part.edits.names == left, timeout=5000)
    assert not section.has_annotation("regions")
    assert section.state("crystals") == "fresh", "as it was before"

    load_from_another_program(dock, tmp_path, monkeypatch)
    part.freehand.setChecked(True)
    qtbot.mouseClick(part.tools["Leave out"], Qt.MouseButton.LeftButton)
    mouse.drag([*LABEL, LABEL[0]])
    qtbot.waitUntil(lambda: part.edits.names == ["leave out 1"], timeout=5000)
    session.history.undo()

    part.edits.add("leave_out", np.array([[-9e3, -9e3], [9e3, -9e3], [9e3, 9e3], [-9e3, 9e3]]))
    assert "Nothing of the section is left" in part.note.text()
    qtbot.mouseClick(part.tools["Remove"], Qt.MouseButton.LeftButton)
    assert part.edits.names == []
    part.edits.add("keep", SQUARE[[0, 2, 1, 3]])
    assert "keep 1 crosses itself" in part.note.text()


def load_from_another_program(dock: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polygons keep the use that their class says; for the others it is asked. All is undone."""
    part, file = dock.regions, folder / "drawn.geojson"
    ring, hole = ([[*corner] for corner in corners] for corners in (SQUARE, LABEL))
    classes = ({"classification": {"name": "leave out"}}, {"name": "thin section"})
    file.write_text(json.dumps([
        {"type": "Feature", "properties": properties,
         "geometry": {"type": "Polygon", "coordinates": [ring, hole]}}
        for properties in classes
    ]))  # fmt: skip
    place = "napari_olivine.widgets.editing.polygons_part.choose_file"
    monkeypatch.setattr(place, lambda *_: str(file))
    part.tools["Load..."].click()
    assert "the use of 1 polygon" in part.question.text.text()
    assert part.edits.names == [], "nothing is taken before the answer"
    part.question.buttons["Keep"].click()
    assert {one.name: one.classification for one in part.edits.polygons(1.0)} == {
        "region 1": "leave_out", "thin section": "keep",
    }  # fmt: skip
    assert [ring for _, ring in part.edits.rings] == [0, 1, 0, 1], "with their holes"
    dock.session.history.undo()
    assert part.edits.names == []
