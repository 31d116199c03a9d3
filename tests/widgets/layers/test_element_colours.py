"""Colours of the element maps, contrast of the images, and the composite of three elements."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_olivine.levelling import level
from napari_olivine.section import Section
from napari_olivine.widgets.layers.element_colours import ELEMENT_COLOURS, colour_of
from napari_olivine.widgets.state.composite import VIEW, Composite, usual
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.sections import make_section

# Machado, Oliveira and Fernandes (2009), severity 1.0.
SEEN_WITHOUT = {
    "nothing": np.eye(3),
    "red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "blue cones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def seen(colour: str, matrix: np.ndarray) -> np.ndarray:
    """A colour in CIELAB, as an eye sees it."""
    srgb = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(matrix @ linear, 0, 1)
    back = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(back))


class TestColours:
    @pytest.mark.parametrize("missing", SEEN_WITHOUT)
    def test_the_five_main_elements_are_told_apart_by_every_eye(self, missing: str) -> None:
        main = {name: ELEMENT_COLOURS[name] for name in ("Mg", "Fe", "Ca", "Al", "Si")}
        for one, other in itertools.combinations(main, 2):
            pair = (seen(main[name], SEEN_WITHOUT[missing]) for name in (one, other))
            assert float(deltaE_ciede2000(*pair)) > 17, (one, other)

    def test_names_that_instruments_give(self) -> None:
        signals = ["BSE", "Mg Ka", "fe_K", "topo", "CL"]
        assert colour_of("Mg Ka", signals) == ELEMENT_COLOURS["Mg"]
        assert colour_of("fe_K", signals) == ELEMENT_COLOURS["Fe"]
        others = {colour_of(name, signals) for name in ("topo", "CL")}
        assert len(others) == 2
        assert not others & set(ELEMENT_COLOURS.values())


class TestContrast:
    def one_layer(self, folder: Path, image: np.ndarray, name: str = "BSE"):  # type: ignore[no-untyped-def]
        make_section(folder, {"BSE": image, name: image})
        session = OpenSection.of(viewer := ViewerModel())
        session.open(folder)
        self.viewer = viewer
        return viewer.layers[name]

    def test_sixteen_bit_grey_with_gaps_of_the_mosaic(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(1)
        grey = rng.normal(21_000, 400, (700, 700)).astype(np.uint16)
        grey[:300] = 0  # tiles that are missing
        layer = self.one_layer(tmp_path / "s", grey)
        low, high = layer.contrast_limits
        assert 18_500 < low < 20_800
        assert 21_200 < high < 23_500
        # The slider can be used by hand.
        assert layer.contrast_limits_range[1] < 65_535

    def test_float_map_below_one(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(2)
        share = rng.uniform(0, 0.02, (600, 600)).astype(np.float32)
        layer = self.one_layer(tmp_path / "s", share, "Mg")
        assert layer.contrast_limits[0] == 0
        assert layer.contrast_limits[1] == pytest.approx(0.015, abs=0.006)

    def test_empty_map_and_map_of_nothing_but_nan(self, tmp_path: Path) -> None:
        for k, value in enumerate((0.0, np.nan)):
            image = np.full((64, 64), value, np.float32)
            layer = self.one_layer(tmp_path / f"s{k}", image, "Mg")
            assert layer.contrast_limits == [0.0, 1.0]


class TestComposite:
    @pytest.fixture
    def session(self, tmp_path: Path) -> OpenSection:
        rng = np.random.default_rng(3)
        names = ("BSE", "Mg", "Fe", "Ca", "Al", "Si")
        images = {name: rng.integers(1, 90, (64, 64), dtype=np.uint8) for name in names}
        make_section(tmp_path / "s", images)
        self.viewer = ViewerModel()
        session = OpenSection.of(self.viewer)
        session.open(tmp_path / "s")
        return session

    def shown(self) -> dict[str, list[float]]:
        return {
            layer.name: layer.colormap.colors[-1, :3].tolist()
            for layer in self.viewer.layers
            if layer.visible
        }

    def test_red_green_blue_and_back(self, session: OpenSection) -> None:
        before = self.viewer.layers["Fe"].colormap
        Composite.of(session).switch(True)
        assert self.shown() == {"Fe": [1, 0, 0], "Mg": [0, 1, 0], "Ca": [0, 0, 1]}
        Composite.of(session).switch(False)
        assert set(self.shown()) == {"BSE"}
        assert self.viewer.layers["Fe"].colormap == before

    def test_levelled_grey_is_hidden_too(self, session: OpenSection) -> None:
        level(Section(session.require().path))
        session.refresh()
        levelled = self.viewer.layers["BSE levelled"]
        levelled.visible = True
        Composite.of(session).switch(True)
        assert not levelled.visible
        Composite.of(session).switch(False)
        assert levelled.visible

    def test_other_elements_keep_their_own_colours_afterwards(self, session: OpenSection) -> None:
        composite = Composite.of(session)
        composite.switch(True)
        composite.choose(("Si", "", "Fe"))
        assert self.shown() == {"Si": [1, 0, 0], "Fe": [0, 0, 1]}
        composite.switch(False)
        assert set(self.shown()) == {"BSE"}
        red = [int(ELEMENT_COLOURS["Fe"][k : k + 2], 16) / 255 for k in (1, 3, 5)]
        np.testing.assert_allclose(self.viewer.layers["Fe"].colormap.colors[-1, :3], red, atol=1e-6)

    def test_each_section_remembers_its_own(self, session: OpenSection) -> None:
        Composite.of(session).choose(("Al", "Mg", "Si"))
        path = session.require().path
        assert json.loads((path / VIEW).read_text()) == {"composite": ["Al", "Mg", "Si"]}
        again = OpenSection.of(viewer := ViewerModel())
        again.open(path)
        assert Composite.of(again).elements == ("Al", "Mg", "Si")
        assert viewer is again.viewer

    @pytest.mark.parametrize(
        "damage", ["", "{", '{"composite": [1, 2]}', '{"composite": ["U", "", ""]}']
    )
    def test_damaged_memory_is_no_harm(self, session: OpenSection, damage: str) -> None:
        path = session.require().path
        (path / VIEW).write_text(damage)
        again = OpenSection.of(_viewer := ViewerModel())
        again.open(path)
        assert Composite.of(again).elements == ("Fe", "Mg", "Ca")

    def test_what_is_there_takes_the_place_of_what_is_not(self) -> None:
        assert usual(["Mg", "Si", "Al"]) == ("Si", "Mg", "Al")
        assert usual(["Ti"]) == ("Ti", "", "")
        assert usual([]) == ("", "", "")

    def test_state_of_products_does_not_depend_on_the_view(self, session: OpenSection) -> None:
        before = Section(session.require().path).fingerprint("annotations/sessions")
        Composite.of(session).choose(("Al", "Mg", "Si"))
        assert Section(session.require().path).fingerprint("annotations/sessions") == before
