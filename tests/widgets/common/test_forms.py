"""Forms made from settings models."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from napari_olivine.errors import InputError
from napari_olivine.registry import STEPS
from napari_olivine.settings import Settings, setting

pytestmark = pytest.mark.gui


class Example(Settings):
    """One field of every kind."""

    rule: str = setting("olivine", "Rule", "A rule.")
    mode: Literal["fast", "exact"] = setting("fast", "Mode", "How.")
    on: bool = setting(True, "On", "Whether.")
    count: int = setting(3, "Count", "How many.", ge=1, le=9)
    width_um: float = setting(2.5, "Width", "How wide.", unit="um", gt=0, le=100)
    area_um2: float = setting(20.0, "Area", "How large.", unit="um2")
    rate: float = setting(0.0005, "Rate", "A small number.", gt=0, lt=1)
    limit: float | None = setting(None, "Limit", "Perhaps.", unit="px", ge=0)
    weights: Path | None = setting(None, "Weights", "A file.")
    signals: tuple[str, ...] = setting((), "Signals", "Names.")
    label: str | None = setting(None, "Label", "Perhaps a name.")
    folders: tuple[Path, ...] = setting((), "Folders", "Perhaps some.")


@pytest.fixture
def form(qtbot: Any) -> Any:
    from napari_olivine.widgets.common.forms import SettingsForm

    form = SettingsForm(Example)
    qtbot.addWidget(form)
    return form


def test_untouched_form_gives_the_defaults(form: Any) -> None:
    assert form.values() == Example()


def test_what_is_set_comes_back(form: Any) -> None:
    wanted = Example(
        rule="Mg > 30",
        mode="exact",
        on=False,
        count=7,
        width_um=0.125,
        rate=2e-6,
        limit=12.5,
        weights=Path("/a/file"),
        signals=("Mg", "Fe"),
        label="mine",
        folders=(Path("/a/one"), Path("/a/two")),
    )
    form.set_values(wanted)
    assert form.values() == wanted
    form.reset()
    assert form.values() == Example()


def test_number_shows_its_unit_and_all_its_digits(form: Any) -> None:
    assert form.editors["width_um"].native.text() == "2.5 µm"
    assert form.editors["area_um2"].native.text() == "20 µm²"
    assert form.editors["rate"].native.text() == "0.0005"


def test_tick_box_bears_no_name_of_a_variable(form: Any) -> None:
    assert form.editors["on"].native.text() == ""


def test_empty_number_reads_auto(form: Any) -> None:
    editor = form.editors["limit"]
    assert editor.native.text() == "auto"
    editor.native.stepUp()
    assert editor.value == 0
    editor.value = None
    assert form.values().limit is None


def test_typing_a_number(qtbot: Any, form: Any) -> None:
    box = form.editors["limit"].native
    box.lineEdit().selectAll()
    qtbot.keyClicks(box.lineEdit(), "0,75")
    box.interpretText()
    assert form.values().limit == 0.75


def test_number_cannot_leave_its_bounds(form: Any) -> None:
    form.editors["count"].native.setValue(50)
    assert form.values().count == 9


def test_limit_that_must_not_be_reached_is_told_in_words(form: Any) -> None:
    form.editors["width_um"].native.setValue(0)
    with pytest.raises(InputError, match="'width_um': .*greater than 0"):
        form.values()


def test_explanation_is_the_tooltip(form: Any) -> None:
    assert "How wide." in form.editors["width_um"].native.toolTip()


def test_choices_for_a_name(form: Any) -> None:
    from napari_olivine.widgets.common.forms import SettingsForm

    other = SettingsForm(Example, hidden=["mode"], choices={"rule": ["a", "b"]})
    other.set_choices("rule", ["c", "d"], "d")
    assert other.values().rule == "d"
    assert "mode" not in other.editors


@pytest.mark.parametrize(
    "step", ["import", "level", "mask", "train", "segment", "calibrate", "crystals"]
)
def test_every_step_s_form_gives_its_defaults(qtbot: Any, step: str) -> None:
    from napari_olivine.widgets.common.forms import SettingsForm

    form = SettingsForm(STEPS[step].settings)
    qtbot.addWidget(form)
    assert form.values() == STEPS[step].settings()


def test_a_choice_left_to_the_program_is_neither_yes_nor_no(qtbot: Any) -> None:
    from napari_olivine.widgets.common.forms import SettingsForm

    form = SettingsForm(STEPS["import"].settings)
    qtbot.addWidget(form)
    register = form.editors["register_tiles"]
    assert [register.native.itemText(i) for i in range(3)] == ["auto", "yes", "no"]
    for answer in (True, False, None):
        register.value = answer
        assert form.values().register_tiles is answer


def test_a_table_is_written_on_the_form_as_in_a_settings_file(qtbot: Any) -> None:
    from napari_olivine.widgets.common.forms import SettingsForm

    settings = STEPS["level"].settings(standards={"Fe metal": {"1": 231.0, "2": 238.0}})
    form = SettingsForm(type(settings))
    qtbot.addWidget(form)
    form.set_values(settings)
    assert form.values() == settings
    form.editors["standards"].value = "Fe metal 231"
    with pytest.raises(InputError, match="standards"):
        form.values()


def test_folders_are_added_and_taken_away(
    qtbot: Any, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_olivine.widgets.common import folder_list

    chosen = iter(["/a/one", "", "/a/two", "/a/one"])
    monkeypatch.setattr(folder_list, "choose_folder", lambda *_: next(chosen))
    editor, changes = form.editors["folders"], []
    form.changed.connect(lambda: changes.append(form.values().folders))
    form.show()
    assert not editor.list.isVisible() and not editor.remove_button.isVisible()
    for _ in range(4):
        editor.add_button.click()
    assert form.values().folders == (Path("/a/one"), Path("/a/two"))
    assert editor.list.isVisible() and not editor.remove_button.isEnabled()
    editor.list.item(0).setSelected(True)
    editor.remove_button.click()
    assert changes[-1] == form.values().folders == (Path("/a/two"),)
    form.reset()
    assert form.values().folders == ()
