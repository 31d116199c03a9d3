"""At the command line a setting is an option and a step is a command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tifffile import imwrite

from napari_olivine.cli import main
from napari_olivine.cli.wording import Wording
from napari_olivine.registry import STEPS
from napari_olivine.section import Section


@pytest.mark.parametrize(
    ("step", "template", "said"),
    [
        ("mask", "{setting:smoothing_px}", "--smoothing-px"),
        ("mask", "{setting:memory}", "--memory"),
        ("mask", "{setting:check.repair}", "--repair"),
        ("review", "{setting:import_}", "--import"),
        ("mask", "{setting:colour}", "the setting 'colour'"),
        ("train", "{setting:smoothing_px}", "the setting 'smoothing_px'"),
        ("run", "{setting:mask.smoothing_px}", "--mask.smoothing-px"),
        ("run", "{setting:mask.memory}", "--memory"),
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


@pytest.mark.parametrize(
    ("command", "option"), [("level", "--standards"), ("run", "--level.standards")]
)
def test_text_that_is_no_json_names_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, option: str
) -> None:
    paths = [str(tmp_path)] * (1 + (command == "run"))
    assert main([command, *paths, option, "{"]) == 1
    assert f"{option} must be JSON" in capsys.readouterr().err


def test_a_step_of_the_chain_names_its_option_and_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    imwrite(source / "BSE.tif", np.zeros((32, 32), np.uint8))
    command = ["run", str(source), str(tmp_path / "section")]
    assert main(command) == 1
    assert "--import.pixel-size-um" in capsys.readouterr().err
    more = ["--import.pixel-size-um", "1", "--mask.edge-ignore-px", "90"]
    assert main([*command, *more, "--json-events"]) == 1
    out, err = capsys.readouterr()
    assert "--mask.edge-ignore-px: Input should be less" in err
    assert json.loads(out)["setting"] == "mask.edge_ignore_px"
    wanted = ["--import.pixel-size-um", "1", "--reference", "4,4", "--limits", "valleys"]
    settings = tmp_path / "settings.json"
    settings.write_text('{"steps": {"import": {"bse": "BSE", "pixel_size_um": 9}}}')
    assert main([*command, *wanted, "--settings", str(settings)]) == 1
    section = Section(tmp_path / "section")
    assert section.pixel_size_um == 1, "an option wins over the file"
    assert "needs" in capsys.readouterr().err, "without maps there is no mask"


def test_findings_of_a_check_are_in_the_words_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
