"""A folder of images: a folder a class, the same below train, val and test, or a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import raise_if_any
from napari_olivine.recognition.image_file import (
    SUFFIXES,
    ImageFile,
    open_image_file,
    scale_in_name,
)
from napari_olivine.recognition.images import ImageSet, RecognitionImage
from napari_olivine.recognition.label_table import SPLITS, Labelled, read_label_table

TABLE = "labels.csv"
"""Table of a folder that is read without being named."""

Scale = Literal["auto", "given", "hidden"]

APART = 0.02
"""Sizes of a pixel in the file and in its name that differ by more contradict each other."""


@dataclass(frozen=True)
class _Found:
    """An image file and what its place says of it."""

    file: Path
    name: str
    said: Labelled


def images_of_folder(
    folder: Path, job: Job, *, table: Path | None = None, scale: Scale = "auto"
) -> ImageSet:
    """Open the images of a folder.

    The classes stand in the table, else each folder below is a class, else the folders below
    ``train``, ``val`` and ``test`` are. Images that lie in the folder itself have no class. The
    size of a pixel is that of the table, else the one that the microscope's program wrote, else the
    one in the file's name.

    Parameters
    ----------
    folder
        The folder.
    job
        Running job.
    table
        CSV with the columns ``file`` (path from the folder) and ``class``, see `read_label_table`;
        ``labels.csv`` in the folder if not given.
    scale
        ``"given"``: each image must have the size of a pixel. ``"hidden"``: none has it.

    Returns
    -------
    ImageSet
        The images, sorted by name (those of a table in its order); pixels are read later.

    Raises
    ------
    InputError
        If there are none, one is damaged or too large, or a size of a pixel is missing.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", file=folder)
    table = table or (folder / TABLE if (folder / TABLE).is_file() else None)
    found = _of_table(folder, table, job) if table else list(_of_folders(folder))
    if not found:
        raise InputError(
            f"{folder} holds no images ({', '.join(SUFFIXES)}).",
            remedy="Put the images of each class into a folder of its name.",
            file=folder,
        )
    problems, files = [], []
    for done, one in enumerate(found):
        job.progress(done, len(found), "Opening images")
        try:
            files.append(open_image_file(one.file))
        except InputError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    raise_if_any([one.text for one in problems], f"{folder} cannot be used", file=folder)
    sizes = _scales(found, files, job) if scale != "hidden" else [None] * len(found)
    if scale == "given":
        lacking = [one.name for one, um in zip(found, sizes, strict=True) if um is None]
        raise_if_any(
            lacking,
            "These images do not say how large a pixel is",
            remedy="Write the size into a table (columns file, class, um_per_px), or into the "
            "name as in quartz_2.5um_per_px.png.",
            file=folder / lacking[0] if lacking else "",
        )
    return ImageSet.of(
        RecognitionImage(
            name=one.name,
            label=one.said.label,
            source=one.said.source or one.name,
            um_per_px=um,
            split=one.said.split,
            read=opened.read,
        )
        for one, opened, um in zip(found, files, sizes, strict=True)
    )


def _of_table(folder: Path, table: Path, job: Job) -> list[_Found]:
    said = read_label_table(table, "file", job)
    lacking = [name for name in said if not (folder / name).is_file()]
    raise_if_any(
        [f"there is no image {name} in {folder}" for name in lacking],
        f"{table} does not fit the folder",
        file=table,
    )
    return [_Found(folder / name, Path(name).as_posix(), one) for name, one in said.items()]


def _of_folders(folder: Path) -> Iterator[_Found]:
    for file in _images_below(folder):
        path = file.relative_to(folder)
        parts = list(path.parts[:-1])
        split = SPLITS.get(parts[0].casefold()) if parts else None
        # A folder that holds images and is called "test" may be a class; one of folders is a split.
        if split is not None and not any(_is_image(one) for one in (folder / parts[0]).iterdir()):
            parts = parts[1:]
        else:
            split = None
        label = parts[0].strip() if parts else None
        yield _Found(file, path.as_posix(), Labelled(label, split=split))


def _images_below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if _is_image(file))


def _is_image(file: Path) -> bool:
    hidden = file.name.startswith(".")
    return file.suffix.lower() in SUFFIXES and not hidden and file.is_file()


def _scales(found: list[_Found], files: list[ImageFile], job: Job) -> list[float | None]:
    """Choose the size of a pixel of each image, and say where name and file contradict."""
    chosen: list[float | None] = []
    contradicting = []
    for one, opened in zip(found, files, strict=True):
        named = scale_in_name(one.file.name)
        if one.said.um_per_px is None and named and opened.um_per_px:
            apart = abs(named / opened.um_per_px - 1) > APART
            contradicting += [one.name] if apart else []
        chosen.append(one.said.um_per_px or opened.um_per_px or named)
    if contradicting:
        job.warn(
            f"in {len(contradicting)} images, the first {contradicting[0]}, the name says another "
            "size of a pixel than the microscope's program wrote, which is taken",
            remedy="If that is wrong, write the size into a table (column um_per_px).",
        )
    without = sum(um is None for um in chosen)
    if 0 < without < len(chosen):
        job.warn(
            f"{without} of {len(chosen)} images do not say how large a pixel is; what depends on "
            "the size counts as unknown for them",
            remedy="Write the size into a table (column um_per_px).",
        )
    return chosen
