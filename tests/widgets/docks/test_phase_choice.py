"""A choice of the phase in the docks: its probability, its threshold, its crystals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.widgets.docks.crystals_dock import CrystalsDock
from napari_olivine.widgets.docks.segment_dock import SegmentDock
from napari_olivine.widgets.segmentation.compare_part import MASK
from napari_olivine.widgets.state import OpenSection
from tests.helpers.phases import put_network_phases, section_of_phases
from tests.helpers.shared_window import close_docks, open_once

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def made_section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    section = section_of_phases(tmp_path_factory.mktemp("phases") / "s")
    put_network_phases(section)
    for phase in ("olivine", "plagioclase"):
        find_crystals(section, CrystalsSettings(phase=phase))
    return section.path


@pytest.fixture
def viewer(module_viewer: Any, made_section: Path) -> Any:
    open_once(module_viewer, made_section)
    yield module_viewer
    OpenSection.of(module_viewer).look_at_crystals("crystals")
    close_docks(module_viewer)


def choices(box: Any) -> list[str]:
    return [box.itemText(k) for k in range(box.count())]


def test_the_slider_is_that_of_the_phase(viewer: Any) -> None:
    dock = SegmentDock(viewer)
    viewer.window.add_dock_widget(dock, name="Segment")
    assert choices(dock.phase) == ["olivine", "plagioclase"]
    dock.threshold.setValue(0.2)
    dock.shown_layer().visible = True
    dock._show_threshold()
    dock.phase.setCurrentText("plagioclase")
    assert dock.threshold.value() == pytest.approx(0.5)
    assert dock.numbers.text().startswith("Plagioclase: 10.4 % of the section")
    assert dock.shown_layer().name == "Probability: plagioclase"
    assert dock.shown_layer().visible
    assert not viewer.layers["Probability: olivine"].visible
    dock.threshold.setValue(0.7)
    settings = dock.settings().model_dump()
    assert (settings["threshold"], settings["phase_threshold"]) == (0.2, 0.7)
    dock.compare.what.setCurrentText(MASK)
    assert "plagioclase in both" in dock.compare.words.text()
    errors = viewer.layers["Errors"].data
    levels = errors if isinstance(errors, list) else [errors]
    missed = levels[0][0:120, 0:160] == 3
    assert missed.sum() == 100, "the crystal that the network does not see"
    dock.phase.setCurrentText("olivine")
    assert dock.threshold.value() == pytest.approx(0.2)
    assert "Errors" not in viewer.layers or dock.compare._layer is not None
    dock.compare.close_layer()


def test_table_image_and_export_follow_the_phase(viewer: Any) -> None:
    session = OpenSection.of(viewer)
    dock = CrystalsDock(viewer)
    viewer.window.add_dock_widget(dock, name="Crystals")
    assert choices(dock.phase) == ["olivine", "plagioclase", "glass/groundmass"]
    assert len(dock.model.table) == 2
    session.select(2)
    dock.phase.setCurrentText("plagioclase")
    assert session.selected == 0
    assert dock.model.table["area_px"].tolist() == [800, 1200]
    assert viewer.layers["Crystals of plagioclase"].visible
    assert not viewer.layers["Crystals"].visible
    assert "mg_core" not in dock.model.names
    assert "Crystals of plagioclase" in dock.state.text()
    assert dock.settings().model_dump()["phase"] == "plagioclase"
    assert dock.export.settings(dock._phase_shown()).model_dump()["phase"] == "plagioclase"
    assert str(dock.export.folder.path()).endswith("s-catalogue-plagioclase")
    dock.pick(95 * 1.5, 100 * 1.5)
    assert session.selected == 2
    assert "mg#" not in dock.summary.text.text()
    dock.phase.setCurrentText("glass/groundmass")
    assert len(dock.model.table) == 0
    assert "not made yet" in dock.state.text()
    session.look_at_crystals("crystals")  # as a review does
    assert dock.phase.currentText() == "olivine"
    assert len(dock.model.table) == 2
