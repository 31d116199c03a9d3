"""Messages in the words of the window, with links to the fields and buttons that they name."""

from __future__ import annotations

from typing import Any

import pytest

from napari_olivine.errors import InputError, SectionError
from napari_olivine.widgets.common import in_words, with_links


class TestWords:
    @pytest.mark.parametrize(
        ("template", "shown"),
        [
            ("Give {setting:pixel_size_um}.", "Give “Pixel size”."),
            ("moved by 3 um, 12.5 um2 are lost, x_um", "moved by 3 µm, 12.5 µm² are lost, x_um"),
            ("Name it with {setting:bse}.", "Name it with “BSE signal”."),
            ("A smaller {setting:memory}, so", "A smaller “Memory”, so"),
            ("{setting:check.repair} makes them again", "“Repair” makes them again"),
            ("there is no {setting:such_setting}", "there is no “such_setting”"),
            ("KLV-7 --a {name}", "KLV-7 --a {name}"),
            ("Run {step:mask} first.", "Run “Make mask” in the dock Phase masks first."),
            ("Run {step:level} again.", "Run “Level the grey” in the dock Section again."),
            ("Run {step:score}.", "Run 'napari-olivine score' at the command line."),
            ("Go on in {step:review}.", "Go on in the dock Review."),
            ("By {step:add-tables}", "By “Add tables...” in the dock EPMA profiles"),
            (
                "say so {place:columns.toml}.",
                "say so under “Columns of EPMA tables...”.",
            ),
        ],
    )
    def test_settings_are_fields_and_steps_are_buttons(self, template: str, shown: str) -> None:
        assert in_words(template, "import") == shown

    def test_an_error_is_its_text_and_its_remedy(self) -> None:
        error = SectionError("The section has no 'mask' yet.", step="mask")
        assert in_words(error) == (
            "The section has no 'mask' yet. Run “Make mask” in the dock Phase masks first."
        )

    def test_links_lead_to_the_field_and_to_the_button(self) -> None:
        rich = with_links("Lower {setting:smoothing_px}, or run {step:train} <b>.", "mask")
        assert "href='setting:mask.smoothing_px'>“Smoothing”</a>" in rich
        assert "href='step:train'>“Train”</a> in the dock Train" in rich
        assert rich.endswith("&lt;b&gt;.")

    def test_settings_of_a_bad_value_are_named_by_their_title(self) -> None:
        from napari_olivine.masks import MaskSettings

        with pytest.raises(InputError) as caught:
            MaskSettings(smoothing_px=-1)
        assert "“Smoothing”: " in in_words(caught.value, "mask")
        assert caught.value.facts.setting == "smoothing_px"


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
