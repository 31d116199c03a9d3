"""Every classifier learns textures, and gives the same probabilities when it is read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.recognition import (
    CLASSIFIERS,
    NETWORK_ARRAYS,
    ImageSet,
    RecognitionImage,
    load_classifier,
    make_classifier,
)
from napari_olivine.recognition.classical import ARRAYS
from napari_olivine.recognition.deep_features import IMAGENET, weights_file
from napari_olivine.recognition.depth_study import DepthClassifier
from napari_olivine.recognition.known_region import KnownRegion
from napari_olivine.recognition.measures import NAMES, measure_image
from tests.helpers.textures import TEXTURES, texture


def textures(first: int, count: int, names: tuple[str, ...] = TEXTURES) -> ImageSet:
    """Images in memory, so many of each texture."""

    def image(name: str, number: int) -> RecognitionImage:
        pixels = (texture(name, number) / 255).astype(np.float32)[..., None]
        title = f"{name} {number}"
        return RecognitionImage(title, name, title, 1.0, None, lambda: pixels)

    return ImageSet.of(image(name, first + k) for name in names for k in range(count))


LEARN, TEST = textures(0, 10), textures(100, 10)

LIGHT = sorted(row.name for row in CLASSIFIERS.values() if row.compared and row.features)


@pytest.mark.parametrize("name", [*LIGHT, "svm:pixels"])
def test_ten_images_of_a_class_are_enough_and_loading_gives_the_same(
    name: str, tmp_path: Path
) -> None:
    classifier = make_classifier(name)
    classifier.fit(LEARN, Job())
    found = classifier.probabilities(TEST, Job())
    assert found.sum(axis=1) == pytest.approx(1)
    right = (found.argmax(1) == TEST.targets()).mean()
    # Pixels in their places tell nothing of a texture that lies and turns as it likes.
    assert right >= (0.33 if name.endswith("pixels") else 0.8)
    classifier.save(tmp_path)
    again = load_classifier(tmp_path)
    assert again.classes == TEXTURES
    assert np.array_equal(again.probabilities(TEST, Job()), found)


@pytest.mark.parametrize("name", ["linear:deep", "random_forest:all"])
def test_images_unlike_all_examples_are_none_of_these(name: str, tmp_path: Path) -> None:
    known, other = TEXTURES[:-1], TEXTURES[-1:]
    classifier = make_classifier(name, refused=0.1)
    classifier.fit(textures(0, 20, known), Job())
    assert classifier.knows_none
    same, strange = (
        classifier.probabilities(textures(50, 20, names), Job()) for names in (known, other)
    )
    assert same.shape[1] == len(known) + 1 and same.sum(1) == pytest.approx(1.0)
    none = len(known)
    refused = float((same.argmax(1) == none).mean())
    assert refused < 0.35
    assert float((strange.argmax(1) == none).mean()) > refused + 0.3
    classifier.save(tmp_path)
    again = load_classifier(tmp_path).probabilities(textures(50, 5, other), Job())
    np.testing.assert_allclose(
        again, classifier.probabilities(textures(50, 5, other), Job()), atol=1e-6
    )


def test_a_region_refuses_the_share_that_was_asked_for() -> None:
    random = np.random.default_rng(3)
    examples, others = random.normal(size=(2, 2000, 4)).astype(np.float32)
    region = KnownRegion.of_examples(examples, 0.05)
    none = region.add_none(np.full((2000, 2), 0.5), others)[:, 2] > 0.5
    assert none.mean() == pytest.approx(0.05, abs=0.02)
    far = region.add_none(np.full((1, 2), 0.5), np.full((1, 4), 9, np.float32))
    assert far[0, 2] == pytest.approx(1.0) and far.sum() == pytest.approx(1.0)


def test_classes_of_one_and_two_images_are_learned_too() -> None:
    few = ImageSet.of((*textures(0, 8, ("dots",)).images, *textures(0, 1, ("stripes",)).images))
    for name in LIGHT:
        classifier = make_classifier(name)
        classifier.fit(few, Job())
        assert classifier.probabilities(TEST, Job()).sum(axis=1) == pytest.approx(1)


def test_one_class_is_refused() -> None:
    with pytest.raises(InputError, match="one class, 'dots'"):
        make_classifier("linear").fit(textures(0, 4, ("dots",)), Job())


def test_a_name_that_is_none_and_features_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="There is no classifier 'swm'; there are linear"):
        make_classifier("swm")
    with pytest.raises(InputError, match="svm cannot see 'form': it sees one of pixels"):
        make_classifier("svm:form")
    with pytest.raises(InputError, match="dense_2 cannot see 'pixels': it has no choice"):
        make_classifier("dense_2:pixels")


def test_a_model_that_holds_objects_runs_no_code_of_theirs(tmp_path: Path) -> None:
    classifier = make_classifier("naive_bayes")
    classifier.fit(LEARN, Job())
    classifier.save(tmp_path)

    class Spy:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "was run",)  # type: ignore[return-value]

    np.savez(tmp_path / ARRAYS, values=np.array([Spy()], object), targets=np.zeros(1, int))
    with pytest.raises(InputError, match=r"training\.npz is missing or damaged"):
        load_classifier(tmp_path)
    assert not (tmp_path / "was run").exists()
    (tmp_path / ARRAYS).write_bytes(b"PK cut short")
    with pytest.raises(InputError, match=r"training\.npz is missing or damaged"):
        load_classifier(tmp_path)


def test_features_of_other_weights_are_not_mixed(tmp_path: Path) -> None:
    classifier = make_classifier("nearest")
    classifier.fit(LEARN, Job())
    classifier.save(tmp_path)
    card = tmp_path / "recognition.json"
    card.write_text(card.read_text().replace(weights_file("light").name, "light-00000000.st"))
    with pytest.raises(InputError, match=r"what the weights light-00000000\.st see"):
        load_classifier(tmp_path)


def test_imagenet_weights_are_taken_from_the_cache_and_missed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from torchvision.models import resnet18

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match="ImageNet weights of resnet18 are not in torch's cache"):
        make_classifier("nearest", encoder="resnet18").fit(LEARN, Job())
    file = weights_file("resnet18")
    file.parent.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(resnet18(weights=None).state_dict(), file)
    with pytest.raises(InputError, match="damaged: its SHA-256 sum"):
        make_classifier("nearest", encoder="resnet18").fit(LEARN, Job())
    monkeypatch.setattr("napari_olivine.recognition.deep_features.check_hash", lambda file: None)
    classifier = make_classifier("nearest", encoder="resnet18")
    classifier.fit(LEARN, Job())  # random weights of the right layout tell textures apart too
    right = classifier.probabilities(TEST, Job()).argmax(1) == TEST.targets()
    assert right.mean() > 0.6
    assert set(IMAGENET) == {"resnet50", "resnet18", "mobilenet_v2"}


# ------------------------------------------------------------------ measurements


def test_texture_does_not_depend_on_brightness_contrast_or_mirror() -> None:
    grey = (texture("patches", 3) / 255).astype(np.float32)[..., None]
    told = [NAMES.index(name) for name in ("gradient_mean", "detail_2", "contrast_1", "coherence")]
    first = measure_image(grey, None, None)
    for other in (0.2 + 0.5 * grey, grey[::-1], np.rot90(grey)):
        changed = measure_image(np.ascontiguousarray(other, np.float32), None, None)
        assert changed[told] == pytest.approx(first[told], rel=0.02, abs=2e-3)
    assert np.isnan(first[NAMES.index("log_um_per_px")])
    assert len(first) == len(NAMES)


def test_shape_of_a_mask() -> None:
    rows, columns = np.mgrid[:80, :80]
    disc = (rows - 40) ** 2 + (columns - 40) ** 2 <= 25**2
    bar = (abs(rows - 40) <= 5) & (abs(columns - 40) <= 30)
    grey = np.where(disc, 0.75, 0.25).astype(np.float32)[..., None]
    found = dict(zip(NAMES, measure_image(grey, disc, 0.5), strict=True))
    assert found["circularity"] > 0.85  # outlines of pixels are longer than those of discs
    assert found["solidity"] > 0.97
    assert found["inside_less_around"] == pytest.approx(0.5)
    assert 10 ** found["log_area_um2"] == pytest.approx(np.pi * 25**2 / 4, rel=0.02)
    other = dict(zip(NAMES, measure_image(grey, bar, None), strict=True))
    assert other["aspect_ratio"] == pytest.approx(61 / 11, rel=0.05)
    assert other["circularity"] < 0.55


# --------------------------------------------------------------- study of depth


@pytest.mark.parametrize("name", ["dense_2", "resnet18"])
def test_a_network_learns_from_random_weights_and_shows_its_curve(
    name: str, tmp_path: Path
) -> None:
    """Bright and dark images, so that a few iterations do."""

    def image(number: int) -> RecognitionImage:
        level = 0.3 if number % 2 else 0.7
        grey = np.full((40, 40, 1), level, np.float32)
        grey += np.random.default_rng(number).normal(0, 0.05, grey.shape).astype(np.float32)
        label = "dark" if number % 2 else "bright"
        return RecognitionImage(str(number), label, str(number), None, None, lambda: grey)

    images = ImageSet.of(image(number) for number in range(33))
    classifier = make_classifier(name, iterations=3)
    assert isinstance(classifier, DepthClassifier)
    classifier.fit(images, Job(device="cpu"))
    assert [point.iteration for point in classifier.curve] == [1, 2, 3]
    assert classifier.curve[-1].loss < classifier.curve[0].loss
    found = classifier.probabilities(images, Job())
    assert (found.argmax(1) == images.targets()).mean() > 0.9
    classifier.save(tmp_path)
    assert load_classifier(tmp_path).probabilities(images, Job()) == pytest.approx(found)
    (tmp_path / NETWORK_ARRAYS).write_bytes(b"no weights")
    with pytest.raises(InputError, match="is damaged"):
        load_classifier(tmp_path)
