"""Class activation: where a network sees a class; the command that shows it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from napari_olivine.cli import main
from napari_olivine.job import Job
from napari_olivine.phantom import ImageSetSettings
from napari_olivine.recognition import make_classifier
from napari_olivine.recognition.activation import grad_cam, points_at
from tests.helpers.kinds import image_sets


def test_behind_a_linear_layer_it_is_the_class_activation_map_of_zhou() -> None:
    maps = torch.rand((1, 5, 4, 6), generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([0.5, -1.0, 2.0, 0.0, 0.3])
    found = grad_cam(maps, lambda one: one.mean((2, 3))[0] @ weights, (4, 6))
    expected = (weights[:, None, None] * maps[0]).sum(0).clamp_min(0)
    assert found == pytest.approx((expected / expected.max()).numpy(), abs=1e-5)


def test_what_speaks_against_a_class_is_nowhere() -> None:
    found = grad_cam(torch.ones((1, 2, 3, 3)), lambda one: -one.sum(), (9, 12))
    assert found.shape == (9, 12) and not found.any()
    assert not points_at(found, np.ones((9, 12), bool))


def test_a_map_points_at_its_highest_place() -> None:
    activation = np.zeros((5, 5), np.float32)
    activation[1, 3] = 1
    part = np.zeros((5, 5), bool)
    assert not points_at(activation, part)
    part[1, 3] = True
    assert points_at(activation, part)


@pytest.mark.parametrize("name", ["swin_t", "mobilenet_v2", "resnet50"])
def test_every_network_of_the_paper_has_a_map_of_the_image(name: str) -> None:
    learn, test, _, _ = image_sets(ImageSetSettings(train=2, test=1, strangers=0, side_px=64))
    classifier = make_classifier(name, weights="none", steps=0, side_px=64)
    classifier.fit(learn, Job())
    found = [classifier.activation(test.images[0], place, Job()) for place in range(5)]  # type: ignore[attr-defined]
    assert all(one.shape == (64, 64) and 0 <= one.min() <= one.max() <= 1 for one in found)
    assert any(one.max() > 0 for one in found)


def test_the_command_writes_pictures_arrays_and_a_table(tmp_path: Path) -> None:
    images, model, out = tmp_path / "images", tmp_path / "model", tmp_path / "out"
    few = ["--train", "2", "--test", "1", "--strangers", "1", "--side-px", "64"]
    assert main(["phantom-images", str(images), *few]) == 0
    learn, *_ = image_sets(ImageSetSettings(train=2, test=0, strangers=0, side_px=64))
    classifier = make_classifier("softmax", steps=2, votes=4, crop_px=32)
    classifier.fit(learn, Job())
    model.mkdir()
    classifier.save(model)
    (model / "reading.json").write_text('{"source": "file"}')
    words = ["recognise", "explain", str(model), str(images / "strangers"), "--out", str(out)]
    assert main(words) == 0
    table = pd.read_csv(out / "explanations.csv")
    assert list(table.columns) == [
        "file", "class", "probability", "shown", "row", "column", "classifier", "place",
    ]  # fmt: skip
    name = str(table["file"][0])
    assert name == "fragment/000.tif" and len(table) == 2
    picture = cv2.imread(str(out / f"{name}.png"))
    assert picture is not None and picture.shape == (64, 64, 3)
    assert np.load(out / f"{name}.npy").shape == (64, 64)
    votes = np.load(out / f"{name}.votes.npy")
    assert votes.shape == (6, 64, 64)
    assert np.nansum(votes, 0)[~np.isnan(votes[0])] == pytest.approx(1.0, abs=1e-5)
    assert main(words) == 1  # the folder is not empty


def test_a_classifier_that_looks_at_no_places_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learn, *_ = image_sets(ImageSetSettings(train=3, test=0, strangers=0, side_px=64))
    classifier = make_classifier("naive_bayes:pixels")
    classifier.fit(learn, Job())
    model = tmp_path / "model"
    model.mkdir()
    classifier.save(model)
    (model / "reading.json").write_text('{"source": "file"}')
    assert main(["recognise", "explain", str(model), str(tmp_path), "--out", str(tmp_path / "o")])
    assert "does not look at places" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
