"""What the Segment dock shows of a section that is unlike the training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_olivine.inference import compare_with_training
from napari_olivine.inference.models import SelectedModel
from napari_olivine.job import Job
from napari_olivine.networks import MEASURES, Appearance
from napari_olivine.networks.card import WEIGHTS, write_card
from napari_olivine.section import Section
from napari_olivine.widgets.segmentation import TrainingPart
from napari_olivine.widgets.state import OpenSection
from tests.helpers.sections import make_section
from tests.networks.test_networks import a_card

TITLE = "Unlike the training"


def model_unlike_all(folder: Path) -> SelectedModel:
    cells = np.random.default_rng(0).normal(0, 0.1, (60, len(MEASURES)))
    card = a_card(appearance=Appearance.learn(cells, cells))
    folder.mkdir()
    write_card(folder, card)
    (folder / WEIGHTS).write_bytes(b"of no concern here")
    return SelectedModel("", folder, card, ("olivine",))


@pytest.fixture
def compared(tmp_path: Path) -> Iterator[tuple[Section, SelectedModel, OpenSection]]:
    """A section that is open in a viewer while it is compared."""
    image = np.random.default_rng(0).integers(1, 250, (300, 400)).astype(np.uint8)
    section = make_section(tmp_path / "s", {"BSE": image})
    session = OpenSection.of(viewer := ViewerModel())
    session.open(section.path)
    model = model_unlike_all(tmp_path / "light")
    compare_with_training(section, [model], Job())
    session.refresh()
    yield section, model, session
    viewer.layers.clear()


def test_the_map_lies_where_its_cells_do_and_waits_to_be_asked(compared: Any) -> None:
    section, _, session = compared
    layer = session.viewer.layers[TITLE]
    assert not layer.visible
    assert layer.data.shape == (3, 4)
    pixel = section.pixel_size_um
    assert layer.scale.tolist() == [128 * pixel] * 2
    corner = layer.translate - layer.scale / 2  # of the first pixel
    assert corner == pytest.approx([-pixel / 2] * 2)
    assert [one.name for one in session.viewer.layers] == ["BSE", TITLE]


def test_the_tick_and_the_layer_are_one(qtbot: Any, compared: Any) -> None:
    _, model, session = compared
    part = TrainingPart(session)
    qtbot.addWidget(part)
    part.show_for(model.name)
    assert not part.isHidden()
    assert "100 % of this section looks unlike" in part.words.text()
    layer = session.viewer.layers[TITLE]
    part.where.click()
    assert layer.visible
    session.show_alone("probability")  # as the first predicted tile does
    assert layer.visible
    layer.visible = False
    assert not part.where.isChecked()


def test_of_another_model_nothing_is_said(qtbot: Any, compared: Any) -> None:
    _, _, session = compared
    part = TrainingPart(session)
    qtbot.addWidget(part)
    part.show_for("models/another")
    assert part.isHidden()
    part.show_for(None)
    assert not part.isHidden(), "the section has no model of its own"
