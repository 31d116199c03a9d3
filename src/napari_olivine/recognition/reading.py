"""Opens what a command is given, a folder of images or a section, as one set of images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_olivine.crystals import OLIVINE
from napari_olivine.crystals.edits import bring_up_to_date
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.recognition.cutouts import Frame, images_of_section
from napari_olivine.recognition.folder import images_of_folder
from napari_olivine.recognition.images import ImageSet, RecognitionImage
from napari_olivine.recognition.settings import ReadingSettings
from napari_olivine.section import Section

OF_FRAME = ("phase", "frame_um", "margin", "cutout_px", "scale")
"""Settings by which the images of a prediction must be read as those of the training were."""


@dataclass(frozen=True)
class Opened:
    """A set of images and where it is from.

    Parameters
    ----------
    images
        The images.
    is_section
        Whether they are crystals of a section.
    """

    images: ImageSet
    is_section: bool

    @property
    def key(self) -> str:
        """Name of the column that names an image in tables."""
        return "id" if self.is_section else "file"


def open_images(source: Path, settings: ReadingSettings, job: Job) -> Opened:
    """Open a folder of images, or the crystals of a section.

    Parameters
    ----------
    source
        A folder, or a section.
    settings
        How they are read.
    job
        Running job.

    Returns
    -------
    Opened
        The images.

    Raises
    ------
    InputError
        If the folder holds no images, or examples are given for one.
    SectionError
        If the section has no crystals.
    """
    if not is_section(source):
        if settings.examples is not None:
            raise InputError(
                f"Examples by id are crystals of a section; {source} is a folder of images.",
                remedy="Give the classes of images as {setting:table}.",
                setting="examples",
            )
        images = images_of_folder(source, job, table=settings.table, scale=settings.scale)
        return Opened(images, False)
    section = Section(source)
    if settings.phase == OLIVINE:  # those of other phases are not edited
        bring_up_to_date(section, job)
    found = images_of_section(
        section,
        job,
        phase=settings.phase,
        frame=Frame(settings.cutout_px, settings.frame_um, settings.margin),
        examples=settings.examples,
        column=settings.class_column,
        split_by=settings.split_by,
    )
    if settings.scale == "hidden":
        found = ImageSet(tuple(_without_scale(one) for one in found.images), found.classes)
    return Opened(found, True)


def is_section(source: Path) -> bool:
    """Tell whether a folder is a section; raises `InputError` if there is no such folder."""
    if not source.is_dir():
        raise InputError(f"There is no folder {source}.", file=source)
    return (source / "section.json").is_file()


def frame_settings(settings: ReadingSettings) -> dict[str, Any]:
    """Return the settings that a prediction takes from the training."""
    return {name: getattr(settings, name) for name in OF_FRAME}


def _without_scale(image: RecognitionImage) -> RecognitionImage:
    """Hide the size of a pixel, and the measurements that are lengths and areas."""
    kept = {
        name: value
        for name, value in (image.measurements or {}).items()
        if not name.endswith(("_um", "_um2", "_per_um"))
    }
    return replace(image, um_per_px=None, measurements=kept)
