"""The memory that steps may use: one number that all docks share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QSettings


@pytest.mark.gui
class TestMemory:
    @pytest.fixture
    def viewer(self, make_napari_viewer: Any, tmp_path: Path, monkeypatch: Any) -> Any:
        def kept() -> QSettings:
            return QSettings(str(tmp_path / "kept.ini"), QSettings.Format.IniFormat)

        monkeypatch.setattr("napari_olivine.widgets.common.memory.stored_preferences", kept)
        return make_napari_viewer(show=True)

    def test_number_of_one_dock_is_that_of_all_and_of_the_next_window(
        self, qtbot: Any, viewer: Any, monkeypatch: Any
    ) -> None:
        from tests.helpers.widget_sections import finished_section

        def dock(name: str) -> Any:
            return viewer.window.add_plugin_dock_widget("napari-olivine", name)[1]

        masks, crystals = dock("Phase masks"), dock("Crystals")
        assert masks.memory.value is None
        assert masks.options() == []
        masks.memory.value = 1.5
        assert crystals.memory.value == 1.5
        assert dock("EPMA profiles").memory.value == 1.5  # opened later
        started: list[Any] = []
        masks.session.open(finished_section())
        monkeypatch.setattr(
            masks.session.jobs, "start", lambda *words: started.append((words[0], words[-1]))
        )
        crystals.run()
        dock("Section").check()
        assert started == [("crystals", ["--memory", "1.5GB"]), ("check", ["--memory", "1.5GB"])]
        crystals.memory.value = None
        assert masks.options() == []

    def test_command_line_understands_what_is_passed(self) -> None:
        from napari_olivine.cli.options import memory
        from napari_olivine.widgets.common.memory import LOWEST_GB

        assert memory(f"{LOWEST_GB:g}GB") == LOWEST_GB * 2**30
