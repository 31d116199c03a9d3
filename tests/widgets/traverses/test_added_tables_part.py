"""EPMA tables are added, named and taken away again in the EPMA profiles dock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt, QTimer

from napari_olivine.errors import OlivineError
from napari_olivine.readers import AddTablesSettings, add_tables
from napari_olivine.section import Section
from tests.helpers.widget_sections import copy_of, imported_section
from tests.readers.test_added_tables import write_table

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


def test_a_table_is_named_added_taken_away_and_brought_back(
    qtbot: Any, make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer(show=True)
    dock = viewer.window.add_plugin_dock_widget("napari-olivine", "EPMA profiles")[1]
    part, path = dock.tables, copy_of(imported_section(), tmp_path)
    dock.session.open(path)
    qtbot.waitUntil(dock.isVisible)

    def start(settings: AddTablesSettings) -> None:
        """The step in this process, as the child would do it."""
        try:
            add_tables(Section(path), settings)
        except OlivineError as error:
            dock._on_failed("add-tables", error)
        else:
            dock.session.refresh()
            dock.on_finished()

    monkeypatch.setattr(
        part, "_start", lambda settings: QTimer.singleShot(0, lambda: start(settings))
    )
    monkeypatch.setattr(dock.session.jobs, "step", "add-tables")
    assert part.add_button.isEnabled() and not part.remove_button.isEnabled()
    assert not part.columns_button.isVisible()

    table = write_table(tmp_path / "lab" / "new.csv")
    words = table.read_text()
    table.write_text(words.replace("MgO", "Column C"))
    monkeypatch.setattr(
        "napari_olivine.widgets.traverses.added_tables_part.choose_files",
        lambda *_: [str(table)],
    )
    qtbot.mouseClick(part.add_button, LEFT)
    qtbot.waitUntil(dock.run_bar.error_box.isVisible)
    assert str(table) in dock.run_bar.error_text.text()
    qtbot.mouseClick(part.columns_button, LEFT)
    assert dock.mapper.path == table, "the columns of the very table that could not be read"
    dock.mapper.close()

    table.write_text(words)  # as when its columns were named
    dock.mapper.saved.emit()
    qtbot.waitUntil(lambda: "new" in dock.traverses.profiles)
    dock.traverses.place({"new": (100.0, 100.0, 115.0, 100.0)})

    part.removable.actions()[0].trigger()
    qtbot.waitUntil(lambda: "new" not in dock.traverses.profiles)
    assert "new" not in set(Section(path).annotation("placements")["profile"])
    assert not part.remove_button.isEnabled()
    dock.session.history.undo()
    qtbot.waitUntil(lambda: "new" in dock.traverses.profiles)
    assert dock.traverses.line("new") == (100.0, 100.0, 115.0, 100.0)
    assert "new.csv taken away" in dock.session.history.redo().describe()
    qtbot.waitUntil(lambda: "new" not in dock.traverses.profiles)
