"""The whole chain, as a person runs it: instrument files in, scored catalogue out."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from napari_olivine.cli import main
from napari_olivine.errors import InputError
from napari_olivine.registry import chain
from napari_olivine.section import Section
from napari_olivine.workflow import ChainSettings, run_chain

pytestmark = pytest.mark.slow


def short_training(steps: int, **more: str) -> list[str]:
    """Options for a training of so many steps: as good on a slow machine as on a fast one."""
    train = {"epochs": 1, "steps": steps, "batch": 4, "crop-px": 96} | more
    return [word for name, value in train.items() for word in (f"--train.{name}", str(value))]


SHORT = short_training(25)
"""After so few steps probabilities are not yet those for which 0.1 is the threshold: it is that
which was best in validation."""

PRODUCTS = (
    "images", "epma", "levelling", "mask", "models/light", "probability", "segmentation",
    "calibration", "mg", "crystals",
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main job at a size for tests, with a short training."""
    folder = tmp_path_factory.mktemp("chain")
    command = ["demo", str(folder), "--rows", "2", "--cols", "3", "--no-view", "--seed", "1"]
    assert main([*command, "--max-minutes", "60", *SHORT]) == 0
    return folder


def test_every_product_is_there_and_fresh(finished: Path) -> None:
    section = Section(finished / "section")
    assert {name: section.state(name) for name in PRODUCTS} == dict.fromkeys(PRODUCTS, "fresh")


def test_the_catalogue_is_complete(finished: Path) -> None:
    catalogue = finished / "catalogue"
    crystals = pd.read_csv(catalogue / "crystals.csv")
    assert {
        "id", "x_um", "y_um", "area_um2", "size_class", "zoning_class", "mg_core", "mg_rim",
        "mg_mean", "mean_probability", "touches_edge",
    } <= set(crystals.columns)  # fmt: skip
    assert (crystals.size_class == "phenocryst").sum() >= 3
    for name in ("mask.tif", "probability.tif", "crystals.tif", "mg.tif", "profiles.csv"):
        assert (catalogue / name).exists(), name
    assert not list(catalogue.rglob("*truth*"))


def test_the_result_is_near_the_truth(finished: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    command = ["score", str(finished / "section"), "--truth", str(finished / "source" / "truth")]
    assert main([*command, "--json", str(file)]) == 0
    scores = json.loads(file.read_text())
    assert scores["mask"]["iou"] > 0.9
    test = next(s for s in scores["sessions"] if s["role"] == "test")
    assert test["segmentation"]["iou"] > 0.5, "after 25 steps of training"
    assert scores == json.loads((finished / "scores.json").read_text())


def test_running_again_repeats_nothing(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = Section(finished / "section")
    before = {product.name: product.created for product in section.products()}
    run = ["run", str(finished / "source"), str(finished / "section"), "--seed", "1", "--rasters"]
    more = ["--max-minutes", "60", "--catalogue", str(finished / "catalogue")]
    assert main([*run, *more, *SHORT]) == 0
    assert capsys.readouterr().out.count("is up to date") >= len(chain()) - 1
    assert {product.name: product.created for product in section.products()} == before


def test_the_demonstration_again_goes_straight_to_the_scores(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["demo", str(finished), "--rows", "2", "--cols", "3", "--no-view", "--seed", "1"]
    assert main([*command, "--max-minutes", "60", *SHORT]) == 0
    said = capsys.readouterr().out
    assert said.count("is up to date") >= len(chain()) - 1
    assert "IoU" in said
    assert "napari-olivine view" in said


def test_a_bad_setting_of_a_late_step_is_found_before_the_first(tmp_path: Path) -> None:
    settings = ChainSettings(steps={"crystals": {"no_such_setting": 1}})
    with pytest.raises(InputError, match="no_such_setting"):
        run_chain(tmp_path / "nowhere", tmp_path / "section", settings)
    with pytest.raises(InputError, match="no step"):
        run_chain(tmp_path, tmp_path / "section", ChainSettings(steps={"polish": {}}))
    assert not (tmp_path / "section").exists()


def test_standard_small_section(shared_data: Path, finished: Path, tmp_path: Path) -> None:
    """Real form, no test session: validation stands in; another section's network is trained on."""
    source = shared_data / "section-small"
    weights = str(finished / "section" / "models" / "light")
    training = short_training(30, weights=weights)
    command = ["run", str(source), str(tmp_path / "section"), "--seed", "1", *training]
    assert main(command) == 0
    file = tmp_path / "scores.json"
    score = ["score", str(tmp_path / "section"), "--truth", str(source / "truth")]
    assert main([*score, "--json", str(file)]) == 0
    scores = json.loads(file.read_text())
    assert scores["mask"]["iou"] > 0.95
    validation = next(s for s in scores["sessions"] if s["role"] == "val")
    assert validation["segmentation"]["iou"] > 0.55, "after 25 steps there and 30 here"
