"""Crystals of phases other than olivine: whose pixels they are, and what they lack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_olivine.crystals import (
    CrystalsSettings,
    crystals_there,
    find_crystals,
    phase_of_product,
    phases_told,
    product_of_phase,
)
from napari_olivine.crystals.table import OF_OLIVINE
from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Event, Job
from napari_olivine.section import Section
from tests.helpers.phases import codes, put, put_network_phases, section_of_phases
from tests.helpers.sections import make_section

EVERY = slice(0, None), slice(0, None)


@pytest.fixture
def section(tmp_path: Path) -> Section:
    return section_of_phases(tmp_path / "s")


def of(phase: str, **other: object) -> CrystalsSettings:
    return CrystalsSettings(phase=phase, **other)


def test_the_rule_book_tells_a_phase_where_no_network_does(section: Section) -> None:
    events: list[Event] = []
    product = find_crystals(section, of("plagioclase"), Job(listen=events.append))
    assert product.name == "other_crystals/plagioclase"
    labels = section.raster(product.name, "crystals").read(*EVERY)
    np.testing.assert_array_equal(labels > 0, codes() == 2)
    table = section.table(product.name, "crystals")
    assert table["area_px"].tolist() == [800, 100, 1200]
    said = " ".join(event["message"] for event in events if "message" in event)
    assert "plagioclase is told by the rule book of the mask" in said
    assert "crystals of plagioclase get none" in said
    assert product.notes["phase_from"] == "mask"
    assert product.notes["crystals"] == 3
    assert "phenocrysts_normal" not in product.notes


def test_what_is_olivines_alone_is_left_out(section: Section) -> None:
    find_crystals(section, of("olivine", zoning="paper"))
    find_crystals(section, of("plagioclase", zoning="paper"))
    olivine = section.table("crystals", "crystals").columns
    other = section.table("other_crystals/plagioclase", "crystals").columns
    assert set(olivine) - set(other) == set(OF_OLIVINE)
    assert {"mg_core", "zoning_class", "zone_class", "verdict"} <= set(OF_OLIVINE)
    assert not [name for name in other if name.startswith("mg_")]


def test_the_network_comes_first_and_the_mask_can_be_asked_for(section: Section) -> None:
    put_network_phases(section)
    product = find_crystals(section, of("plagioclase"))
    assert product.notes["phase_from"] == "segmentation"
    table = section.table(product.name, "crystals")
    assert table["area_px"].tolist() == [800, 1200]
    assert table["mean_probability"].tolist() == pytest.approx([230 / 255] * 2)
    assert table["agreement"].tolist() == [1.0, 1.0]  # the rule book says the same
    assert find_crystals(section, of("plagioclase", phase_from="mask")).notes["crystals"] == 3
    found = find_crystals(section, of("glass/groundmass"))
    assert found.notes["phase_from"] == "mask"  # the network does not tell it
    assert found.name == "other_crystals/glass%2Fgroundmass"
    assert crystals_there(section) == ["glass/groundmass", "plagioclase"]


def test_phases_lie_side_by_side_and_go_out_of_date_with_their_pixels(section: Section) -> None:
    put_network_phases(section)
    for phase in ("olivine", "plagioclase"):
        find_crystals(section, of(phase))
    find_crystals(section, of("plagioclase", phase_from="mask", min_area_um2=1000))
    names = ["crystals", "other_crystals/plagioclase"]
    assert crystals_there(section) == ["olivine", "plagioclase"]
    assert [section.state(name) for name in names] == ["fresh", "fresh"]
    assert section.require(names[1]).recipe.settings["phase"] == "plagioclase"
    # The record of olivine is that of before there were other phases: it is not made again.
    assert "phase" not in section.require("crystals").recipe.settings
    put_network_phases(section)
    assert section.state("crystals") == "fresh"  # the same pixels from the same inputs


@pytest.mark.parametrize("phase", ["olivine", "plagioclase", "glass/groundmass"])
def test_products_and_phases_name_each_other(phase: str) -> None:
    assert phase_of_product(product_of_phase(phase)) == phase


def test_a_phase_that_nothing_tells(section: Section) -> None:
    assert phases_told(section) == {
        "segmentation": [],
        "mask": ["plagioclase", "glass/groundmass"],
    }
    with pytest.raises(SectionError, match="does not tell which pixels are garnet") as caught:
        find_crystals(section, of("garnet"))
    assert "its segmentation tells nothing (there is none)" in caught.value.text
    assert "its mask olivine, plagioclase, glass/groundmass" in caught.value.text
    assert "{setting:phase}" in caught.value.remedy
    with pytest.raises(SectionError, match="which pixels are plagioclase"):
        find_crystals(section, of("plagioclase", phase_from="segmentation"))
    with pytest.raises(InputError, match="'joint' tells olivine alone, and no plagioclase"):
        find_crystals(section, of("plagioclase", phase_from="joint"))


def test_what_makes_stale_crystals_again_names_their_phase(section: Section) -> None:
    put_network_phases(section)
    product = find_crystals(section, of("plagioclase"))
    corrected = section.raster("segmentation", "plagioclase").read(*EVERY)
    images = {"olivine": corrected * 0, "plagioclase": corrected}
    notes = {"other_percent": {"plagioclase": 9.0}}
    put(section, "segmentation", ["probability"], images=images, notes=notes, threshold=0.7)
    with pytest.raises(SectionError) as caught:
        section.require(product.name)
    assert caught.value.remedy == "Run {step:crystals} again (phase: plagioclase)."


def test_clusters_of_intergrown_crystals_are_told(tmp_path: Path) -> None:
    rows, columns = np.indices((300, 300))
    laths = np.zeros((300, 300), np.uint8)
    for middle in (60, 150, 240):  # a lattice that hangs together
        laths[abs(rows - middle) < 4] = laths[abs(columns - middle) < 4] = 1
    section = make_section(tmp_path / "s", {"BSE": 100 + 20 * laths})
    put(
        section,
        "probability",
        ["images"],
        images={"olivine": laths * 0, "plagioclase": laths * 255},
    )
    notes = {"other_percent": {"plagioclase": 9.0}}
    images = {"olivine": laths * 0, "plagioclase": laths}
    put(section, "segmentation", ["probability"], images=images, notes=notes)
    events: list[Event] = []
    product = find_crystals(
        section, of("plagioclase", part_touching=False), Job(listen=events.append)
    )
    assert product.notes["clusters_percent"] == 100
    warned = [event["message"] for event in events if event["event"] == "warning"]
    assert any("100 % of the area of plagioclase" in text and "clusters" in text for text in warned)
