"""The Recognise dock: the map of the descriptors, and where a network looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_olivine.cli import main
from napari_olivine.crystals.edits import CrystalStore, GiveKind
from napari_olivine.job import Job
from napari_olivine.recognition import ImageSet, images_of_section, make_classifier
from napari_olivine.section import Section
from napari_olivine.widgets.recognise import DescriptorPlot, ellipse_outline
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.built_once import built_once
from tests.helpers.widget_sections import copy_of, finished_section

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton
LAYER = "Where it looks"


def recognised(folder: Path) -> None:
    """A section whose crystals a small triplet network has named."""
    path = copy_of(finished_section(), folder)
    section = Section(path)
    table = section.table("crystals", "crystals").sort_values("area_px")
    store = CrystalStore(section)
    for kind, some in (("small", table["id"].head(6)), ("large", table["id"].tail(6))):
        store.do(GiveKind(crystals=tuple(some), kind=kind))
    store.close()
    images = images_of_section(Section(path), Job()).labelled()
    classifier = make_classifier("triplet", steps=30, crop_px=32, votes=8)
    classifier.fit(ImageSet.of(images.images), Job())
    model = path / "review" / "classifier"
    model.mkdir(parents=True)
    classifier.save(model)
    reading: Mapping[str, Any] = {"source": "id", "phase": "olivine"}
    (model / "reading.json").write_text(json.dumps(reading))
    assert main(["recognise", "predict", str(model), str(path)]) == 0


@pytest.fixture
def widget(make_napari_viewer: Any, tmp_path: Path, qtbot: Any) -> Any:
    whole = built_once("recognised-by-triplet", lambda folder: (folder.mkdir(), recognised(folder)))
    path = copy_of(next(one.parent for one in whole.glob("*/section.json")), tmp_path)
    viewer = make_napari_viewer(show=True)
    widget = viewer.window.add_plugin_dock_widget("napari-olivine", "Recognise")[1]
    widget.session.open(path)
    qtbot.mouseClick(widget.start_button, LEFT)
    qtbot.waitUntil(lambda: widget.store is not None, timeout=20_000)
    yield widget
    OpenSection.of(viewer).jobs.stop_now()
    widget.stop()


def test_a_click_on_a_point_goes_to_its_crystal_and_evidence_lies_over_it(
    widget: Any, qtbot: Any
) -> None:
    widget.pages.setCurrentIndex(1)
    plot, section = widget.pages.plot, widget.session.require()
    assert "standard deviations" in widget.pages.caption.text()
    kinds = section.table("kinds", "kinds").set_index("id")
    lonely = max(kinds.index, key=lambda one: nearest(kinds, one))
    qtbot.waitUntil(lambda: plot.width() > 100)
    qtbot.mouseClick(plot, LEFT, pos=plot.place_of(lonely).toPoint())
    assert widget.session.selected == lonely
    other = kinds.index[kinds.index != lonely][0]
    before = plot.grab().toImage()
    widget.session.select(int(other))
    lit = plot.place_of(int(other)).toPoint()
    ring = {plot.grab().toImage().pixelColor(lit.x() + k, lit.y()).name() for k in (6, 7, 8)}
    assert "#ffff00" in ring and plot.grab().toImage() != before
    layers = widget.session.viewer.layers
    assert LAYER not in layers
    widget.looks.box.setChecked(True)
    qtbot.waitUntil(
        lambda: LAYER in layers or "Looking" not in widget.looks.words.text(), timeout=60_000
    )
    assert widget.looks.words.text().startswith("Votes of crops for"), widget.looks.words.text()
    row = widget.store.table.loc[other]
    assert covers(layers[LAYER], row["y_um"], row["x_um"])
    assert np.ptp(layers[LAYER].data) > 0
    ready = next(one for one in widget.looks._found if one != other)
    widget.session.select(int(ready))
    assert covers(layers[LAYER], *widget.store.table.loc[ready, ["y_um", "x_um"]])
    assert not widget.looks.jobs.running, "it was worked out beforehand"
    widget.looks.box.setChecked(False)
    assert LAYER not in layers


def nearest(kinds: pd.DataFrame, crystal: int) -> float:
    away = np.hypot(kinds["x"] - kinds.at[crystal, "x"], kinds["y"] - kinds.at[crystal, "y"])
    return float(away.drop(crystal).min())


def covers(layer: Any, y_um: float, x_um: float) -> bool:
    """Whether a place lies in the middle half of a layer."""
    row, column = layer.world_to_data((y_um, x_um))[-2:]
    side = layer.data.shape[0]
    return bool(0.25 * side < row < 0.75 * side and 0.25 * side < column < 0.75 * side)


def test_what_looks_at_no_places_says_what_to_train(widget: Any, qtbot: Any) -> None:
    card = widget.session.require().path / "review" / "classifier" / "recognition.json"
    card.write_text(card.read_text().replace('"classifier": "triplet"', '"classifier": "linear"'))
    widget.session.select(int(widget.store.table["id"].iloc[0]))
    widget.looks.box.setChecked(True)
    assert "linear looks at no places" in widget.looks.words.text()
    assert "swin_t" in widget.looks.words.text()
    assert LAYER not in widget.session.viewer.layers


def test_an_ellipse_lies_at_two_standard_deviations() -> None:
    covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
    line = ellipse_outline([3.0, -1.0], covariance.tolist()) - [3.0, -1.0]
    squared = np.einsum("ij,jk,ik->i", line, np.linalg.inv(covariance), line)
    np.testing.assert_allclose(squared, 4.0)


def test_the_nearest_point_is_found_among_many(qtbot: Any) -> None:
    plot = DescriptorPlot()
    qtbot.addWidget(plot)
    plot.resize(300, 300)
    random = np.random.default_rng(1)
    points = pd.DataFrame({"id": np.arange(1, 22_001), "kind": "", "recognised_kind": "a",
                           "recognised_probability": 0.5})  # fmt: skip
    points[["x", "y"]] = random.normal(size=(22_000, 2))
    plot.show_crystals(points, {"a": "#E69F00"})
    corner = points.loc[points["x"].idxmax(), "id"]
    place = plot.place_of(int(corner))
    assert place is not None
    assert plot.crystal_at(place) == corner
    assert "a (50%)" in plot._words(int(corner))
    assert plot.grab().toImage().pixelColor(place.toPoint()).name() == "#e69f00"
