"""The four commands on a folder and on a section: what scripts of users rely on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_olivine.cli import main
from napari_olivine.crystals.edits import CrystalStore, GiveKind
from napari_olivine.recognition.classifier import CARD
from napari_olivine.section import Section
from tests.helpers.built_once import built_once
from tests.helpers.textures import texture, write_textures
from tests.recognition.test_cutouts import build

SCORES = ("accuracy", "auc", "f1", "precision", "recall")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_textures(tmp_path / "images", 6)


def run(*words: object) -> int:
    return main(["recognise", *(str(word) for word in words)])


def test_the_first_word_alone_lists_the_second(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["recognise", "--help"])
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("train", "predict", "compare", "suggest"))


def test_a_folder_is_learned_and_other_images_are_named(folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    for number, name in enumerate(("stripes", "dots", "stripes")):
        Image.fromarray(texture(name, 50 + number)).save(new / f"{number}.png")
    model, csv = tmp_path / "models" / "kinds", tmp_path / "out.csv"
    assert run("train", folder, "--classifier", "naive_bayes", "--out", model) == 0
    scores = json.loads((model / "scores.json").read_text())
    assert scores["folds"] == 5
    assert scores["accuracy"] > 0.8
    assert run("predict", model, new, "--csv", csv) == 0
    table = pd.read_csv(csv)
    assert list(table) == ["file", "class", "probability"]
    assert list(table["file"]) == ["0.png", "1.png", "2.png"]
    assert list(table["class"]) == ["stripes", "dots", "stripes"]
    assert table["probability"].between(1 / 3, 1).all()
    assert run("suggest", model, new, "--most", "2", "--csv", csv) == 0
    suggested = pd.read_csv(csv)
    assert list(suggested) == ["file", "because", "class", "probability"]
    assert list(suggested["because"]) == ["uncertain", "unlike the examples"]
    assert suggested["file"].is_unique


def test_a_comparison_is_a_row_a_classifier_with_intervals(folder: Path, tmp_path: Path) -> None:
    out, curves = tmp_path / "rows.json", tmp_path / "curves.csv"
    names = ["naive_bayes", "k_nearest:pixels", "dense_2"]
    words = ["--json", out, "--folds", "3", "--classifiers", *names, "--curves", curves]
    assert run("compare", folder, *words) == 0
    rows = json.loads(out.read_text())
    assert [row["classifier"] for row in rows] == names
    for row in rows:
        assert row["images"] == 18
        assert np.sum(row["confusion"]) == 18
        for name in SCORES:
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1
    assert rows[0]["accuracy"] > rows[1]["accuracy"]
    points = pd.read_csv(curves)
    assert list(points) == ["classifier", "fold", "iteration", "loss", "accuracy"]
    assert set(points["classifier"]) == {"dense_2"}
    assert set(points["fold"]) == {1, 2, 3}


def test_a_comparison_that_was_stopped_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, curves = tmp_path / "rows.json", tmp_path / "curves.csv"
    words = ["--json", out, "--folds", "2", "--curves", curves]
    first = ["naive_bayes", "decision_tree"]
    assert run("compare", folder, *words, "--classifiers", *first) == 0
    before = json.loads(out.read_text())
    before[0]["train_seconds"] = -1.0  # known again
    out.write_text(json.dumps(before))
    capsys.readouterr()
    assert run("compare", folder, *words, "--classifiers", *first, "k_nearest") == 0
    rows = json.loads(out.read_text())
    said = capsys.readouterr().out
    assert "kept: naive_bayes, decision_tree" in said
    assert [row["classifier"] for row in rows] == [*first, "k_nearest"]
    assert rows[:2] == before
    assert "k_nearest" in said.split("classifier")[-1]
    file = next(folder.rglob("*.png"))
    file.touch()
    assert run("compare", folder, *words, "--classifiers", "naive_bayes") == 0
    assert json.loads(out.read_text())[0]["train_seconds"] >= 0, "an image has changed"


def test_crystals_of_a_section_by_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = tmp_path / "section"
    shutil.copytree(built_once("recognition-grains", build), section)
    table = Section(section).table("crystals", "crystals")
    large = table["area_px"] > table["area_px"].median()
    kinds = pd.DataFrame({"id": table["id"], "class": np.where(large, "large", "small")})
    examples, model, csv = tmp_path / "some.csv", tmp_path / "model", tmp_path / "out.csv"
    assert run("train", section, "--out", model) == 1
    said = capsys.readouterr().err
    assert "No image of" in said
    assert "as --examples, or set --class-column" in said
    kinds.iloc[::2].to_csv(examples, index=False)
    assert run("train", section, "--examples", examples, "--out", model) == 0
    assert run("predict", model, section, "--csv", csv) == 0
    found = pd.read_csv(csv)
    assert list(found) == ["id", "class", "probability"]
    assert list(found["id"]) == sorted(table["id"])
    right = found.set_index("id")["class"] == kinds.set_index("id")["class"]
    assert right.mean() > 0.9
    assert run("suggest", model, section, "--examples", examples, "--most", 4, "--csv", csv) == 0
    assert not set(pd.read_csv(csv)["id"]) & set(kinds["id"].iloc[::2])


def test_kinds_that_a_person_gave_are_the_examples(tmp_path: Path) -> None:
    section = tmp_path / "section"
    shutil.copytree(built_once("recognition-grains", build), section)
    table = Section(section).table("crystals", "crystals").sort_values("area_px")
    small, large = tuple(table["id"].head(6)), tuple(table["id"].tail(6))
    store = CrystalStore(Section(section))
    store.do(GiveKind(crystals=small, kind="small"))
    store.flush()
    store.do(GiveKind(crystals=large, kind="large"))  # in the journal, not yet in the table
    store.journal.release()
    model, csv = tmp_path / "model", tmp_path / "out.csv"
    assert run("train", section, "--classifier", "naive_bayes:measurements", "--out", model) == 0
    card = json.loads((model / CARD).read_text())
    assert card["counts"] == {"large": 6, "small": 6}
    other = table["id"].iloc[7:9]
    examples = tmp_path / "some.csv"
    examples.write_text("id,class\n" + "".join(f"{i},small\n" for i in other))
    assert run("suggest", model, section, "--examples", examples, "--csv", csv) == 0
    assert set(pd.read_csv(csv)["id"]).isdisjoint({*small, *large, *other})


def test_what_goes_wrong_leaves_nothing_half_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("not a model")
    assert run("train", folder, "--out", other) == 1
    assert "holds no model of recognise" in capsys.readouterr().err
    model, csv = tmp_path / "model", tmp_path / "out.csv"
    damaged = folder / "dots" / "03.png"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-300])
    assert run("train", folder, "--out", model, "--classifier", "naive_bayes") == 1
    assert str(damaged) in capsys.readouterr().err
    assert not model.exists()
    damaged.write_bytes(whole)
    assert run("train", folder, "--out", model, "--classifier", "naive_bayes") == 0
    damaged.write_bytes(whole[:-300])
    assert run("predict", model, folder, "--csv", csv) == 1
    assert not csv.exists()
    assert run("predict", model, folder, "--csv", tmp_path / "nowhere" / "out.csv") == 1
    assert "in a folder that is not there" in capsys.readouterr().err
    assert run("predict", other, folder, "--csv", csv) == 1
    assert "'napari-olivine recognise train SOURCE'" in capsys.readouterr().err
    (model / CARD).write_text("{")
    assert run("predict", model, folder, "--csv", csv) == 1
    assert f"{model / CARD} is damaged" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "model", "other"]
