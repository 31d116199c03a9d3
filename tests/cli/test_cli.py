"""The command line: options from settings, events for programs, words for people."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_olivine.cli import main
from napari_olivine.cli.options import add_options, flag_of, memory, read_settings
from napari_olivine.cli.wording import steps_inside
from napari_olivine.registry import STEPS
from napari_olivine.section import Section
from tests.helpers.processor_time import ends_within
from tests.helpers.sections import make_section


@pytest.fixture
def section(tmp_path: Path) -> Section:
    rng = np.random.default_rng(0)
    signals = ("BSE", "Mg", "Fe", "Ca", "Al", "Si")
    return make_section(
        tmp_path / "section", {s: rng.poisson(30, (600, 500)).astype(np.uint8) for s in signals}
    )


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_step_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name, step in STEPS.items():
        with pytest.raises(SystemExit) as stop:
            main([*name.split(), "--help"])
        assert stop.value.code == 0
        shown = " ".join(capsys.readouterr().out.split())
        for field in step.settings.model_fields:
            inside = field == "steps" and steps_inside(step)
            words = "--STEP.SETTING" if inside else flag_of(field)
            assert words in shown
        for common in ("--memory", "--seed", "--device", "--json-events", "--force"):
            assert common in shown


def test_every_setting_has_words_and_a_valid_default() -> None:
    for step in STEPS.values():
        step.settings()
        for name, field in step.settings.model_fields.items():
            assert field.title, f"{step.name}: {name} has no title"
            assert field.description, f"{step.name}: {name} has no description"


def test_events_for_programs(section: Section, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mask", str(section.path), "--json-events", "--rule", "Mg > 20"]) == 0
    told = events(capsys.readouterr().out)
    assert told[-1]["event"] == "finished"
    assert told[-1]["products"] == ["mask"]
    assert any(event["event"] == "progress" for event in told)
    assert section.product("mask").recipe.settings["rule"] == "Mg > 20"  # type: ignore[union-attr]


def test_a_settings_file_and_options_that_win(section: Section, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"rule": "Mg > 10", "smoothing_px": 2.0}))
    assert main(["mask", str(section.path), "--settings", str(file), "--rule", "Fe > 10"]) == 0
    made = section.product("mask").recipe.settings  # type: ignore[union-attr]
    assert made["rule"] == "Fe > 10"
    assert made["smoothing_px"] == 2.0
    assert main(["mask", str(section.path), "--smoothing-px", "auto"]) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "cannot be read"), ("[1]", "one JSON object"), ('{"colour": 1}', "colour")],
)
def test_a_bad_settings_file_is_told(
    section: Section, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    file = tmp_path / "settings.json"
    file.write_text(content)
    assert main(["mask", str(section.path), "--settings", str(file)]) == 1
    assert words in capsys.readouterr().err


def test_an_error_is_told_in_words_and_as_an_event(
    section: Section, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crystals", str(section.path), "--json-events"]) == 1
    out, err = capsys.readouterr()
    assert events(out)[-1]["event"] == "error"
    assert "napari-olivine segment" in err
    assert "Traceback" not in err
    assert main(["mask", str(section.path / "nowhere")]) == 1
    assert "is not a section" in capsys.readouterr().err


def test_status_shows_what_is_stale(section: Section, capsys: pytest.CaptureFixture[str]) -> None:
    main(["mask", str(section.path)])
    main(["status", str(section.path)])
    assert "fresh" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "amount"), [("4GB", 4 << 30), ("500 MB", 500 << 20), ("1.5g", 3 << 29)]
)
def test_amounts_of_memory(text: str, amount: int) -> None:
    assert memory(text) == amount


@pytest.mark.parametrize("text", ["", "much", "1KB", "-4GB"])
def test_amounts_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        memory(text)


def start(section: Section, *more: str) -> subprocess.Popen[str]:
    """Start a step that takes several seconds, as a dock would."""
    return subprocess.Popen(
        [sys.executable, "-m", "napari_olivine", "mask", str(section.path), "--json-events", *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def large(tmp_path: Path) -> Section:
    image = np.full((16 * 1024, 4096), 40, np.uint8)
    return make_section(tmp_path / "large", {"BSE": image, "Mg": image, "Fe": image})


@pytest.mark.parametrize("way", ["word", "signal"])
def test_a_running_step_stops_within_two_seconds_and_goes_on(large: Section, way: str) -> None:
    rule = ("--rule", "Mg/(Fe + 1) > 0.5 and Mg > 3", "--smoothing-px", "8", "--memory", "256MB")
    process = start(large, *rule)
    assert process.stdin is not None
    assert process.stdout is not None
    for line in process.stdout:
        told = json.loads(line)
        if told["event"] == "progress" and told["done"] >= 2:
            break
    with ends_within(process.pid, 2):
        if way == "word":
            process.stdin.write("cancel\n")
            process.stdin.flush()
        else:
            process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert events(rest)[-1]["event"] == "cancelled"
    assert large.state("mask") == "missing"

    again = start(large, *rule)
    _out, _ = again.communicate(timeout=120)
    assert again.returncode == 0
    assert large.state("mask") == "fresh"
    assert (large.raster("mask", "olivine").read(slice(None), slice(None)) == 1).all()


SLOW = ("pydantic", "numpy", "importlib.metadata", "napari_olivine.section")
"""Modules that take a tenth of a second or more to import."""


@pytest.mark.parametrize(
    ("words", "slow"), [(["--help"], SLOW), (["mask", "--help"], ["torch", "napari"])]
)
def test_help_imports_nothing_that_it_does_not_show(words: list[str], slow: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "napari_olivine", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & set(slow)


def test_a_setting_of_several_values_may_be_given_several_times(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, STEPS["mask"])
    arguments = parser.parse_args(["--reference", "1,2", "--reference", "3,4,5", "6,7"])
    assert read_settings(arguments, STEPS["mask"]).reference == ("1,2", "3,4,5", "6,7")
