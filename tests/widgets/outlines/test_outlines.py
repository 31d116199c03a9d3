"""Outlines of crystals while a person draws them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_olivine.errors import EditError
from napari_olivine.section import OUTLINE_COLUMNS, Section
from napari_olivine.widgets.outlines.outline_edits import OutlineEdits
from napari_olivine.widgets.state import OpenSection
from tests.helpers.widget_sections import Mouse, active_window, copy_of, finished_section

EDITING = "napari_olivine.widgets.editing.polygons_part"
"""Where the file is chosen."""

SQUARE = np.array([[100.0, 100.0], [300.0, 100.0], [300.0, 300.0], [100.0, 300.0]])


def test_every_edit_is_taken_back_and_named() -> None:
    edits = OutlineEdits(pd.DataFrame(columns=[*OUTLINE_COLUMNS]))
    assert edits.add(SQUARE) == "crystal 1"
    assert edits.add(SQUARE + 500) == "crystal 2"
    edits.move({"crystal 1": SQUARE[[0, 2, 1, 3]]})
    assert edits.faults((2000, 2000), 1.0) == {"crystal 1": "crosses itself"}
    edits.remove(["crystal 1"])
    assert edits.add(SQUARE) == "crystal 1"  # the name is free again
    told = []
    while edits.history.can_undo:
        told.append(edits.history.undo().describe())
    assert told[1:3] == [
        "Taken back: outline of crystal 1 deleted",
        "Taken back: outline of crystal 1 changed",
    ]
    assert edits.names == []
    edits.history.redo()
    np.testing.assert_array_equal(edits.corners("crystal 1"), SQUARE)


def test_an_outline_has_the_name_that_a_person_gives_it() -> None:
    edits = OutlineEdits(pd.DataFrame(columns=[*OUTLINE_COLUMNS]))
    edits.add(SQUARE)
    edits.rename("crystal 1", " KLV-7 rim ")
    assert edits.take([("KLV-7 rim", SQUARE + 500), ("new", SQUARE)], "a.json") == [
        "KLV-7 rim (2)",
        "new",
    ]
    for wrong in ("", "new"):
        with pytest.raises(EditError, match="keeps its name"):
            edits.rename("KLV-7 rim", wrong)
    assert edits.history.undo().describe() == "Taken back: 2 outlines of a.json loaded"
    edits.history.undo()
    assert edits.names == ["crystal 1"]


@pytest.mark.gui
def test_an_outline_is_drawn_by_clicks_and_taken_back(
    qtbot: Any, make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of(finished_section(), tmp_path)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 900)
    OpenSection.of(viewer).open(path)
    dock = viewer.window.add_plugin_dock_widget("napari-olivine", "EPMA profiles")[1]
    mouse = Mouse(viewer)
    qtbot.wait(300)
    viewer.reset_view()
    dock.outlines.set_expanded(True)
    assert dock.source.text() == "Calibrated on: the reference mask"
    load_and_rename(dock, tmp_path, monkeypatch)
    qtbot.mouseClick(dock.outlines.tools["Draw outline"], Qt.MouseButton.LeftButton)
    for corner in SQUARE:
        mouse.click(*corner)
    qtbot.mouseDClick(
        mouse.canvas, Qt.MouseButton.LeftButton, pos=mouse._pixel(*SQUARE[-1]).toPoint()
    )
    qtbot.waitUntil(lambda: dock.outlines.edits.names == ["crystal 1"], timeout=5000)
    stored = Section(path).annotation("outlines")
    np.testing.assert_allclose(stored[["x_um", "y_um"]], SQUARE, atol=6)  # um a screen pixel
    assert "Outlines by hand changed since".lower() in dock.state.text().lower()
    assert viewer.layers["Crystal outlines"].mode == "direct"
    active_window(qtbot, viewer)
    qtbot.mouseClick(dock.outlines.tools["Draw outline"], Qt.MouseButton.LeftButton)
    for corner in SQUARE + 350:
        mouse.click(*corner)
    qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.wait(100)
    assert dock.outlines.edits.names == ["crystal 1"], "the half polygon alone is dropped"
    assert len(viewer.layers["Crystal outlines"].data) == 1
    qtbot.keyClick(mouse.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dock.outlines.edits.names == []
    assert len(viewer.layers["Crystal outlines"].data) == 0
    assert "up to date" in dock.state.text()
    assert "out of date" not in dock.state.text()


def load_and_rename(dock: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outlines of another program lie where they were drawn; all of it is taken back at the end."""
    file, part = folder / "drawn.geojson", dock.outlines
    ring = [[*corner] for corner in SQUARE + 0.5]
    feature = {"type": "Polygon", "coordinates": [ring, [[r / 2 + 100 for r in c] for c in ring]]}
    monkeypatch.setattr(f"{EDITING}.choose_file", lambda *_: str(file))
    part.tools["Load..."].click()
    assert "There is no file" in dock.run_bar.error_text.text()
    file.write_text("Region 1")
    part.tools["Load..."].click()
    assert "cannot be read as GeoJSON" in dock.run_bar.error_text.text()
    file.write_text(json.dumps(feature))
    part.tools["Load..."].click()
    assert "1 hole is filled" in dock.run_bar.error_text.text()
    np.testing.assert_allclose(part.edits.corners(part.current), SQUARE)
    monkeypatch.setattr(
        "napari_olivine.widgets.outlines.outlines_part.QInputDialog.getText",
        lambda *_, **__: ("KLV-7", True),
    )
    part.tools["Rename..."].click()
    assert part.chosen.currentText() == part.current == "KLV-7"
    dock.session.history.undo()
    dock.session.history.undo()
    assert part.edits.names == []
