"""Errors carry a text, a remedy and facts; whoever shows them finds the words."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

import napari_olivine
from napari_olivine.errors import InputError, OlivineError, SectionError, fill
from napari_olivine.job import Event, Job

ROOT = Path(napari_olivine.__file__).parent
ROOMS = [
    path
    for path in sorted(ROOT.iterdir())
    if (path.is_dir() and (path / "__init__.py").exists() and path.name != "cli")
    or path.suffix == ".py"
]


class TestRemedy:
    def test_step_or_setting_alone_is_remedy_enough(self) -> None:
        assert str(SectionError("No mask yet.", step="mask")) == (
            "No mask yet. Run the step 'mask' first."
        )
        assert InputError("Too large.", setting="batch").remedy == "Change {setting:batch}."

    def test_what_the_text_names_is_not_said_twice(self) -> None:
        error = InputError("{setting:batch} must be even.", setting="batch")
        assert error.remedy == ""
        assert str(error) == "the setting 'batch' must be even."

    def test_sentences_are_parted_by_a_full_stop(self) -> None:
        assert str(InputError("It is lost", remedy="Find it.")) == "It is lost. Find it."


class TestFill:
    def test_other_brackets_stay(self) -> None:
        assert fill("{name} {setting} {other:x}") == "{name} {setting} {other:x}"

    def test_setting_of_another_step(self) -> None:
        assert fill("{setting:check.repair}", lambda name: f"<{name}>") == "<check.repair>"


ERROR = InputError(
    "Row 7 holds no number.",
    remedy="Correct it, or leave it out with {setting:skip}.",
    setting="skip",
    step="import",
    file=Path("table.xlsx"),
    sheet="Ol 1",
    row=7,
    expected="wt%",
)


class TestTravel:
    def test_to_another_process(self) -> None:
        again = pickle.loads(pickle.dumps(ERROR))
        assert type(again) is InputError
        assert (str(again), again.facts) == (str(ERROR), ERROR.facts)

    def test_as_an_event_and_back(self) -> None:
        event = ERROR.as_event()
        assert event == {
            "text": ERROR.text,
            "remedy": ERROR.remedy,
            "setting": "skip",
            "run_step": "import",
            "file": "table.xlsx",
            "sheet": "Ol 1",
            "row": 7,
            "expected": "wt%",
        }
        again = OlivineError.of_event({"event": "error", "step": "import", **event})
        assert (again.template, again.facts) == (ERROR.template, ERROR.facts)

    def test_event_of_an_older_program_has_a_message_only(self) -> None:
        assert str(OlivineError.of_event({"message": "Lost."})) == "Lost."


class TestJob:
    @pytest.fixture
    def heard(self) -> list[Event]:
        return []

    @pytest.fixture
    def job(self, heard: list[Event]) -> Job:
        return Job(listen=heard.append)

    def test_warning_has_message_templates_and_facts(self, job: Job, heard: list[Event]) -> None:
        job.warn("Tile a is black.", setting="skip", tile="a")
        assert heard == [
            {
                "event": "warning",
                "message": "Tile a is black. Change the setting 'skip'.",
                "text": "Tile a is black.",
                "remedy": "Change {setting:skip}.",
                "setting": "skip",
                "tile": "a",
            }
        ]

    def test_plain_message_is_not_written_twice(self, job: Job, heard: list[Event]) -> None:
        job.say("Done.")
        job.say("See {step:mask}.")
        assert heard == [
            {"event": "message", "message": "Done."},
            {"event": "message", "message": "See the step 'mask'.", "text": "See {step:mask}."},
        ]


COMMAND_OR_OPTION = re.compile(r"napari-olivine (?!view\b)[a-z]+\b|(?<![\w-])--[a-z][a-z-]+")


@pytest.mark.parametrize("room", ROOMS)
def test_no_text_of_the_core_names_a_command_or_an_option(room: Path) -> None:
    """Only the command line does; docks call it with options that are a word each."""
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.value[:60]}"
        for file in ([room] if room.is_file() else sorted(room.rglob("*.py")))
        for node in strings_of(ast.parse(file.read_text(encoding="utf-8")))
        if COMMAND_OR_OPTION.search(node.value) and not node.value.startswith("--")
    ]
    assert not found, found


def strings_of(tree: ast.Module) -> list[ast.Constant]:
    """Texts of a module that are no docstrings."""
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes
    ]
