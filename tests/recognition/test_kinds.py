"""The product kinds of a section: made, out of date, in the catalogue."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.catalogue import ExportSettings, export_catalogue
from napari_olivine.cli import main
from napari_olivine.crystals import (
    CrystalsSettings,
    find_crystals,
    recognised_kinds,
    with_recognised,
)
from napari_olivine.crystals.edits import CrystalStore, GiveKind, Judge, Redraw, Shape
from napari_olivine.job import Event, Job
from napari_olivine.section import Section
from napari_olivine.widgets.state import next_rerun
from tests.helpers.built_once import built_once
from tests.helpers.textures import write_textures
from tests.recognition.test_cutouts import build

TABLES = ExportSettings(cutouts=False)


def recognised(folder: Path) -> None:
    """A section whose largest and smallest crystals have a kind, and what was learned of them."""
    folder.mkdir()
    section = shutil.copytree(built_once("recognition-grains", build), folder / "section")
    table = Section(section).table("crystals", "crystals").sort_values("area_px")
    store = CrystalStore(Section(section))
    store.do(GiveKind(crystals=tuple(table["id"].head(6)), kind="small"))
    store.do(GiveKind(crystals=tuple(table["id"].tail(6)), kind="large"))
    store.close()
    name = "naive_bayes:measurements"
    assert main(["recognise", "train", str(section), "--classifier", name, "--out",
                 str(folder / "model")]) == 0  # fmt: skip
    assert predict(folder) == 0


def predict(folder: Path, *words: object) -> int:
    command = ["recognise", "predict", folder / "model", folder / "section", *words]
    return main([str(word) for word in command])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(built_once("recognised-kinds", recognised), tmp_path / "copy"))


@pytest.fixture
def section(folder: Path) -> Section:
    return Section(folder / "section")


def test_a_section_keeps_the_kinds_of_its_crystals(
    folder: Path, section: Section, capsys: pytest.CaptureFixture[str]
) -> None:
    table = section.table("kinds", "kinds")
    crystals = section.table("crystals", "crystals").set_index("id")
    assert list(table) == ["id", "class", "probability", "x", "y", "next", "area_px"]
    assert list(table["id"]) == sorted(crystals.index)
    given = crystals["kind"].loc[lambda kinds: kinds != ""]
    assert (table.set_index("id")["class"].reindex(given.index) == given).mean() > 0.9
    product = section.require("kinds")
    assert set(product.recipe.inputs) >= {"images", "crystals", "source/model"}
    assert product.notes["learned"] == {"large": 6, "small": 6}
    csv = folder / "out.csv"
    assert predict(folder, "--csv", csv) == 0  # at once, or on another copy of the model
    written = pd.read_csv(csv)
    assert list(written) == ["id", "class", "probability"]
    assert list(written["class"]) == list(table["class"])
    np.testing.assert_allclose(written["probability"], table["probability"], atol=6e-5)
    assert predict(folder) == 0
    assert "kinds is up to date" in capsys.readouterr().out
    made = section.require("kinds").fingerprint
    assert main(["recognise", "train", str(section.path), "--classifier", "decision_tree",
                 "--out", str(folder / "model")]) == 0  # fmt: skip
    assert predict(folder) == 0
    assert section.require("kinds").fingerprint != made


def test_what_to_label_next_is_what_the_command_suggests(folder: Path, section: Section) -> None:
    table = section.table("kinds", "kinds").set_index("id")
    given = section.table("crystals", "crystals").set_index("id")["kind"] != ""
    assert (table["next"] == 0).equals(given.reindex(table.index))
    csv = folder / "next.csv"
    command = ["recognise", "suggest", folder / "model", folder / "section", "--csv", csv]
    assert main([str(word) for word in command]) == 0
    suggested = pd.read_csv(csv)["id"]
    ranked = table[table["next"] > 0].sort_values("next")
    assert list(ranked["next"]) == list(range(1, len(ranked) + 1))
    assert list(ranked.index) == list(suggested)[: len(ranked)]


def test_the_map_parts_the_kinds(section: Section) -> None:
    table = section.table("kinds", "kinds")
    notes = section.require("kinds").notes["map"]
    assert "principal components" in notes["axes"] and notes["ellipses"] == []
    points = table[["x", "y"]].to_numpy()
    np.testing.assert_allclose(np.corrcoef(points.T)[0, 1], 0, atol=1e-6)
    assert points[:, 0].var() > points[:, 1].var() > 0
    large = table["class"] == "large"
    apart = abs(points[large, 0].mean() - points[~large, 0].mean())
    assert apart > points[large, 0].std(), "what differs most between these crystals is their size"


def test_an_edit_puts_them_out_of_date_and_takes_back_only_what_it_changed(
    folder: Path, section: Section
) -> None:
    before = with_recognised(section.table("crystals", "crystals"), recognised_kinds(section))
    assert before["recognised_kind"].isin(["small", "large"]).all()
    row = before.loc[before["area_px"].idxmax()]
    inner = Shape.of_mask(np.ones((5, 5), bool), int(row["row0"]) + 5, int(row["col0"]) + 5)
    store = CrystalStore(section)
    store.do(Judge(crystals=(int(before["id"].iloc[0]),), verdict="accepted"))
    store.do(Redraw(crystals=(int(row["id"]),), drawn=inner))
    store.close()
    assert section.state("kinds") == "stale"
    after = with_recognised(section.table("crystals", "crystals"), recognised_kinds(section))
    lost = after.set_index("id")["recognised_kind"] == ""
    assert list(lost.index[lost]) == [row["id"]]
    assert np.isnan(after.set_index("id").at[row["id"], "recognised_probability"])
    rerun = next_rerun(section)
    assert rerun is not None
    assert (rerun.step, rerun.product) == ("recognise predict", "kinds")
    assert predict(folder) == 0
    assert rerun.arguments == (str(built_once("recognised-kinds", recognised) / "model"),)
    assert section.state("kinds") == "fresh"


def test_crystals_that_were_found_anew_are_not_given_kinds_of_others(section: Section) -> None:
    settings = CrystalsSettings(bridge_um=0)
    find_crystals(section, settings, Job(force=True))
    assert recognised_kinds(section) is None


def test_the_catalogue_has_both_kinds_and_tells_the_classifier(
    section: Section, tmp_path: Path
) -> None:
    table = section.table("crystals", "crystals")
    other = int(table["id"][table["kind"] == ""].iloc[0])
    store = CrystalStore(section)
    store.do(Judge(crystals=(other,), verdict="rejected"))
    store.close()
    export_catalogue(section, tmp_path / "catalogue", TABLES, Job())
    written = pd.read_csv(tmp_path / "catalogue" / "crystals.csv")
    assert (written["kind"].dropna().value_counts() == 6).all()
    counts = written["recognised_kind"].value_counts()
    assert counts.sum() == len(table) - 1
    assert written["recognised_probability"].between(0.5, 1).all()
    told = " ".join((tmp_path / "catalogue" / "methods.txt").read_text().split())
    assert "by a classifier (naive Bayes of Gaussians) that had learned 6 large, 6 small" in told
    assert "it was right in" in told
    assert f"It named {len(table) - 1} crystals: " in told
    assert f"{counts['small']} small" in told
    find_crystals(section, CrystalsSettings(bridge_um=0), Job(force=True))
    events: list[Event] = []
    export_catalogue(section, tmp_path / "catalogue", TABLES, Job(listen=events.append))
    assert "recognised_kind" not in pd.read_csv(tmp_path / "catalogue" / "crystals.csv")
    assert any("recognised are left out" in event.get("message", "") for event in events)


def test_a_folder_needs_a_table_to_write(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_textures(tmp_path / "images", 1)
    assert main(["recognise", "predict", str(folder / "model"), str(images)]) == 1
    assert "Give a table to write as --csv." in capsys.readouterr().err
