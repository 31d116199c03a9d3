"""A section with element maps has two segmentations: the one that counts, and BSE alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from napari.components import ViewerModel

from napari_olivine.job import Job
from napari_olivine.section import Section, create_raster
from napari_olivine.settings import Settings
from napari_olivine.widgets.state import OpenSection, state_of, title_of
from napari_olivine.widgets.state.rerun import next_rerun
from tests.helpers.sections import make_section

SHAPE = (60, 80)


class Threshold(Settings):
    """What a segmentation was made by."""

    threshold: float = 0.3


def put(section: Section, product: str, inputs: list[str], version: int = 1) -> None:
    source = {"source": f"made by a test, version {version}"}
    recipe = section.recipe("segment", Threshold(), inputs, extra=source)
    with section.draft(product, recipe, Job(force=True)) as draft:
        raster = create_raster(draft.path / "olivine", SHAPE, "uint8", 1.5, reduction="mode")
        raster.write(0, 0, np.ones(SHAPE, np.uint8))


def test_they_are_told_apart_as_soon_as_there_are_two(tmp_path: Path) -> None:
    section = make_section(tmp_path / "s", {"BSE": np.full(SHAPE, 100, np.uint8)})
    put(section, "mask", ["images"])
    put(section, "segmentation", ["images"])
    session = OpenSection.of(viewer := ViewerModel())
    session.open(section.path)
    assert "Segmentation: olivine" in viewer.layers
    assert title_of("segmentation", section) == "Segmentation"
    put(section, "joint", ["mask"])
    session.refresh()
    names = [layer.name for layer in viewer.layers]
    assert names == ["BSE", "Segmentation by BSE alone", "Segmentation", "Mask: olivine"]
    assert viewer.layers["Segmentation"].visible
    assert not viewer.layers["Segmentation by BSE alone"].visible
    assert title_of("joint", section) == "Segmentation"
    put(section, "mask", ["images"], version=2)
    assert "phase mask changed" in state_of(section, "joint").text
    assert state_of(section, "segmentation").state == "fresh"
    rerun = next_rerun(section)
    assert rerun is not None
    assert (rerun.product, rerun.step) == ("joint", "segment")
    assert rerun.settings.model_dump()["evidence"] == "joint"


def test_what_was_made_by_bse_alone_is_made_anew_by_bse_alone(tmp_path: Path) -> None:
    section = make_section(tmp_path / "s", {"BSE": np.full(SHAPE, 100, np.uint8)})
    put(section, "mask", ["images"])
    put(section, "segmentation", ["mask"])
    put(section, "mask", ["images"], version=2)
    rerun = next_rerun(section)
    assert rerun is not None
    assert rerun.settings.model_dump()["evidence"] == "bse"
    assert rerun.settings.model_dump()["threshold"] == 0.3
