"""Crystals cut out of a section: pixels, mask, scale, classes, sides of a split."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.errors import InputError
from napari_olivine.job import Event, Job
from napari_olivine.levelling import LevelSettings, level
from napari_olivine.recognition import Frame, images_of_section
from napari_olivine.recognition.images import GREY_REACH
from napari_olivine.section import Section
from tests.helpers.built_once import built_once
from tests.helpers.grains import SIDE, make_grains


def build(folder: Path) -> None:
    section, _ = make_grains(folder)
    find_crystals(section, CrystalsSettings(bridge_um=0), Job())


@pytest.fixture(scope="module")
def section() -> Section:
    """Grains in three sessions, the second and third 5 and 12 grey levels brighter."""
    return Section(built_once("recognition-grains", build))


def test_a_cutout_shows_the_crystal_in_its_middle_with_its_scale(section: Section) -> None:
    images = images_of_section(section, Job()).images
    table = section.table("crystals", "crystals").set_index("id")
    assert {int(one.name) for one in images} == set(table.index)
    for one in images:
        row = table.loc[int(one.name)]
        assert one.mask is not None
        assert one.um_per_px is not None
        assert one.measurements is not None
        pixels, mask = one.read(), one.mask()
        assert pixels.shape == (64, 64, 1)
        assert mask.shape == (64, 64)
        longest = 1.5 * max(row["row1"] - row["row0"], row["col1"] - row["col0"])
        assert 64 * one.um_per_px == pytest.approx(1.5 * longest, abs=1.5)
        area = mask.sum() * one.um_per_px**2
        assert area == pytest.approx(row["area_um2"], rel=0.12)
        assert one.measurements["area_um2"] == row["area_um2"]
        assert not {"id", "x_um", "row0"} & set(one.measurements)


def spread_of_sessions(section: Section) -> float:
    """Most that the median grey of grains differs between sessions; all are 30 levels brighter than
    the rock around them."""
    table = section.table("crystals", "crystals").set_index("id")
    inside: dict[str, list[float]] = {}
    for one in images_of_section(section, Job()).images:
        assert one.mask is not None
        grey = one.read()[..., 0][one.mask()]
        inside.setdefault(str(table.loc[int(one.name), "session"]), []).append(np.median(grey))
    means = [float(np.mean(values)) for values in inside.values()]
    assert len(means) == 3
    assert min(means) > 0.6
    return max(means) - min(means)


TWO_LEVELS = 2 / (2 * GREY_REACH * 10)
"""Two grey levels on the scale of cut-outs: a spread of the rock has about ten."""


def test_grey_is_that_of_the_rock_whatever_the_session(section: Section) -> None:
    assert spread_of_sessions(section) < TWO_LEVELS


def test_a_levelling_that_could_not_tie_the_sessions_is_not_believed(
    section: Section, tmp_path: Path
) -> None:
    copy = tmp_path / "section"
    shutil.copytree(section.path, copy)
    level(Section(copy), LevelSettings(), Job())
    assert spread_of_sessions(Section(copy)) < TWO_LEVELS


def test_a_levelled_section_is_read_levelled(section: Section, tmp_path: Path) -> None:
    copy = tmp_path / "section"
    shutil.copytree(section.path, copy)
    (copy / "annotations" / "standards.csv").write_text(
        "session,standard,grey\n"
        + "".join(f"{s},a,{90 + d}\n{s},b,{140 + d}\n" for s, d in (("1", 0), ("2", 5), ("3", 12)))
    )
    made = level(Section(copy), LevelSettings(), Job())
    assert all(one["tied"] for one in made.notes["sessions"].values())
    assert spread_of_sessions(Section(copy)) < TWO_LEVELS


def test_a_fixed_frame_is_the_same_for_all_and_its_pixels_are_those_of_the_image(
    section: Section,
) -> None:
    frame = Frame(side_px=32, side_um=48.0)
    images = images_of_section(section, Job(), frame=frame).images
    assert {one.um_per_px for one in images} == {1.5}
    table = section.table("crystals", "crystals").set_index("id")
    bse = section.raster("images", "BSE").read(slice(0, SIDE), slice(0, SIDE)).astype(float)
    for one in images:
        row = table.loc[int(one.name)]
        top = round((row["row0"] + row["row1"]) / 2 - 16)
        left = round((row["col0"] + row["col1"]) / 2 - 16)
        if top >= 0 and left >= 0 and top + 32 <= SIDE and left + 32 <= SIDE:
            window = bse[top : top + 32, left : left + 32]
            assert np.corrcoef(window.ravel(), one.read().ravel())[0, 1] > 0.999


def test_examples_and_roles_of_sessions(section: Section, tmp_path: Path) -> None:
    table = section.table("crystals", "crystals")
    first, second, third = table["id"].head(3)
    file = tmp_path / "examples.csv"
    file.write_text(f"id,class\n{first},augite\n{second},olivine\n{third},augite\n{third},olivine")
    events: list[Event] = []
    job = Job(listen=events.append)
    found = images_of_section(section, job, examples=file, split_by="roles")
    labels = {one.name: one.label for one in found.images if one.label}
    assert labels == {str(first): "augite", str(second): "olivine"}
    assert f"{third}: augite or olivine" in events[0]["message"]
    sides = {str(i): s for i, s in zip(table["id"], table["session"], strict=True)}
    role = {"1": "train", "2": "val", "3": "test"}
    assert all(one.split == role[sides[one.name]] for one in found.images)
    by_column = images_of_section(section, Job(), column="size_class")
    assert by_column.classes == ("microlite", "microphenocryst")


def test_examples_that_are_no_crystals_are_refused(section: Section, tmp_path: Path) -> None:
    file = tmp_path / "examples.csv"
    file.write_text("id,class\n999999,augite\n")
    with pytest.raises(InputError, match="there is no crystal 999999"):
        images_of_section(section, Job(), examples=file)
    with pytest.raises(InputError, match="no column 'habitus'"):
        images_of_section(section, Job(), column="habitus")
