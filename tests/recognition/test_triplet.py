"""The triplet network: its loss, where classes lie, none of these, scale, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.phantom import ImageSetSettings
from napari_olivine.recognition import (
    ImageSet,
    RecognitionImage,
    load_classifier,
    make_classifier,
)
from napari_olivine.recognition.description import describe_images, map_descriptors
from napari_olivine.recognition.learning import CropPlace
from napari_olivine.recognition.triplet import (
    ImageDescriptors,
    TripletClassifier,
    crop_saliency,
    fit_mixture,
    mixture_with_threshold,
    triplet_loss,
)
from tests.helpers.kinds import image_sets

SMALL = {"crop_px": 48, "votes": 12}


def test_the_loss_is_equation_1() -> None:
    descriptors = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 0.0]])
    classes = torch.tensor([0, 0, 1])
    # |a - p| = 5; |a - n| = 6 from the first and 5 from the second crop.
    assert float(triplet_loss(descriptors, classes, 2.0)) == pytest.approx((1 + 2) / 2)
    assert float(triplet_loss(descriptors, classes, 0.5)) == pytest.approx(0.5)
    assert float(triplet_loss(descriptors, classes, 2.0, "semi-hard")) == pytest.approx(1.0)


def test_the_loss_parts_classes_that_lie_on_each_other() -> None:
    descriptors = torch.zeros((6, 2), requires_grad=True)
    loss = triplet_loss(descriptors + 0.01 * torch.randn(6, 2), torch.arange(6) % 2, 1.0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert descriptors.grad is not None and descriptors.grad.abs().max() > 0.01
    assert torch.isfinite(descriptors.grad).all()


def clouds(random: np.random.Generator, images: int) -> ImageDescriptors:
    middles = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    targets = np.repeat(np.arange(3), images)
    return ImageDescriptors([middles[k] + random.normal(0, 1, (30, 2)) for k in targets], targets)


def test_a_component_belongs_to_each_class_and_what_lies_outside_to_none() -> None:
    random = np.random.default_rng(0)
    mixture = mixture_with_threshold(clouds(random, 8), clouds(random, 4), 3, 0.05)
    assert mixture.means == pytest.approx(np.array([[0, 0], [10, 0], [0, 10]]), abs=0.5)
    known = clouds(random, 20)
    found = np.array([mixture.probabilities(one).mean(0).argmax() for one in known.images])
    assert (found == known.targets).mean() > 0.9
    far = mixture.probabilities(np.array([[5.0, 5.0], [20.0, 20.0]]))
    assert far[:, -1] == pytest.approx(1.0) and far.sum(1) == pytest.approx(1.0)


def test_the_mixture_is_that_of_gaussians() -> None:
    random = np.random.default_rng(1)
    descriptors = random.normal(0, 2, (400, 2))
    mixture = fit_mixture(np.vstack([descriptors, descriptors + 50]), np.repeat([0, 1], 400), 2)
    at_mean = mixture.log_likelihood(mixture.means[:1])
    volume = np.sqrt(np.linalg.det(2 * np.pi * mixture.covariances[0]))
    assert at_mean == pytest.approx(np.log(0.5 / volume), abs=1e-6)


def test_saliency_is_the_mean_of_the_crops_that_cover_a_pixel() -> None:
    places = [CropPlace(0, 0, 2), CropPlace(0, 0, 4)]
    found = crop_saliency(places, np.array([[1.0, 0.0], [0.0, 1.0]]), (4, 5))
    assert found[:, 0, 0] == pytest.approx([0.8, 0.2])  # a smaller crop weighs more, by its area
    assert found[:, 3, 3] == pytest.approx([0.0, 1.0])
    assert np.isnan(found[:, 0, 4]).all()


@pytest.fixture(scope="module")
def trained() -> tuple[TripletClassifier, ImageSet, ImageSet]:
    """A network that learned two kinds which only the scale tells apart, and a third."""
    learn, test, _, _ = image_sets(ImageSetSettings(train=16, test=8, strangers=0, side_px=192))
    three = [
        ImageSet.of(one for one in images.images if one.label not in ("hopper", "oscillatory"))
        for images in (learn, test)
    ]
    classifier = TripletClassifier("triplet", steps=100, crop_px=64, votes=12, dropout=0.0)
    classifier.fit(three[0], Job())
    return classifier, *three


def test_the_same_texture_at_another_scale_is_another_kind(
    trained: tuple[TripletClassifier, ImageSet, ImageSet],
) -> None:
    """Coarse and fine sieve differ by a factor of 6 in size and by nothing else."""
    classifier, _, test = trained
    found = classifier.probabilities(test, Job())
    assert found.shape == (len(test), 4) and found.sum(1) == pytest.approx(1.0)
    anywhere = classifier.mixture.with_threshold(-np.inf)

    def coarse(image: RecognitionImage, factor: float) -> float:
        seen = replace(image, um_per_px=factor * (image.um_per_px or np.nan))
        outputs = classifier.votes_of(seen, Job()).outputs
        return float(
            anywhere.probabilities(outputs).mean(0)[classifier.classes.index("coarse sieve")]
        )

    fine = [one for one in test.images if one.label == "fine sieve"]
    larger = [coarse(one, 6.0) - coarse(one, 1.0) for one in fine]
    assert np.mean(larger) > 0.3


def test_the_map_shows_each_gaussian_where_its_images_lie(
    trained: tuple[TripletClassifier, ImageSet, ImageSet],
) -> None:
    classifier, learned, _ = trained
    some = learned.select(np.arange(0, len(learned), 2))
    described = describe_images(classifier, some, Job())
    assert described.probabilities.shape == (len(some), 4)
    plane = map_descriptors(classifier, described)
    table = classifier.described_as_table(some, described.descriptors)
    np.testing.assert_allclose(plane.x, table["x"], atol=1e-4)
    for ellipse in plane.notes["ellipses"]:
        here = (table["class"] == ellipse["class"]).to_numpy()
        place = np.stack([plane.x, plane.y], 1)[here] - ellipse["mean"]
        inverse = np.linalg.inv(ellipse["covariance"])
        assert (np.einsum("ij,jk,ik->i", place, inverse, place) < 4).mean() > 0.6


def test_it_is_the_same_after_it_was_stored(
    trained: tuple[TripletClassifier, ImageSet, ImageSet], tmp_path: Path
) -> None:
    classifier, _, test = trained
    classifier.save(tmp_path)
    again = load_classifier(tmp_path)
    assert np.array_equal(again.probabilities(test, Job()), classifier.probabilities(test, Job()))
    table = (tmp_path / "descriptors.csv").read_text().splitlines()
    assert table[0].startswith("image,class,d1,d2") and len(table) > 30
    (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="damaged"):
        load_classifier(tmp_path)


def test_an_image_without_scale_is_refused_by_name(
    trained: tuple[TripletClassifier, ImageSet, ImageSet],
) -> None:
    classifier, _, test = trained
    unknown = ImageSet((replace(test.images[0], um_per_px=None),), test.classes)
    with pytest.raises(InputError, match=test.images[0].name):
        classifier.probabilities(unknown, Job())


def test_without_scales_the_magnification_is_left_out_and_that_is_said() -> None:
    learn, test, _, _ = image_sets(
        ImageSetSettings(train=3, test=1, strangers=0, side_px=64), scale=False
    )
    said: list[str] = []
    job = Job(listen=lambda event: said.append(str(event.get("message", ""))))
    classifier = make_classifier("softmax", steps=2, **SMALL)
    classifier.fit(learn, job)
    assert any("magnification is not looked at" in one for one in said)
    assert classifier.probabilities(test, Job()).shape == (5, 6)


def test_learning_stops_on_request() -> None:
    learn, *_ = image_sets(ImageSetSettings(train=2, test=0, strangers=0, side_px=64))
    job = Job()
    job.listen = lambda event: "Learning" in str(event.get("message")) and job.cancel.set()
    with pytest.raises(Cancelled):
        TripletClassifier("triplet", steps=1000, **SMALL).fit(learn, job)
