"""Transfer learning: start weights, schedules, held-out images, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import torchvision
from napari_olivine.phantom import ImageSetSettings
from napari_olivine.recognition import ImageSet, load_classifier, make_classifier
from napari_olivine.recognition.learning import BACKBONES, build_backbone, start_backbone
from napari_olivine.recognition.transfer import TransferClassifier
from tests.helpers.kinds import image_sets


@pytest.fixture(scope="module")
def images() -> tuple[ImageSet, ImageSet]:
    learn, test, _, _ = image_sets(ImageSetSettings(train=8, test=4, strangers=0, side_px=128))
    two = [
        ImageSet.of(one for one in side.images if one.label in ("euhedral", "hopper"))
        for side in (learn, test)
    ]
    return two[0], two[1]


def test_published_weights_give_what_torchvision_gives(tmp_path: Path) -> None:
    name, file = "mobilenet_v2", tmp_path / "weights.pth"
    whole = torchvision().models.mobilenet_v2(weights=None).eval()
    torch.save(whole.state_dict(), file)
    backbone = build_backbone(name, 1).eval()
    said, learned = start_backbone(backbone, name, str(file), Job())
    assert learned and "weights.pth" in said
    grey = torch.rand((1, 3, 64, 64))
    with torch.no_grad():
        expected = whole((grey - backbone.mean) / backbone.std)
        found = whole.classifier(backbone(grey).mean((2, 3)))
    assert torch.allclose(found, expected, atol=1e-5)
    with pytest.raises(InputError, match="another network"):
        start_backbone(build_backbone("resnet50", 3), "resnet50", str(file), Job())


def test_weights_that_are_not_at_hand_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "napari_olivine.recognition.learning.backbones.torchvision_file", lambda *_: None
    )
    said: list[str] = []
    job = Job(listen=lambda event: said.append(str(event["message"])))
    backbone = build_backbone("mobilenet_v2", 3)
    _, learned = start_backbone(backbone, "mobilenet_v2", "auto", job)
    assert not learned and BACKBONES["mobilenet_v2"].weights in said[0]


def test_the_frozen_head_learns_and_all_of_it_is_stored(
    images: tuple[ImageSet, ImageSet], tmp_path: Path
) -> None:
    classifier = TransferClassifier("light", backbone="light", steps=10, side_px=64, views=3)
    classifier.fit(images[0], Job())
    assert "learned from synthetic sections" in classifier.started_from
    found = classifier.probabilities(images[1], Job())
    assert (found.argmax(1) == images[1].targets()).mean() >= 0.75
    assert found.sum(1) == pytest.approx(1.0)
    assert classifier.curve[-1].iteration == 10
    classifier.name = "swin_t"  # the name leads to the class when it is read
    classifier.save(tmp_path)
    again = load_classifier(tmp_path)
    assert again.probabilities(images[1], Job()) == pytest.approx(found, abs=1e-6)


def test_the_published_schedule_learns_with_all_of_the_network(
    images: tuple[ImageSet, ImageSet],
) -> None:
    classifier = make_classifier(
        "mobilenet_v2_published", weights="none", steps=2, side_px=32, batch=4, validate_every=1
    )
    classifier.fit(images[0], Job())
    curve = classifier.curve  # type: ignore[attr-defined]
    assert [point.iteration for point in curve] == [0, 1, 2]
    assert np.isfinite([point.accuracy for point in curve]).all()
