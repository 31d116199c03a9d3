"""Which images are learned from and which are predicted: images of one source stay together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import raise_if_any
from napari_olivine.recognition.images import ImageSet


@dataclass(frozen=True)
class Fold:
    """One division of a set.

    Parameters
    ----------
    train
        Places of the images to learn from, shape (images,).
    test
        Places of the images to predict.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def join_copies(images: ImageSet, job: Job) -> ImageSet:
    """Find copies of one image, also turned by right angles or mirrored, and keep them together.

    Copies become one source, so that no division parts them. Copies of a test image are left out of
    the training, which is said.

    Parameters
    ----------
    images
        Images of files.
    job
        Running job, to be warned.

    Returns
    -------
    ImageSet
        Without the copies of test images; the others in their order.

    Raises
    ------
    InputError
        If two copies have different classes.
    """
    groups: dict[bytes, list[int]] = {}
    for place, image in enumerate(images.images):
        job.progress(place, len(images), "Looking for copies")
        groups.setdefault(_digest(image.read()), []).append(place)
    copies = [places for places in groups.values() if len(places) > 1]
    problems = []
    source = {place: one.source for place, one in enumerate(images.images)}
    dropped: set[int] = set()
    across = []
    for places in copies:
        found = [images.images[place] for place in places]
        by_class = {one.label: one.name for one in found if one.label is not None}
        if len(by_class) > 1:
            problems.append(" and ".join(f"{name} ({label})" for label, name in by_class.items()))
        _join(source, {source[place] for place in places})
        splits = {one.split for one in found}
        if len(splits) > 1 and "test" in splits:
            across.append(" = ".join(one.name for one in found))
            dropped |= {place for place in places if images.images[place].split != "test"}
    raise_if_any(
        problems,
        "The same image lies in two classes",
        remedy="Keep it in the class that is right.",
    )
    if across:
        job.warn(
            f"{len(across)} test images lie among the training images too, the first "
            f"{across[0]}; the copies are not learned from"
        )
    elif copies:
        job.say(f"{sum(map(len, copies)) - len(copies)} images are copies of others.")
    kept = [
        replace(one, source=source[place])
        for place, one in enumerate(images.images)
        if place not in dropped
    ]
    return ImageSet(tuple(kept), images.classes)


def _join(source: dict[int, str], names: set[str]) -> None:
    """Give the images of several sources one source."""
    first = min(names)
    for place, name in source.items():
        if name in names:
            source[place] = first


def _digest(pixels: NDArray[np.float32]) -> bytes:
    """Hash an image such that its turned and mirrored copies have the same hash."""
    stored = np.round(pixels * 255).astype(np.uint8)
    hashes = []
    for turned in (stored, stored.swapaxes(0, 1)):
        for one in (turned, turned[::-1], turned[:, ::-1], turned[::-1, ::-1]):
            content = hashlib.blake2b(np.ascontiguousarray(one).data, digest_size=16)
            content.update(repr(one.shape).encode())
            hashes.append(content.digest())
    return min(hashes)


def own_split(images: ImageSet) -> Fold | None:
    """Return the division that a folder or section brings along; `None` if it has no test side.

    Images of the split ``"val"`` are on the side of the training: a classifier chooses by them.
    """
    test = np.array([one.split == "test" for one in images.images], bool)
    labelled = images.targets() >= 0
    if not (test & labelled).any() or not (~test & labelled).any():
        return None
    fold = Fold(np.flatnonzero(~test & labelled), np.flatnonzero(test & labelled))
    sources = images.sources()
    if shared := sorted(set(sources[fold.train]) & set(sources[fold.test])):
        raise InputError(
            f"Images of the source {shared[0]} lie on both sides of the split.",
            remedy="Put all of them into train or all into test.",
        )
    return fold


def folds(images: ImageSet, most: int, seed: int, job: Job) -> list[Fold]:
    """Divide labelled images several times, so that each is predicted once.

    Stratified: each class has the same share everywhere as far as the sources allow.

    Parameters
    ----------
    images
        Images; those without a class are left out.
    most
        Folds; fewer where a class has fewer sources, which is said.
    seed
        Of the division.
    job
        Running job, to be warned.

    Returns
    -------
    list of Fold
        `most` or fewer, at least two.

    Raises
    ------
    InputError
        If a class has images of one source alone.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    images.require_classes()
    targets, sources = images.targets(), images.sources()
    known = np.flatnonzero(targets >= 0)
    fewest = {
        name: len(set(sources[targets == place]))
        for place, name in enumerate(images.classes)
        if (targets == place).any()
    }
    rarest = min(fewest, key=lambda name: fewest[name])
    count = min(most, fewest[rarest])
    if count < 2:
        raise InputError(
            f"The images of the class {rarest!r} are of one source, so that none is left to test "
            "with.",
            remedy="Add images of it from elsewhere.",
        )
    if count < most:
        job.warn(
            f"the class {rarest!r} has {fewest[rarest]} sources: {count} folds instead of {most}, "
            "and what is said of it is uncertain"
        )
    divide = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    found = [
        Fold(known[train], known[test])
        for train, test in divide.split(known, targets[known], sources[known])
    ]
    for fold in found:
        _check_classes(images, targets, fold.train)
    return found


def hold_out(images: ImageSet, share: float, seed: int) -> Fold:
    """Divide labelled images once, by source and stratified.

    Parameters
    ----------
    images
        Images; those without a class are left out.
    share
        Share of the images that are held out, 0 to 0.5.
    seed
        Of the division.

    Returns
    -------
    Fold
        `test` is empty where a class has images of one source alone.
    """
    targets, sources = images.targets(), images.sources()
    fewest = min(
        (len(set(sources[targets == place])) for place in set(targets) if place >= 0), default=0
    )
    count = min(max(2, round(1 / share)), fewest)
    if count < 2:
        return Fold(np.flatnonzero(targets >= 0), np.array([], np.intp))
    return folds(images, count, seed, Job())[0]


def _check_classes(
    images: ImageSet, targets: NDArray[np.intp], train: Sequence[int] | NDArray[np.intp]
) -> None:
    """Raise `InputError` where a class has no image to learn from."""
    lacking = set(targets) - set(targets[train]) - {-1}
    if lacking:
        name = images.classes[min(lacking)]
        raise InputError(
            f"All images of the class {name!r} fall into one part of the division.",
            remedy="Add images of it from other sources, or divide in fewer parts.",
        )
