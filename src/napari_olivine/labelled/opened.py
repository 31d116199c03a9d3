"""Pairs opened: sizes, types and pixel sizes are checked before any pixel is read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.labelled.label_image import LabelImage, open_labels
from napari_olivine.labelled.pairs import Pair
from napari_olivine.readers.base import Image, raise_if_any, usual_pixel_size
from napari_olivine.readers.formats import open_images
from napari_olivine.section import Role

AGREEING = 0.02
"""Pixel sizes of one section differ by less than this."""

UNKNOWN_UM = 1.0
"""Pixel size where nothing says it."""


@dataclass(frozen=True)
class OpenedPair:
    """An image with its labels; no pixels are in memory.

    Parameters
    ----------
    image
        The grey image.
    labels
        Its labels, `None` for none.
    role
        What it is for.
    """

    image: Image
    labels: LabelImage | None
    role: Role

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.shape


def open_pairs(pairs: Sequence[Pair], folder: Path, job: Job) -> list[OpenedPair]:
    """Open images and masks.

    Parameters
    ----------
    pairs
        Pairs with roles.
    folder
        Where they come from, for errors.
    job
        Running job.

    Returns
    -------
    list of OpenedPair
        In the same order.

    Raises
    ------
    InputError
        If a file cannot be used, an image and its mask have different sizes, or images have
        different types; it lists all of them.
    """
    opened, problems = [], []
    for number, pair in enumerate(pairs):
        job.progress(number, len(pairs), "Opening images and masks")
        assert pair.role is not None
        try:
            image = _open_image(pair.image)
            labels = open_labels(pair.mask) if pair.mask else None
        except InputError as error:
            problems.append(str(error))
            continue
        if labels is not None and labels.shape != image.shape:
            high, wide = labels.shape
            problems.append(
                f"{pair.mask} has {wide} x {high} px, its image {pair.image.name} "
                f"{image.shape[1]} x {image.shape[0]}; a coarser mineral map is laid on its image "
                "by {step:register-labels}"
            )
        opened.append(OpenedPair(image, labels, pair.role))
    job.progress(len(pairs), len(pairs), "Opening images and masks")
    raise_if_any(problems, f"{folder} cannot be imported", file=folder)
    kinds = sorted({one.image.dtype.name for one in opened})
    if len(kinds) > 1:
        rare = min(kinds, key=lambda kind: sum(one.image.dtype.name == kind for one in opened))
        first = next(one.image.file for one in opened if one.image.dtype.name == rare)
        raise InputError(
            f"{folder}: images have pixels of different types ({', '.join(kinds)}); {first} has "
            f"{rare}.",
            remedy="Save all of them with the same number of bits.",
            file=first,
        )
    return opened


def pixel_size(opened: Sequence[OpenedPair], given: float | None, job: Job) -> float:
    """Return the side of a pixel, um: what is given, what the images say, else 1 with a warning.

    Parameters
    ----------
    opened
        The images.
    given
        What a person says, um.
    job
        Running job.

    Returns
    -------
    float
        Side of a pixel, um.

    Raises
    ------
    InputError
        If the images say different sizes.
    """
    if given is not None:
        return given
    stated = {
        size: one.image.file
        for one in opened
        if (size := one.image.acquisition.pixel_size_um) is not None
    }
    if stated and max(stated) > min(stated) * (1 + AGREEING):
        small, large = min(stated), max(stated)
        raise InputError(
            f"The images have different pixel sizes: {stated[small]} {small:.4g} um, "
            f"{stated[large]} {large:.4g} um.",
            remedy="Import images of one size apart, or give {setting:pixel_size_um} if what the "
            "files say is wrong.",
            setting="pixel_size_um",
        )
    size, source = usual_pixel_size(one.image for one in opened)
    if size is not None:
        job.say(f"A pixel is {size:.5g} um wide, by {source}.")
        return size
    job.warn(
        f"No image says how large a pixel is: {UNKNOWN_UM:g} um is taken, so that all lengths and "
        "areas are in pixels.",
        remedy="Give {setting:pixel_size_um} to have them in um.",
        setting="pixel_size_um",
    )
    return UNKNOWN_UM


def fingerprint_of_files(pairs: Sequence[Pair], folder: Path) -> str:
    """Return a hash of the names, sizes and times of all files, and of the roles."""
    digest = hashlib.sha256()
    for pair in pairs:
        for file in (pair.image, pair.mask):
            if file is not None:
                state = file.stat()
                name = Path(os.path.relpath(file, folder)).as_posix()
                digest.update(f"{name}\t{state.st_size}\t{state.st_mtime_ns}\n".encode())
        digest.update(f"{pair.role}\n".encode())
    return digest.hexdigest()[:16]


def _open_image(file: Path) -> Image:
    images = open_images(file)
    if len(images) != 1:
        raise InputError(f"{file} holds {len(images)} images; expected one.", file=file)
    if images[0].dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{file} has pixels of type {images[0].dtype}; expected grey of 8 or 16 bit.", file=file
        )
    return images[0]
