"""A set of labelled images of crystals with known truth: to learn from, and strangers to refuse."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.new_folder import new_folder, require_free
from napari_olivine.phantom.kinds import KINDS, draw_image
from napari_olivine.settings import Settings, setting

KNOWN, STRANGERS, TRUTH = "known", "strangers", "truth"
TABLE = "labels.csv"
"""Classes and sizes of pixels, in each of the folders `KNOWN` and `STRANGERS`."""


class ImageSetSettings(Settings):
    """Settings of :func:`~napari_olivine.phantom.make_image_set`.

    The defaults make about as many images as the first quiz of Larmuseau et al. 2021 had (134 to
    learn, 36 to recognise; doi 10.1016/j.scriptamat.2020.10.026).
    """

    train: int = setting(20, "To learn", "Images to learn of each class.", ge=1, le=2000)
    test: int = setting(10, "To recognise", "Images of each class to test with.", ge=0, le=2000)
    strangers: int = setting(
        10, "Strangers", "Images of each kind that nobody teaches.", ge=0, le=2000
    )
    side_px: int = setting(320, "Side", "Side of an image.", unit="px", ge=64, le=2048)
    seed: int = setting(0, "Seed", "Same seed, same bytes.", ge=0)


@dataclass(frozen=True)
class DrawnImage:
    """One image of the set.

    Parameters
    ----------
    name
        Path in the folder, with ``/`` and without an ending.
    kind
        Name of what it shows.
    split
        ``"train"`` or ``"test"``; empty of a stranger.
    image
        uint8, shape (side, side).
    diagnostic
        Pixels of the part that tells the kind, same shape.
    um_per_px
        Size of a pixel.
    """

    name: str
    kind: str
    split: str
    image: NDArray[np.uint8]
    diagnostic: NDArray[np.bool_]
    um_per_px: float


def draw_images(settings: ImageSetSettings) -> Iterator[DrawnImage]:
    """Draw the images of a set, kind by kind."""
    for number, kind in enumerate(KINDS.values()):
        parts = {"train": settings.train, "test": settings.test}
        for part, (split, count) in enumerate(
            (parts if kind.seen else {"": settings.strangers}).items()
        ):
            folder = f"{KNOWN}/{split}" if kind.seen else STRANGERS
            for place in range(count):
                rng = np.random.default_rng([settings.seed, number, part, place])
                drawn = draw_image(rng, kind, settings.side_px)
                name = f"{folder}/{kind.name}/{place:03d}"
                yield DrawnImage(name, kind.name, split, *drawn)


def make_image_set(
    folder: Path,
    settings: ImageSetSettings = ImageSetSettings(),  # noqa: B008 - settings are frozen
    job: Job | None = None,
) -> Path:
    """Write images of five kinds to learn and of two that nobody teaches, with known truth.

    The folder holds known/train/<class>/*.tif and known/test/<class>/*.tif, strangers/<kind>/*.tif,
    truth/ with the mask of the diagnostic part under the same names, and in known/ and strangers/ a
    table labels.csv with the columns file, class, split and um_per_px.

    Parameters
    ----------
    folder
        Folder to make; it must not exist, or be empty.
    settings
        How many images, their side and the seed.
    job
        Progress and cancel.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds something, or cannot be written.
    Cancelled
        If the job is stopped; nothing is left behind then.
    """
    job = Job() if job is None else job
    folder = Path(folder).absolute()
    require_free(folder)
    with new_folder(folder, "The images") as draft:
        _write(draft, settings, job)
    return folder


def _write(folder: Path, settings: ImageSetSettings, job: Job) -> None:
    kinds = list(KINDS.values())
    total = sum(
        settings.train + settings.test if kind.seen else settings.strangers for kind in kinds
    )
    rows: dict[str, list[list[str]]] = {KNOWN: [], STRANGERS: []}
    for done, one in enumerate(draw_images(settings)):
        file = folder / f"{one.name}.tif"
        _write_tiff(file, one.image, one.um_per_px)
        mask = folder / TRUTH / f"{one.name}.tif"
        _write_tiff(mask, one.diagnostic.astype(np.uint8) * 255, one.um_per_px)
        part, _, name = one.name.partition("/")
        rows[part].append([f"{name}.tif", one.kind, one.split, f"{one.um_per_px:.6g}"])
        job.progress(done + 1, total, "phantom: images")
    for part, lines in rows.items():
        if lines:
            _write_table(folder / part / TABLE, lines)


def _write_table(file: Path, lines: list[list[str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "class", "split", "um_per_px"])
        writer.writerows(lines)


def _write_tiff(file: Path, image: NDArray[np.uint8], um_per_px: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    per_cm = 1e4 / um_per_px
    tifffile.imwrite(
        file, image, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER", compression="deflate"
    )
