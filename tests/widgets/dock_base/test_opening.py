"""A section opens image by image, BSE first, while the window answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QTimer

from napari_olivine.widgets.layers.make_layer import section_of
from napari_olivine.widgets.state import Composite
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.widget_sections import copy_of, finished_section, imported_section

pytestmark = pytest.mark.gui

MAPS = ["Si", "Al", "Ca", "Fe", "Mg"]


def images(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.name != "Sessions"]


def test_window_closed_meanwhile(qtbot: Any, make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer(show=True)
    session = OpenSection.of(viewer)
    session.open(imported_section(), deferred_layers=True)
    qtbot.waitUntil(lambda: len(images(viewer)) >= 1, timeout=10_000)
    with qtbot.captureExceptions() as raised:
        viewer.close()
        qtbot.wait(300)
    assert not raised
    assert len(images(viewer)) < 6


class TestInOneWindow:
    @pytest.fixture
    def viewer(self, class_viewer: Any) -> Any:
        class_viewer.layers.clear()
        return class_viewer

    @pytest.fixture
    def session(self, viewer: Any) -> OpenSection:
        return OpenSection.of(viewer)

    def test_bse_comes_first_and_the_rest_takes_its_place(
        self, qtbot: Any, viewer: Any, session: OpenSection
    ) -> None:
        path = finished_section()
        came: list[str] = []
        viewer.layers.events.inserted.connect(lambda event: came.append(event.value.name))
        session.open(path, deferred_layers=True)
        assert session.require().path == path  # every dock knows it before the first image is there
        assert images(viewer) == []
        qtbot.waitUntil(lambda: len(images(viewer)) == 11, timeout=20_000)
        by_turns = images(viewer)
        assert came[0] == "BSE"
        assert came[-5:] == MAPS[::-1]
        assert viewer.layers.selection.active.name == "BSE"
        assert viewer.canvas.overlays.scale_bar.visible
        height, width = session.section.shape  # in pixels of 1 um
        assert viewer.scene.camera.center[1:] == pytest.approx((height / 2, width / 2), abs=2)
        viewer.layers.clear()
        session.open(path)
        assert images(viewer) == by_turns  # the order is that of a script, which waits for nothing

    def test_another_section_opened_meanwhile_is_the_only_one(
        self, qtbot: Any, viewer: Any, session: OpenSection, tmp_path: Path
    ) -> None:
        first, second = imported_section(), copy_of(imported_section(), tmp_path)
        opened: list[Any] = []
        session.section_opened.connect(lambda section: opened.append(section.path))
        session.open(first, deferred_layers=True)
        qtbot.waitUntil(lambda: len(images(viewer)) >= 2, timeout=10_000)
        session.open(second, deferred_layers=True)
        qtbot.waitUntil(lambda: len(images(viewer)) == 6, timeout=10_000)
        qtbot.wait(100)
        assert images(viewer) == [*MAPS, "BSE"]
        assert {section_of(layer.metadata) for layer in viewer.layers} == {second}
        assert opened == [first, second]

    def test_composite_waits_for_no_turn(
        self, qtbot: Any, viewer: Any, session: OpenSection
    ) -> None:
        session.open(imported_section(), deferred_layers=True)
        qtbot.waitUntil(lambda: len(images(viewer)) >= 1, timeout=10_000)
        Composite.of(session).switch(True)
        assert {layer.name for layer in viewer.layers if layer.visible} == {"Fe", "Mg", "Ca"}
        qtbot.wait(300)
        assert {layer.name for layer in viewer.layers if layer.visible} == {"Fe", "Mg", "Ca"}
        assert sorted(images(viewer)) == sorted([*MAPS, "BSE"])

    def test_image_that_is_taken_away_meanwhile_is_left_out(
        self, qtbot: Any, viewer: Any, session: OpenSection, tmp_path: Path
    ) -> None:
        from napari_olivine.section import Section

        path = copy_of(finished_section(), tmp_path)
        session.open(path, deferred_layers=True)
        qtbot.waitUntil(lambda: len(images(viewer)) >= 1, timeout=10_000)
        assert Section(path).product("mask") is not None
        (path / "mask").rename(tmp_path / "mask")
        with qtbot.captureExceptions() as raised:
            qtbot.waitUntil(lambda: "Si" in images(viewer), timeout=20_000)
        assert not raised
        assert "Mask: olivine" not in images(viewer)

    def test_napari_s_own_opening_answers_meanwhile_too(self, qtbot: Any, viewer: Any) -> None:
        at_once: list[str] = []

        def drop() -> None:  # in the running event loop, as a drop on the canvas is
            viewer.open(str(imported_section()), plugin="napari-olivine")
            at_once.extend(images(viewer))

        QTimer.singleShot(0, drop)
        qtbot.waitUntil(lambda: len(images(viewer)) == 6, timeout=20_000)
        assert at_once == ["BSE"]
        assert images(viewer) == [*MAPS, "BSE"]
        assert viewer.layers.selection.active.name == "BSE"
        viewer.layers.clear()
        QTimer.singleShot(0, drop)  # the same again, once its layers were closed
        qtbot.waitUntil(lambda: len(images(viewer)) == 6, timeout=20_000)

    def test_section_dropped_in_the_place_of_another_keeps_its_names(
        self, qtbot: Any, viewer: Any, session: OpenSection, tmp_path: Path
    ) -> None:
        session.open(imported_section())
        path = copy_of(imported_section(), tmp_path)
        QTimer.singleShot(0, lambda: viewer.open(str(path), plugin="napari-olivine"))
        qtbot.waitUntil(lambda: session.section.path == path, timeout=10_000)
        qtbot.waitUntil(lambda: len(images(viewer)) == 6, timeout=20_000)
        assert images(viewer) == [*MAPS, "BSE"]
        assert {section_of(layer.metadata) for layer in viewer.layers} == {path}
