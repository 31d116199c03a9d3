"""A message names fields and buttons, and a click on their names leads there."""

from __future__ import annotations

from typing import Any

import pytest

from napari_olivine.errors import InputError
from napari_olivine.widgets.dock_base import open_dock
from tests.helpers.shared_window import close_docks
from tests.helpers.widget_sections import imported_section

pytestmark = pytest.mark.gui


@pytest.fixture
def masks(module_viewer: Any) -> Any:
    dock = open_dock(module_viewer, "Phase masks")
    yield dock
    dock.session.jobs.stop_now()
    close_docks(module_viewer)


@pytest.fixture(autouse=True)
def framed_until_it_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_olivine.widgets.dock_base.opening.POINTED_MS", 3_600_000)


def click(dock: Any, link: str) -> None:
    assert f"href='{link}'" in dock.run_bar.error_text.text()
    dock.run_bar.error_text.linkActivated.emit(link)


def test_field_in_a_collapsed_part_is_expanded_focused_and_framed(qtbot: Any, masks: Any) -> None:
    masks.settings_part.set_expanded(False)
    masks.show_error(InputError("Too smooth.", setting="smoothing_px"))
    assert "Too smooth. Change <a" in masks.run_bar.error_text.text()
    click(masks, "setting:mask.smoothing_px")
    field = masks.form.editors["smoothing_px"].native
    qtbot.waitUntil(lambda: "border" in field.styleSheet())
    assert masks.settings_part.expanded
    assert field.isVisible()
    assert masks.isAncestorOf(masks.window().focusWidget())


def test_field_that_the_dock_shows_in_its_own_way(qtbot: Any, masks: Any) -> None:
    masks.show_error(InputError("No such rule.", setting="rule"))
    click(masks, "setting:mask.rule")
    qtbot.waitUntil(lambda: "border" in masks.rule.styleSheet())


def test_settings_that_all_steps_share(qtbot: Any, masks: Any) -> None:
    masks.show_error("Less {setting:memory}, and {setting:force}.")
    click(masks, "setting:mask.memory")
    qtbot.waitUntil(lambda: "border" in masks.memory.native.styleSheet())
    click(masks, "setting:mask.force")
    qtbot.waitUntil(lambda: "border" in masks.force.styleSheet())


PLACES = [
    ("Run {step:train}.", "step:train", "Train", "run_button"),
    ("Run {step:level}.", "step:level", "Section", "levelling.button"),
    ("By {step:add-tables}.", "step:add-tables", "EPMA profiles", "tables.add_button"),
    ("Run {step:export}.", "step:export", "Crystals", "export.export_button"),
    ("Run {step:corrections}.", "step:corrections", "Review", "panel.teach_button"),
    ("Or {setting:check.repair}.", "setting:check.repair", "Section", "check_button"),
    (
        "Or {setting:export.rasters}.",
        "setting:export.rasters",
        "Crystals",
        "export.form.editors.rasters.native",
    ),
]
"""A message, its link, and the dock and part that it leads to."""


def test_other_docks_open_at_their_button_or_field(qtbot: Any, masks: Any) -> None:
    masks.session.open(imported_section())
    for template, link, name, part in PLACES:
        masks.show_error(template)
        click(masks, link)
        found = open_dock(masks.session.viewer, name)
        for word in part.split("."):
            found = found[word] if isinstance(found, dict) else getattr(found, word)
        qtbot.waitUntil(lambda found=found: "border" in found.styleSheet())


def test_the_frame_goes_after_a_moment(
    qtbot: Any, masks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    button, looks = masks.run_button, [masks.run_button.styleSheet()]

    def record(look: str) -> None:
        looks.append(look)

    monkeypatch.setattr("napari_olivine.widgets.dock_base.opening.POINTED_MS", 10)
    monkeypatch.setattr(button, "setStyleSheet", record)
    masks.show_error("Run {step:mask}.")
    click(masks, "step:mask")
    qtbot.waitUntil(lambda: len(looks) == 3)
    assert "border" in looks[1]
    assert looks[2] == looks[0]
    monkeypatch.undo()
    for _ in range(2):  # pointed at again while it is framed, it looks no other afterwards
        click(masks, "step:mask")
        qtbot.waitUntil(lambda: "border" in button.styleSheet())
    qtbot.waitUntil(lambda: button.styleSheet() == looks[0])


def test_missing_mask_is_told_by_the_train_dock_with_a_link_to_its_button(
    qtbot: Any, masks: Any
) -> None:
    """The real step in its process: its error arrives with its facts."""
    masks.session.open(imported_section())
    train = open_dock(masks.session.viewer, "Train")
    train.run()
    qtbot.waitUntil(train.run_bar.error_box.isVisible, timeout=60_000)
    assert "--" not in train.run_bar.error_text.text()
    click(train, "step:mask")
    qtbot.waitUntil(lambda: "border" in masks.run_button.styleSheet())


def test_text_without_links_stays_plain(masks: Any) -> None:
    masks.show_error("Ca/Mg < 0.1 & Mg > 30\nis a rule")
    assert masks.run_bar.error_text.text() == "Ca/Mg < 0.1 & Mg > 30\nis a rule"
