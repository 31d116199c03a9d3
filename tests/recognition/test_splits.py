"""Divisions: by source, stratified, and never the same pixels on both sides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_olivine.errors import InputError
from napari_olivine.job import Event, Job
from napari_olivine.recognition import ImageSet, RecognitionImage, folds, hold_out, join_copies
from napari_olivine.recognition.folder import images_of_folder
from napari_olivine.recognition.splits import own_split
from tests.helpers.textures import texture, write_textures


def image(label: str, source: str, split: str | None = None) -> RecognitionImage:
    grey = np.zeros((4, 4, 1), np.float32)
    return RecognitionImage(f"{label} {source}", label, source, None, split, lambda: grey)


def made(counts: dict[str, int], per_source: int = 1) -> ImageSet:
    return ImageSet.of(
        image(label, f"{label} {place // per_source}")
        for label, count in counts.items()
        for place in range(count)
    )


def test_each_image_is_tested_once_and_no_source_lies_on_both_sides() -> None:
    images = made({"a": 30, "b": 12}, per_source=3)
    divided = folds(images, 4, 0, Job())
    assert sorted(np.concatenate([fold.test for fold in divided])) == list(range(42))
    sources = images.sources()
    for fold in divided:
        assert not set(sources[fold.train]) & set(sources[fold.test])
        share = Counter(images.targets()[fold.test].tolist())
        assert 6 <= share[0] <= 9
        assert share[1] == 3


def test_fewer_folds_where_a_class_has_fewer_sources_which_is_said() -> None:
    events: list[Event] = []
    assert len(folds(made({"a": 9, "b": 2}), 5, 0, Job(listen=events.append))) == 2
    assert "'b' has 2 sources: 2 folds instead of 5" in events[0]["message"]
    with pytest.raises(InputError, match="'b' are of one source"):
        folds(made({"a": 9, "b": 4}, per_source=4), 5, 0, Job())


def test_one_class_or_two_spellings_of_one_cannot_be_learned() -> None:
    with pytest.raises(InputError, match="one class, 'a'"):
        folds(made({"a": 9}), 5, 0, Job())
    with pytest.raises(InputError, match="differ in their spelling"):
        folds(made({"Fine sieve": 9, "fine_sieve": 9}), 5, 0, Job())
    with pytest.raises(InputError, match="No class can be called 'None of these'"):
        folds(made({"a": 9, "None of these": 9}), 5, 0, Job())


def test_what_is_held_out_is_of_other_sources() -> None:
    images = made({"a": 20, "b": 20}, per_source=2)
    fold = hold_out(images, 0.2, seed=1)
    assert len(fold.test) == 8
    assert not set(images.sources()[fold.train]) & set(images.sources()[fold.test])
    assert len(hold_out(made({"a": 5, "b": 1}), 0.2, seed=1).test) == 0


def test_a_source_on_both_sides_of_a_given_split_is_refused() -> None:
    both = [image("a", "s", "train"), image("b", "t", "train"), image("a", "s", "test")]
    with pytest.raises(InputError, match="source s lie on both sides"):
        own_split(ImageSet.of(both))


@pytest.mark.parametrize("turn", [lambda p: p, np.rot90, np.fliplr, lambda p: p.T])
def test_the_same_image_in_two_classes_is_an_error_that_names_both(tmp_path: Path, turn) -> None:
    write_textures(tmp_path, 2)
    copy = turn(texture("dots", 1))
    Image.fromarray(np.ascontiguousarray(copy)).save(tmp_path / "stripes" / "copy.bmp")
    with pytest.raises(
        InputError, match=r"dots/01\.png \(dots\) and stripes/copy\.bmp \(stripes\)"
    ):
        join_copies(images_of_folder(tmp_path, Job()), Job())


def test_copies_become_one_source_and_those_of_test_images_are_not_learned(tmp_path: Path) -> None:
    write_textures(tmp_path / "train", 2)
    write_textures(tmp_path / "test", 1, ("dots",))  # the same as the first of the training
    Image.fromarray(np.rot90(texture("stripes", 0)).copy()).save(
        tmp_path / "train" / "stripes" / "turned.png"
    )
    events: list[Event] = []
    found = join_copies(images_of_folder(tmp_path, Job()), Job(listen=events.append))
    names = {one.name: one.source for one in found.images}
    assert "train/dots/00.png" not in names
    assert "test/dots/00.png" in names
    assert names["train/stripes/00.png"] == names["train/stripes/turned.png"]
    assert any("train/dots/00.png" in str(event.get("message")) for event in events)
