"""Networks compared: trained in processes of their own, scored, resumed, and told as tables."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_olivine.comparison import CompareSettings, compare_networks
from napari_olivine.comparison.child import run_in_child
from napari_olivine.comparison.folder import ComparisonFolder
from napari_olivine.comparison.plan import plan_runs
from napari_olivine.comparison.record import read_record
from napari_olivine.comparison.reference import Reference
from napari_olivine.comparison.run import _seen_before, make_run
from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Event, Job
from napari_olivine.networks import read_card
from napari_olivine.section import Section
from tests.helpers.built_once import built_once
from tests.helpers.grains import make_grains

pytestmark = pytest.mark.slow

HOW: dict[str, Any] = {"sizes": (64,), "starts": ("none",), "max_steps": 6, "batch": 2}
BOTH = CompareSettings(networks=("light", "random_forest"), engine="float32", **HOW)
LIGHT, FOREST = "light-64-none-1", "random_forest-64-none-1"


def run_here(
    section: Path, truth: Path | None, out: Path, name: str, settings: CompareSettings, job: Job
) -> None:
    """Make a run in this process, which has loaded torch already."""
    opened = Section(section)
    run = next(one for one in plan_runs(opened, settings, Job()) if one.name == name)
    make_run(opened, run, Reference(opened, truth, settings), settings, ComparisonFolder(out), job)


def stop_at(message: str) -> Job:
    """A job that is asked to stop as soon as some progress is reported."""
    job = Job()

    def listen(event: Event) -> None:
        if event["event"] == "progress" and event["message"].startswith(message):
            job.cancel.set()

    job.listen = listen
    return job


def compared(folder: Path) -> None:
    """A comparison that was stopped in its first training, and then gone on with."""
    folder.mkdir()
    section, _ = make_grains(folder / "section")
    events: list[Event] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_olivine.comparison.step.run_in_child", run_here)
        with pytest.raises(Cancelled):
            compare_networks(section, folder / "out", None, BOTH, stop_at("Training"))
        compare_networks(section, folder / "out", None, BOTH, Job(listen=events.append))
    said = [str(event["message"]) for event in events if event["event"] == "message"]
    (folder / "said.txt").write_text("\n".join(said))


@pytest.fixture(scope="module")
def folder() -> Path:
    return built_once("compared-networks", compared)


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "out" / f"{name}.csv")


def test_a_training_that_is_stopped_goes_on(folder: Path) -> None:
    said = (folder / "said.txt").read_text().splitlines()
    assert any(re.match("Going on after step [1-5]", line) for line in said)
    runs = table(folder, "runs").set_index("run")
    assert runs.loc[LIGHT, "steps"] == 6
    assert (runs["state"] == "finished").all()


def test_what_is_finished_is_not_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def note(section: Path, truth: Path, out: Path, name: str, *_: object) -> None:
        made.append(name)
        raise Cancelled

    monkeypatch.setattr("napari_olivine.comparison.step.run_in_child", note)
    section = Section(folder / "section")
    compare_networks(section, folder / "out", None, BOTH, Job())
    assert not made
    more = BOTH.model_copy(update={"max_steps": 7})
    with pytest.raises(Cancelled):
        compare_networks(section, folder / "out", None, more, Job())
    assert made == [LIGHT]  # another budget is another training


def test_scores_are_those_of_what_segment_makes(folder: Path, tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "section")
    truth = section.raster("mask", "olivine").read(slice(0, 192), slice(384, 576)) == 1
    model = folder / "out" / "models" / FOREST
    rows = table(folder, "olivine").query("run == @FOREST and session == '3'")
    segment(section, SegmentSettings(model=str(model), threshold=0.1, engine="float32"), Job())
    found = section.raster("segmentation", "olivine").read(slice(0, 192), slice(384, 576)) == 1
    published = rows.query("chosen == 'published'").iloc[0]
    assert published["iou"] == pytest.approx((found & truth).sum() / (found | truth).sum())
    assert published["overall_accuracy"] == pytest.approx((found == truth).mean())
    pixels = table(folder, "confusion").query("run == @FOREST and session == '3'")["pixels"]
    assert pixels.sum() == truth.size


def test_the_tables_tell_classes_sizes_times_and_memory(folder: Path) -> None:
    runs = table(folder, "runs").set_index("run")
    assert runs.loc[FOREST, "iou_best"] > 0.9  # grains that differ by their grey
    for name in ("training_processor_s", "mpx_per_s", "training_peak_mb", "ece"):
        assert (runs[name] > 0).all(), name
    assert (runs["peak_mb"] >= runs["training_peak_mb"]).all()
    classes = table(folder, "classes").query("run == @FOREST and session == 'all'")
    assert set(classes["class"]) == {"other", "olivine"}
    assert set(classes["role"]) == {"val", "test"}
    sizes = table(folder, "sizes").query("run == @FOREST and session == 'all'")
    found = sizes.query("role == 'test' and chosen == 'best of val'")
    assert found["true"].sum() >= 5
    assert found["found"].sum() == found["true"].sum()
    assert len(table(folder, "calibration").query("run == @LIGHT and session == '2'")) == 15
    assert table(folder, "learning").query("run == @LIGHT")["step"].tolist() == [6]


def test_models_lie_in_the_folder_and_not_in_the_section(folder: Path) -> None:
    section = Section(folder / "section")
    assert not [one.name for one in section.products() if one.name.startswith("models/")]
    given = CompareSettings(models=(str(folder / "out" / "models" / LIGHT),))
    (run,) = plan_runs(section, given, Job())
    assert (run.name, run.network, run.size, run.start) == (LIGHT, "light", 64, "none")


def test_a_model_that_knows_a_scored_session_is_doubted(folder: Path) -> None:
    section = Section(folder / "section")
    card = read_card(folder / "out" / "models" / FOREST)
    reference = Reference(section, None, CompareSettings())
    assert not _seen_before(card, section, reference)
    other = card.model_copy(update={"training_sessions": ["1", "3"]})
    assert "learned from session 3" in _seen_before(other, section, reference)


def test_only_the_best_model_is_kept_if_asked_for(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)  # where section and comparison lie does not matter
    best = BOTH.model_copy(update={"keep": "best"})
    compare_networks(Section(moved / "section"), moved / "out", None, best, Job())
    assert [one.name for one in (moved / "out" / "models").iterdir()] == [FOREST]
    runs = pd.read_csv(moved / "out" / "runs.csv")
    assert runs["run"].tolist() == [LIGHT, FOREST]


def test_the_page_loads_nothing_and_tells_what_to_doubt(folder: Path) -> None:
    page = (folder / "out" / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"|url\((?!#)|@import', page)
    assert page.count("<svg") == 3
    assert f"Best on the val sessions: {FOREST}" in page
    assert "no spread can be told" in page  # one seed each
    assert "Table 4" in page and "is no valid IoU" in page


def test_a_run_has_a_process_of_its_own(tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "section")
    out = tmp_path / "out"
    with ComparisonFolder(out).held(section):
        run_in_child(section.path, None, out, FOREST, BOTH, Job())
    record = read_record(out / "runs", FOREST)
    assert record is not None
    assert record.state == "finished"
    assert record.training is not None
    assert record.training.effort.processor_s > 0
    assert not list((out / "work").glob("*.log"))
    assert not (section.path / "models" / f"compare-{FOREST}").exists()


def test_a_run_that_fails_is_told_and_the_others_go_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_olivine.comparison.step.run_in_child", run_here)
    section, _ = make_grains(tmp_path / "section")
    given = str(folder / "out" / "models" / FOREST)
    how = HOW | {"starts": ("imagenet",), "models": (given,), "engine": "float32"}
    settings = CompareSettings(networks=("random_forest",), **how)
    events: list[Event] = []
    compare_networks(section, tmp_path / "out", None, settings, Job(listen=events.append))
    runs = pd.read_csv(tmp_path / "out" / "runs.csv").set_index("run")
    assert runs["state"].to_dict() == {"random_forest-64-imagenet-1": "failed", FOREST: "finished"}
    assert "grown at once" in runs.loc["random_forest-64-imagenet-1", "reason"]
    assert runs.loc[FOREST, "model"] == given
    assert any("1 of 2 runs failed" in str(event.get("message")) for event in events)
    assert "grown at once" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


class TestProcess:
    """What another program in the place of a run says and does."""

    @pytest.fixture
    def follow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        def run(program: str, job: Job | None = None) -> None:
            text = f"import json, os, signal, sys\nsys.stdin.readline()\n{SAY}{program}"
            (tmp_path / "other_program.py").write_text(text)
            (tmp_path / "work").mkdir(exist_ok=True)
            run_in_child(tmp_path, None, tmp_path, "light-64-none-1", BOTH, job or Job())

        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr("napari_olivine.comparison.child.MODULE", "other_program")
        return run

    @pytest.mark.parametrize(
        ("program", "kind", "said"),
        [
            ("os.kill(os.getpid(), signal.SIGKILL)", InputError, "SIGKILL"),
            ("sys.exit('last word')", InputError, "code 1: last word"),
            ("say('ended', kind='ValueError', text='of one run')", InputError, "of one run"),
            ("say('ended', kind='SectionError', text='of all')", SectionError, "of all"),
        ],
    )
    def test_how_it_fails(
        self, follow: Callable[..., None], program: str, kind: type[Exception], said: str
    ) -> None:
        with pytest.raises(kind, match=said):
            follow(program)

    def test_a_training_may_save_its_last_step(
        self, follow: Callable[..., None], tmp_path: Path
    ) -> None:
        with pytest.raises(Cancelled):
            follow(
                "say('part', part='training'); say('progress', done=1, total=2, message='x')\n"
                "assert sys.stdin.readline() == 'cancel\\n'; open('SAVED', 'w').close()\n"
                "say('ended', kind='cancelled')".replace("SAVED", str(tmp_path / "saved")),
                stop_at("x"),
            )
        assert (tmp_path / "saved").exists()

    def test_anything_else_ends_at_once(self, follow: Callable[..., None]) -> None:
        job, started = stop_at("x"), time.monotonic()
        with pytest.raises(Cancelled):
            follow(
                "say('part', part='scoring'); say('progress', done=1, total=2, message='x')\n"
                "import time; time.sleep(60)",
                job,
            )
        assert time.monotonic() - started < 30


SAY = """
def say(event, **values):
    print('noise')
    print(json.dumps({'event': event, **values}), flush=True)

"""


class TestWhatCannotBeCompared:
    @pytest.fixture
    def section(self, tmp_path: Path) -> Section:
        return make_grains(tmp_path / "section")[0]

    @pytest.mark.parametrize(
        ("how", "said"),
        [
            ({"networks": ("unet_resnet99",)}, "unet_resnet99"),
            ({"networks": ("light",), "sizes": (100,)}, "multiple of 32"),
            ({"networks": ("light",), "sizes": (224,)}, "192 px on its shorter side"),
            ({}, "nothing to compare"),
            ({"networks": ("light",), "max_steps": None}, "no budget"),
            ({"networks": ("light",), "max_minutes": 1}, "two budgets"),
            ({"networks": ("light",), "starts": ("nowhere.pth",)}, "no file nowhere.pth"),
            ({"networks": ("light",), "training": {"epochs": 3}}, "epochs cannot be set"),
            ({"networks": ("light",), "training": {"nonsense": 3}}, "no setting 'nonsense'"),
            ({"models": ("light",)}, "no model 'light'"),
        ],
    )
    def test_settings(
        self, section: Section, tmp_path: Path, how: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(Exception, match=re.escape(said)) as error:
            compare_networks(section, tmp_path / "out", None, CompareSettings(**(HOW | how)))
        assert type(error.value).__name__ in ("InputError", "SectionError")
        assert not (tmp_path / "out").exists()

    def test_no_session_for_validation(self, section: Section, tmp_path: Path) -> None:
        sessions = section.annotation("sessions")
        section.annotate("sessions", sessions[sessions["role"] != "val"])
        with pytest.raises(InputError, match="No session of .* has the role 'val'"):
            compare_networks(section, tmp_path / "out", None, BOTH)

    def test_a_folder_with_other_things(self, section: Section, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.tex").touch()
        with pytest.raises(InputError, match="holds other things"):
            compare_networks(section, tmp_path / "out", None, BOTH)
        assert [one.name for one in (tmp_path / "out").iterdir()] == ["thesis.tex"]

    def test_same_trainings_are_made_once(self, section: Section) -> None:
        said: list[Event] = []
        settings = CompareSettings(
            networks=("unet_resnet18", "light", "random_forest"), max_steps=250, sizes=(64,),
            starts=("none", "auto"), seeds=(1, 2),
        )  # fmt: skip
        runs = plan_runs(section, settings, Job(listen=said.append))
        assert [run.name for run in runs[:4]] == [
            "unet_resnet18-64-none-1", "light-64-none-1", "light-64-auto-1",
            "random_forest-64-none-1",
        ]  # fmt: skip
        assert len(runs) == 8
        assert "4 trainings are left out" in str(said[0]["message"])
        training = runs[0].training
        assert training is not None
        assert (training.epochs, training.steps, training.patience) == (3, 84, 4)
        assert np.prod([training.epochs, training.steps]) == 252
