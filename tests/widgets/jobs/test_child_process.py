"""Steps in a child process: what is told, how they stop, how they fail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from napari_olivine.widgets.common import in_words
from napari_olivine.widgets.jobs.child_process import PATIENCE_MS
from tests.helpers.widget_sections import FAKE_CHILD

pytestmark = pytest.mark.gui


@pytest.fixture
def jobs(qtbot: Any, tmp_path: Path) -> Any:
    from napari_olivine.widgets.jobs.child_process import Jobs

    script = tmp_path / "child.py"
    script.write_text(FAKE_CHILD)
    jobs = Jobs([sys.executable, str(script)])
    yield jobs
    jobs.stop_now()


def start(jobs: Any, mood: str) -> None:
    jobs.start("mask", ["/a/section"], {"rule": "olivine"}, [mood])


def test_everything_the_child_says_arrives(qtbot: Any, jobs: Any) -> None:
    messages, events, progress = [], [], []
    jobs.message.connect(messages.append)
    jobs.reported.connect(events.append)
    jobs.progress.connect(lambda *values: progress.append(values))
    with qtbot.waitSignal(jobs.finished, timeout=10_000) as finished:
        start(jobs, "good")
    assert finished.args == ["mask"]
    assert messages == ["section /a/section", "a library says hello"]
    assert events[0]["values"] == {"rule": "olivine"}
    assert next(event for event in events if "val_iou" in event)["val_iou"] == 0.7
    assert progress[-1] == (1.0, 1.0, "Grün fertig")
    assert not jobs.running


def test_settings_file_is_gone_afterwards(qtbot: Any, jobs: Any) -> None:
    with qtbot.waitSignal(jobs.ended, timeout=10_000):
        start(jobs, "good")
    assert not jobs._settings_file.exists()


def test_error_is_told_in_the_step_s_words(qtbot: Any, jobs: Any) -> None:
    with qtbot.waitSignal(jobs.failed, timeout=10_000) as failed:
        start(jobs, "fail")
    step, error = failed.args
    assert step == "mask"
    assert str(error) == "The tile r00_c01 is truncated: export it again."


def test_facts_of_an_error_and_a_warning_arrive(qtbot: Any, jobs: Any) -> None:
    with qtbot.waitSignals([jobs.warning, jobs.failed], timeout=10_000) as told:
        start(jobs, "lost")
    (warning,), (_step, error) = (signal.args for signal in told.all_signals_and_args)
    assert in_words(warning) == "Tile r01_c02 is left black. Change “Memory”."
    assert warning.facts.tile == "r01_c02"
    assert (error.text, error.remedy) == ("There is no 'mask' yet.", "Run {step:mask} first.")
    assert error.facts.step == "mask"


def test_message_names_settings_by_their_titles(qtbot: Any, jobs: Any) -> None:
    with qtbot.waitSignal(jobs.message, check_params_cb=lambda text: "“Smoothing”" in text):
        start(jobs, "lost")


def test_crash_is_told_with_its_last_words(qtbot: Any, jobs: Any) -> None:
    with qtbot.waitSignal(jobs.failed, timeout=10_000) as failed:
        start(jobs, "crash")
    assert "exit code 3" in str(failed.args[1])
    assert "out of luck" in str(failed.args[1])


def test_program_that_cannot_start(qtbot: Any, jobs: Any) -> None:
    jobs.command = ("/nowhere/python",)
    with qtbot.waitSignal(jobs.failed, timeout=10_000) as failed:
        start(jobs, "good")
    assert "could not be started" in str(failed.args[1])
    assert not jobs.running


@pytest.mark.parametrize(("mood", "killed"), [("slow", False), ("deaf", True)])
def test_cancel_always_works(
    qtbot: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch, mood: str, killed: bool
) -> None:
    """Asked, a step stops at once; one that neither listens nor ends on SIGTERM is killed."""
    assert PATIENCE_MS < 2000, "a person waits two seconds at most"
    if not killed:
        monkeypatch.setattr("napari_olivine.widgets.jobs.child_process.PATIENCE_MS", 60_000)
    with qtbot.waitSignal(jobs.progress, timeout=10_000):
        start(jobs, mood)
    process = jobs._process
    with qtbot.waitSignal(jobs.cancelled, timeout=10_000):
        jobs.cancel()
    assert (process.exitStatus() == process.ExitStatus.CrashExit) == killed
    assert not jobs.running


def test_only_one_step_at_a_time(qtbot: Any, jobs: Any) -> None:
    start(jobs, "slow")
    with pytest.raises(RuntimeError, match="still running"):
        start(jobs, "good")


def test_next_step_runs_after_a_cancelled_one(qtbot: Any, jobs: Any) -> None:
    with qtbot.waitSignal(jobs.progress, timeout=10_000):
        start(jobs, "slow")
    with qtbot.waitSignal(jobs.cancelled, timeout=10_000):
        jobs.cancel()
    with qtbot.waitSignal(jobs.finished, timeout=10_000):
        start(jobs, "good")


def test_closing_waits_until_the_child_is_gone(qtbot: Any, jobs: Any) -> None:
    with qtbot.waitSignal(jobs.progress, timeout=10_000):
        start(jobs, "slow")
    process = jobs._process
    jobs.stop_now()
    assert process.processId() == 0
    assert not jobs.running
