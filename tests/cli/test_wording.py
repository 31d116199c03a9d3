"""At the command line a setting is an option and a step is a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_olivine.cli import main
from napari_olivine.cli.wording import Wording
from napari_olivine.registry import STEPS


@pytest.mark.parametrize(
    ("step", "template", "said"),
    [
        ("mask", "{setting:smoothing_px}", "--smoothing-px"),
        ("mask", "{setting:memory}", "--memory"),
        ("mask", "{setting:check.repair}", "--repair"),
        ("review", "{setting:import_}", "--import"),
        ("mask", "{setting:colour}", "the setting 'colour'"),
        ("run", "{setting:smoothing_px}", "'smoothing_px' in --steps"),
        ("run", "{setting:rule}", "--rule"),
        ("mask", "{step:train}", "'napari-olivine train SECTION'"),
        ("mask", "{step:import}", "'napari-olivine import SOURCE SECTION'"),
        ("mask", "{step:score}", "'napari-olivine score SECTION'"),
        ("mask", "{step:demo}", "'napari-olivine demo'"),
        ("import", "{place:columns.toml}", "in columns.toml beside the table"),
    ],
)
def test_names(step: str, template: str, said: str) -> None:
    assert Wording(STEPS[step]).of(template) == said


def test_commands_name_the_section_so_that_they_can_be_pasted() -> None:
    wording = Wording(STEPS["mask"], Path("my section"))
    assert wording.of("{step:train}") == """'napari-olivine train "my section"'"""


def test_value_that_cannot_be_used_is_named_by_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mask", str(tmp_path), "--edge-ignore-px", "90", "--json-events"]) == 1
    out, err = capsys.readouterr()
    assert "--edge-ignore-px: Input should be less than or equal to 20" in err
    event = json.loads(out)
    assert event["message"] in err
    assert event["setting"] == "edge_ignore_px"
    assert "{setting:edge_ignore_px}" in event["text"]


def test_text_that_is_no_json_names_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "source", str(tmp_path), "--steps", "{"]) == 1
    assert "--steps must be JSON" in capsys.readouterr().err


def test_findings_of_a_check_are_in_the_words_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    from tests.helpers.sections import make_section

    section = make_section(tmp_path / "section", {"BSE": np.ones((64, 64), np.uint8)})
    (section.path / "zarr.json").unlink()
    assert main(["check", str(section.path), "--json-events"]) == 1
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    finding = next(e for e in events if e["event"] == "finding" and e["where"] == "zarr.json")
    assert finding["advice"] == "--repair writes it again"
    assert finding["remedy"] == "{setting:repair} writes it again"
    warning = next(e for e in events if e["event"] == "warning" and "zarr.json" in e["message"])
    assert warning["message"].endswith("--repair writes it again")
