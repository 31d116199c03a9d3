"""Messages in the words of the window, as long as they are; the memory that all docks share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QSettings

from napari_olivine.readers import ImportSettings
from napari_olivine.widgets.common.words import in_window


class TestWords:
    @pytest.mark.parametrize(
        ("said", "shown"),
        [
            ("give --pixel-size-um.", "give “Pixel size”."),
            ("name it with --bse.", "name it with “BSE signal”."),
            ("a smaller --memory, so", "a smaller “Memory”, so"),
            ("--repair makes them again", "“Repair” makes them again"),
            ("there is no --such-option", "there is no --such-option"),
            ("KLV-7 -- a name", "KLV-7 -- a name"),
            (
                "'mask' is missing: run 'napari-olivine mask' first.",
                "'mask' is missing: click “Make mask” in the dock Phase masks first.",
            ),
            (
                "is damaged; run 'napari-olivine calibrate --force'.",
                "is damaged; click “Calibrate” in the dock EPMA profiles.",
            ),
            (
                "run 'napari-olivine level' again",
                "click “Level the grey” in the dock Section again",
            ),
        ],
    )
    def test_options_and_commands_are_settings_and_buttons(self, said: str, shown: str) -> None:
        assert in_window(said, ImportSettings) == shown


@pytest.mark.gui
class TestLongMessage:
    @pytest.fixture
    def bar(self, qtbot: Any) -> Any:
        from napari_olivine.widgets.dock_base.run_bar import RunBar

        bar = RunBar("Import")
        qtbot.addWidget(bar)
        bar.resize(330, 100)
        bar.show()
        return bar

    def test_list_of_many_tiles_scrolls_instead_of_filling_the_screen(
        self, qtbot: Any, bar: Any
    ) -> None:
        from napari_olivine.widgets.dock_base.run_bar import HIGHEST_ERROR

        text = "\n".join(f"there is no tile in row {k}, column {k} of tiles" for k in range(300))
        bar.show_error(text)
        qtbot.wait(50)
        assert bar.error_area.height() == HIGHEST_ERROR
        scroll = bar.error_area.verticalScrollBar()
        assert scroll.maximum() > 1000  # all of it can be read
        assert bar.error_text.text() == text

    def test_short_message_takes_little_room_and_is_not_cut_off(self, qtbot: Any, bar: Any) -> None:
        bar.show_error("The section is damaged.")
        qtbot.wait(50)
        one_line = bar.error_area.height()
        assert one_line < 40
        bar.show_error("The section is damaged in more than one place. " * 4)
        qtbot.wait(50)
        assert bar.error_area.height() > 2 * one_line
        assert bar.error_area.verticalScrollBar().maximum() == 0


@pytest.mark.gui
class TestMemory:
    @pytest.fixture
    def viewer(self, make_napari_viewer: Any, tmp_path: Path, monkeypatch: Any) -> Any:
        def kept() -> QSettings:
            return QSettings(str(tmp_path / "kept.ini"), QSettings.Format.IniFormat)

        monkeypatch.setattr("napari_olivine.widgets.common.memory._settings", kept)
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
