"""Layers of phases other than olivine, their words, and how they are made anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.section import Section
from napari_olivine.widgets.layers.error_raster import levels_of_phase
from napari_olivine.widgets.layers.readout import value_under
from napari_olivine.widgets.state import OpenSection, title_of
from napari_olivine.widgets.state.product_status import products_of
from napari_olivine.widgets.state.rerun import next_rerun
from tests.helpers.phases import codes, put, put_network_phases, section_of_phases

PLAGIOCLASE = "other_crystals/plagioclase"


@pytest.fixture
def section(tmp_path: Path) -> Section:
    section = section_of_phases(tmp_path / "s")
    put_network_phases(section)
    find_crystals(section, CrystalsSettings(phase="plagioclase"))
    return section


def test_each_image_has_a_layer_with_the_name_of_its_phase(section: Section) -> None:
    session = OpenSection.of(viewer := ViewerModel())
    session.open(section.path)
    names = [layer.name for layer in viewer.layers]
    assert names == [
        "BSE", "Probability: plagioclase", "Probability: olivine", "Segmentation: plagioclase",
        "Segmentation: olivine", "Mask: phases", "Mask: olivine", "Crystals of plagioclase",
    ]  # fmt: skip
    plagioclase = viewer.layers["Segmentation: plagioclase"]
    assert tuple(np.round(255 * plagioclase.colormap.color_dict[1][:3])) == (0x44, 0x55, 0x66)
    place = (20 * 1.5, 80 * 1.5)
    words = {
        "Segmentation: plagioclase": "plagioclase",
        "Probability: plagioclase": "probability of plagioclase 0.90",
        "Probability: olivine": "probability 0.02",
        "Crystals of plagioclase": "crystal 1 of plagioclase",
    }
    for name, said in words.items():
        viewer.layers[name].visible = True
        assert value_under(viewer.layers[name], place) == said


def test_a_new_product_of_a_phase_is_shown_alone(section: Section) -> None:
    session = OpenSection.of(viewer := ViewerModel())
    session.open(section.path)
    find_crystals(section, CrystalsSettings(phase="glass/groundmass"))
    session.refresh()
    assert [layer.name for layer in viewer.layers if layer.visible] == [
        "BSE",
        "Crystals of glass/groundmass",
    ]
    put_network_phases(section)
    session.refresh()
    shown = [layer.name for layer in viewer.layers if layer.visible]
    assert shown[-1].endswith(": olivine"), "of several images olivine's is looked at first"


def test_crystals_of_a_phase_are_made_anew_with_their_phase(section: Section) -> None:
    assert PLAGIOCLASE in products_of(section)
    assert title_of(PLAGIOCLASE, section) == "Crystals of plagioclase"
    section.annotate("regions", section_region(section))
    rerun = next_rerun(section)
    assert rerun is not None
    assert (rerun.product, rerun.step) == (PLAGIOCLASE, "crystals")
    assert rerun.settings.model_dump()["phase"] == "plagioclase"


def section_region(section: Section):  # type: ignore[no-untyped-def]
    """A region of study over the left half."""
    import pandas as pd

    from napari_olivine.section import REGION_COLUMNS

    corners = [(0, 0), (0, 100), (150, 100), (150, 0)]
    rows = [{"x_um": x, "y_um": y} for y, x in corners]
    table = pd.DataFrame(rows).assign(region="1", use="study", ring=0, corner=range(4))
    return table.reindex(columns=REGION_COLUMNS)


def test_the_mask_of_a_phase_at_every_level(section: Section) -> None:
    (level,) = levels_of_phase(section, "plagioclase")
    found = level[0 : level.shape[0], 0 : level.shape[1]]
    expected = np.where(codes() == 255, 255, codes() == 2)
    np.testing.assert_array_equal(found, expected)


def test_phases_of_a_stale_probability_are_made_again(section: Section) -> None:
    probability = section.require("probability")
    notes = dict(probability.notes)
    images = {
        name: section.raster("probability", name).read(slice(0, None), slice(0, None))
        for name in ("olivine", "plagioclase")
    }
    put(section, "levelling", ["images"], images={"grey": images["olivine"]})
    put(section, "probability", ["levelling"], images=images, notes=notes, phases=notes["classes"])
    put(section, "levelling", [], images={"grey": images["plagioclase"]})
    rerun = next_rerun(section)
    assert rerun is not None
    assert (rerun.product, rerun.settings.model_dump()["phases"]) == ("probability", "plagioclase")
