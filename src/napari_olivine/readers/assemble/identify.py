"""Identify the images of a source: which signal each shows, which of them are tiles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.messages import nothing_there
from napari_olivine.readers.base import BSE, raise_if_any
from napari_olivine.readers.discover import (
    TableFolder,
    drop_non_tiles,
    group_by_signal,
    one_file,
    read_contents,
    select_signals_of,
)
from napari_olivine.readers.mosaic import MosaicDescription, described_tiles, read_description
from napari_olivine.readers.signals import ImageRef
from napari_olivine.readers.submaps import SubmapImages, maps_beside, without_submaps


@dataclass(frozen=True)
class Identified:
    """The images of a source by their signals, before any of them has a place.

    Parameters
    ----------
    folder
        Folder of the images.
    name
        Name of the section.
    form
        How the images are kept: ``"tiles"``, or the format of the one BSE image in words.
    images
        Images of each signal by its name in the section, BSE first; without BSE the finest map.
    submaps
        Images that are known to show a part of the section.
    tables
        Folder of the EPMA tables, `None` if there is none.
    description
        What ``section.json`` says of the mosaic, `None` without.
    remarks
        What the person should know, in sentences.
    """

    folder: Path
    name: str
    form: str
    images: Mapping[str, list[ImageRef]]
    submaps: SubmapImages
    tables: TableFolder | None
    description: MosaicDescription | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def reference(self) -> str:
        """The signal that the others are laid over: BSE, else the finest map."""
        return next(iter(self.images))

    @property
    def are_tiles(self) -> bool:
        """Whether the image of the reference is a mosaic."""
        return self.form == TILES

    @property
    def description_files(self) -> list[Path]:
        """The ``section.json`` that describes the mosaic, if there is one."""
        return [self.folder / DESCRIPTION] if self.description is not None else []


TILES = "tiles"
DESCRIPTION = "section.json"


def identify(source: Path | str, settings: ImportSettings, job: Job) -> Identified:
    """Identify the images of a folder or file; headers are read where names do not tell.

    Parameters
    ----------
    source
        The folder, or one file that holds all.
    settings
        Settings of the import.
    job
        Running job.

    Returns
    -------
    Identified
        The images by their signals.

    Raises
    ------
    InputError
        If nothing can be imported, it is unclear which image is BSE, or ``section.json`` is wrong.
    """
    path = Path(source).resolve()
    _refuse_path(path)
    if path.is_dir() and (path / DESCRIPTION).exists():
        return _identify_described(path, settings, job)
    contents = read_contents(path, job) if path.is_dir() else one_file(path)
    grouped = group_by_signal(contents, settings, job)
    if not grouped.signals:
        raise InputError(nothing_there(path, contents, grouped), file=path)
    folder = contents.folder
    try:
        names = select_signals_of(folder, list(grouped.signals), settings)
    except InputError as error:
        raise_if_any(grouped.refused, f"{error.template} Some files cannot be used", file=folder)
        raise
    images = {names[name]: grouped.signals[name] for name in names}
    section_refs, submap_bse = without_submaps(images) if BSE in images else ([], [])
    if BSE not in images:
        images = _finest_first(images)
        section_refs = next(iter(images.values()))
    reference = next(iter(images))
    images[reference], non_tiles = drop_non_tiles(section_refs)
    form, first = TILES, images[reference][0].file
    if len(images[reference]) == 1:
        form = next(one.format.name for one in contents.images if one.file == first)
    left_out = [f"left out: {refusal}" for refusal in grouped.refused]
    return Identified(
        folder,
        path.stem if path.is_file() else folder.name,
        form,
        images,
        SubmapImages(bse=submap_bse),
        contents.tables,
        remarks=[*_without_bse(images), *grouped.remarks, *left_out, *non_tiles],
    )


def _finest_first(images: Mapping[str, list[ImageRef]]) -> dict[str, list[ImageRef]]:
    """Put the signal of most pixels first: coarser maps are laid over it."""

    def pixels(refs: list[ImageRef]) -> int:
        image = refs[0].try_open()
        return len(refs) * image.shape[0] * image.shape[1] if image is not None else 0

    finest = max(images, key=lambda name: pixels(images[name]))
    return {finest: images[finest]} | dict(images)


def _without_bse(images: Mapping[str, list[ImageRef]]) -> list[str]:
    if BSE in images:
        return []
    return [
        "there is no BSE image, only maps: they can be looked at and masked, but levelling, "
        "training, segmentation, crystals and calibration need BSE; if one of these is BSE, say so"
    ]


def _refuse_path(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} is not there; give the folder that holds the images.", file=path)
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = str(path).encode("utf-8", "replace").decode()
        raise InputError(f"The name of {shown} is no Unicode text; rename it.") from error


def _identify_described(folder: Path, settings: ImportSettings, job: Job) -> Identified:
    file = folder / DESCRIPTION
    _refuse_section(file)
    description = read_description(file)
    if settings.pixel_size_um is None and description.pixel_size_um is None:
        raise InputError(
            f"{file} has no pixel_size_um.",
            remedy="Add it or give {setting:pixel_size_um}.",
            setting="pixel_size_um",
            file=file,
        )
    names = select_signals_of(folder, description.signals, settings)
    images = {new: described_tiles(folder, description, old) for old, new in names.items()}
    return Identified(
        folder,
        description.name or folder.name,
        TILES,
        images,
        maps_beside(folder, description.maps, settings, job),
        TableFolder(folder / "epma"),
        description,
        _without_bse(images),
    )


def _refuse_section(file: Path) -> None:
    try:
        values = json.loads(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file} is damaged: {error}.", file=file) from error
    if isinstance(values, dict) and "format" in values and "tile_pattern" not in values:
        raise InputError(
            f"{file.parent} is an imported section already; open it, or give the folder of the "
            "instrument files.",
            file=file.parent,
        )
