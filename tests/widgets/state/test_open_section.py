"""Layers, reader and the session of a viewer, without a window."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path

import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.levelling.levelled_raster import LevelledLevel
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.section import Section
from napari_olivine.widgets.layers.make_layer import LAYER_KEY
from napari_olivine.widgets.reader import get_reader
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.widget_sections import (
    copy_of,
    finished_section,
    imported_section,
    instrument_folder,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return copy_of(imported_section(), tmp_path)


def read(path: Path) -> list[Layer]:
    reader = get_reader(str(path))
    assert reader is not None
    return [Layer.create(*data) for data in reader(str(path))]


class TestReader:
    def test_every_layer_has_scale_units_and_axes(self) -> None:
        layers = read(finished_section())
        assert len(layers) == 11  # six signals, BSE levelled, mg#, mask, phases, crystals
        for layer in layers:
            assert tuple(layer.scale) == (1.0, 1.0)
            assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
            assert layer.axis_labels == ("y", "x")

    def test_layers_are_pyramids_of_zarr_arrays(self) -> None:
        for layer in read(finished_section()):
            assert layer.multiscale
            lazy = LevelledLevel if layer.name == "BSE levelled" else zarr.Array
            assert all(isinstance(level, lazy) for level in layer.data)

    def test_bse_lies_on_the_element_maps_and_crystals_on_top(self) -> None:
        layers = read(finished_section())
        names = [layer.name for layer in layers]
        assert names[:7] == ["Si", "Al", "Ca", "Fe", "Mg", "BSE", "BSE levelled"]
        assert names[7:] == ["mg#", "Mask: phases", "Mask: olivine", "Crystals"]
        assert isinstance(layers[5], Image)
        assert isinstance(layers[-1], Labels)

    def test_bse_is_what_is_seen_first_and_covers_no_map(self) -> None:
        images = read(imported_section())
        assert [layer.name for layer in images if layer.visible] == ["BSE"]
        assert {str(layer.blending) for layer in images} == {"additive"}

    def test_section_json_opens_it_too(self, path: Path) -> None:
        reader = get_reader(str(path / "section.json"))
        assert reader is not None
        assert len(reader(str(path / "section.json"))) == 6

    def test_other_folders_are_left_to_other_readers(self, tmp_path: Path) -> None:
        assert get_reader(str(tmp_path)) is None
        assert get_reader(str(instrument_folder())) is None
        assert get_reader([str(tmp_path)]) is None

    def test_newer_section_is_refused_in_words(self, path: Path) -> None:
        record = json.loads((path / "section.json").read_text())
        (path / "section.json").write_text(json.dumps(record | {"format": 99}))
        with pytest.raises(SectionError, match="newer version"):
            read(path)

    def test_mg_off_olivine_is_not_drawn_black(self) -> None:
        (layer,) = (layer for layer in read(finished_section()) if layer.name == "mg#")
        low, high = layer.contrast_limits
        assert 0.4 < low < high < 1.0
        assert layer.colormap.map(np.array([np.nan]))[0, 3] == 0  # transparent


class TestSession:
    def test_one_session_for_each_viewer(self) -> None:
        first, second = ViewerModel(), ViewerModel()
        assert OpenSection.of(first) is OpenSection.of(first)
        assert OpenSection.of(first) is not OpenSection.of(second)

    def test_session_goes_with_its_viewer(self) -> None:
        viewer = ViewerModel()
        session = weakref.ref(OpenSection.of(viewer))
        del viewer
        gc.collect()
        assert session() is None

    def test_open_shows_the_section_and_tells(self, path: Path) -> None:
        session = OpenSection.of(viewer := ViewerModel())
        opened: list[Section] = []
        session.section_opened.connect(opened.append)
        session.open(path)
        assert [section.path for section in opened] == [path]
        assert viewer.layers[-1].name == "BSE"
        assert viewer.layers[-1].visible
        assert viewer.layers.selection.active is viewer.layers["BSE"]
        assert viewer.canvas.overlays.scale_bar.visible

    def test_joins_layers_that_are_there_already(self, path: Path) -> None:
        viewer = ViewerModel()
        for layer in read(path):
            viewer.add_layer(layer)
        session = OpenSection.of(viewer)
        assert session.section is not None
        assert session.section.path == path
        assert len(viewer.layers) == 6

    def test_joins_layers_that_come_later(self, path: Path) -> None:
        session = OpenSection.of(viewer := ViewerModel())
        for layer in read(path):
            viewer.add_layer(layer)
        assert session.require().path == path

    def test_dropping_a_section_twice_shows_it_once(self, path: Path) -> None:
        session = OpenSection.of(viewer := ViewerModel())
        session.open(path)
        for layer in read(path):
            viewer.add_layer(layer)
        assert len(viewer.layers) == 6

    def test_another_section_takes_the_place_of_the_first(self, path: Path) -> None:
        session = OpenSection.of(viewer := ViewerModel())
        session.open(path)
        for layer in read(finished_section()):
            viewer.add_layer(layer)
        assert session.require().path == finished_section()
        assert {layer.metadata[LAYER_KEY]["section"] for layer in viewer.layers} == {
            str(finished_section())
        }

    def test_layers_of_others_stay(self, path: Path) -> None:
        session = OpenSection.of(viewer := ViewerModel())
        viewer.add_image(np.zeros((4, 4)), name="mine")
        session.open(path)
        session.open(finished_section())
        assert "mine" in viewer.layers

    def test_new_product_is_shown_above_the_images(self, path: Path) -> None:
        session = OpenSection.of(viewer := ViewerModel())
        session.open(path)
        changed: list[str] = []
        session.product_changed.connect(changed.append)
        make_mask(Section(path))
        session.refresh()
        assert changed == ["mask"]
        assert viewer.layers[-1].name == "Mask: olivine"
        assert viewer.layers[-1].visible

    def test_product_made_anew_is_read_again_and_keeps_its_look(self, path: Path) -> None:
        make_mask(Section(path))
        session = OpenSection.of(viewer := ViewerModel())
        session.open(path)
        assert len(viewer.layers) == 8  # six signals, mask and phases
        before = session.layer("mask", "olivine")
        assert before is not None
        before.opacity = 0.9
        make_mask(Section(path), MaskSettings(rule="Mg > 200000"), Job())
        session.refresh()
        after = session.layer("mask", "olivine")
        assert after is not None
        assert after.opacity == 0.9
        assert np.asarray(after.data[0]).max() == 0

    def test_nothing_is_told_where_nothing_changed(self, path: Path) -> None:
        session = OpenSection.of(_viewer := ViewerModel())
        session.open(path)
        changed: list[str] = []
        session.product_changed.connect(changed.append)
        session.refresh()
        assert changed == []

    def test_annotating_tells_the_docks(self, path: Path) -> None:
        session = OpenSection.of(_viewer := ViewerModel())
        session.open(path)
        changed: list[str] = []
        session.annotations_changed.connect(changed.append)
        table = session.require().annotation("sessions")
        table.loc[0, "role"] = "test"
        session.annotate("sessions", table)
        assert changed == ["sessions"]
        assert Section(path).sessions()[0].role == "test"

    def test_without_a_section_it_says_what_to_do(self) -> None:
        with pytest.raises(SectionError, match="Section dock"):
            OpenSection.of(ViewerModel()).require()
