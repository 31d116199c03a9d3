"""A random forest of pixels through the doors of a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier

from napari_olivine.errors import InputError
from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.networks import build_network, load_model
from napari_olivine.networks.forest import DEPTH, MEASURES, SCALES, TREES, ForestBody, measures_of
from napari_olivine.training import TrainSettings, forest, train
from napari_olivine.training.forest import BY_PERSON, fill_forest
from napari_olivine.training.windows import (
    BY_HAND,
    FIRST_PHASE,
    IGNORE,
    class_of_label,
    given_by_hand,
)
from tests.helpers.grains import iou, make_grains
from tests.training.test_phases_target import make_phases

pytestmark = pytest.mark.slow

FIRST_LOOK = TrainSettings(network="random_forest", crop_px=64)


@pytest.fixture
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn from fewer pixels, which suffice for what is drawn here."""
    monkeypatch.setattr(forest, "CROPS", 16)
    monkeypatch.setattr(forest, "PIXELS_OF_A_CROP", 400)


def test_measures_are_those_of_scipy() -> None:
    grey = np.random.default_rng(0).normal(size=(60, 50))
    found = measures_of(torch.from_numpy(grey)[None, None])[0].numpy()
    assert found.shape == (MEASURES, 60, 50)
    np.testing.assert_array_equal(found[0], grey)
    for place, sigma in enumerate(SCALES):
        first = 1 + 5 * place
        smooth = ndimage.gaussian_filter(grey, sigma, mode="nearest", radius=int(3 * sigma))
        np.testing.assert_allclose(found[first], smooth, atol=1e-9)
        square = ndimage.gaussian_filter(grey**2, sigma, mode="nearest", radius=int(3 * sigma))
        np.testing.assert_allclose(found[first + 4], np.sqrt(square - smooth**2), atol=1e-9)
        middle = np.s_[5:-5, 5:-5]
        down, along = np.gradient(smooth)
        gradient = sigma * np.hypot(down, along)
        np.testing.assert_allclose(found[first + 1][middle], gradient[middle], atol=1e-9)
        hessian = [[np.gradient(one, axis=k) for k in (0, 1)] for one in (down, along)]
        values = sigma**2 * np.linalg.eigvalsh(np.moveaxis(np.array(hessian), (0, 1), (2, 3)))
        np.testing.assert_allclose(found[first + 2][middle], values[..., 1][middle], atol=1e-9)
        np.testing.assert_allclose(found[first + 3][middle], values[..., 0][middle], atol=1e-9)


@pytest.mark.parametrize("classes", [1, 3])
def test_its_trees_are_those_of_scikit_learn(classes: int) -> None:
    random = np.random.default_rng(1)
    measures = random.normal(size=(3000, MEASURES)).astype(np.float32)
    labels = (measures[:, 3] + measures[:, 7] > 0).astype(int) + (measures[:, 0] > 1)
    labels = labels if classes > 1 else np.minimum(labels, 1)
    outputs = max(2, classes)
    grown = RandomForestClassifier(TREES, max_depth=DEPTH, random_state=0).fit(measures, labels)
    body = build_network("random_forest", classes=classes).body
    assert isinstance(body, ForestBody)
    fill_forest(body, grown, outputs)
    expected = grown.predict_proba(measures)
    found = body._mean_share(torch.from_numpy(measures)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    image = torch.randn(1, 1, 20, 30)
    with torch.inference_mode():
        logits = body(image)
        shares = body._mean_share(measures_of(image)[0].flatten(1).T)[:, 1]
    p = logits.sigmoid()[0, 0] if classes == 1 else logits.softmax(1)[0, 1]
    np.testing.assert_allclose(p.flatten().numpy(), shares.numpy(), atol=2e-3)


def test_an_outcome_that_no_pixel_had_has_no_share() -> None:
    random = np.random.default_rng(1)
    measures = random.normal(size=(300, MEASURES)).astype(np.float32)
    grown = RandomForestClassifier(TREES, max_depth=DEPTH).fit(measures, np.repeat([0, 2], 150))
    body = ForestBody(4)
    fill_forest(body, grown, 4)
    shares = body._mean_share(torch.from_numpy(measures))
    assert not shares[:, [1, 3]].any()
    torch.testing.assert_close(shares.sum(1), torch.ones(300))


def test_labels_that_say_too_little_are_left_out() -> None:
    labels = np.array([0, 1, BY_HAND, BY_HAND + 1, FIRST_PHASE, FIRST_PHASE + 3, IGNORE], np.uint8)
    assert class_of_label(labels, 2, single=True).tolist() == [0, 1, 0, 1, 0, 0, -1]
    assert class_of_label(labels, 2, single=False).tolist() == [-1, 2, -1, 2, 0, 3, -1]
    named = given_by_hand(labels[4:6])
    assert class_of_label(named, 2, single=True).tolist() == [0, 0]
    assert class_of_label(named, 2, single=False).tolist() == [0, 3]
    assert BY_PERSON[named].all()
    assert not BY_PERSON[labels[4:]].any()


def test_it_finds_grains_through_the_door_of_a_network(tmp_path: Path, few_pixels: None) -> None:
    section, truth = make_grains(tmp_path / "section")
    product = train(section, FIRST_LOOK, Job(seed=1))
    assert list(pd.read_csv(product.path / "losses.csv")) == ["step", "train_loss"]
    events: list[dict] = []
    segment(section, SegmentSettings(model="random_forest"), Job(listen=events.append))
    warnings = [event["message"] for event in events if event["event"] == "warning"]
    assert not [text for text in warnings if "Engine" in text]
    p = section.raster("probability", "olivine").read(slice(0, 192), slice(384, 576))
    assert iou(p >= 127, truth[:, 384:]) > 0.9
    network, card = load_model(product.path)
    assert card.network == "random_forest"
    again = train(section, FIRST_LOOK, Job(seed=1, force=True))
    other = load_model(again.path)[0].state_dict()
    assert all(torch.equal(value, other[name]) for name, value in network.state_dict().items())


def test_it_does_not_go_on_from_weights(tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "section")
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"of another model")
    with pytest.raises(InputError, match="grown at once"):
        train(section, FIRST_LOOK.model_copy(update={"weights": str(file)}), Job())


def test_it_learns_phases(tmp_path: Path, few_pixels: None) -> None:
    section, codes = make_phases(tmp_path / "section")
    train(section, FIRST_LOOK, Job(seed=1))
    segment(section, SegmentSettings(model="random_forest", phases="all"), Job())
    rows, columns = (slice(0, size) for size in codes.shape)
    found = section.raster("probability", "orthopyroxene").read(rows, columns)
    orthopyroxene = found >= 127
    assert iou(orthopyroxene, codes == 2) > 0.7
