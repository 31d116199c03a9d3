"""The other sections that a training learns from: opened for reading, and whether they fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.networks import PIXEL_SIZE_TOLERANCE
from napari_olivine.regions import REGIONS_INPUT
from napari_olivine.section import Section, input_elsewhere
from napari_olivine.section.check import in_use
from napari_olivine.training.review_labels import corrections_fingerprint
from napari_olivine.training.settings import TrainSettings

FOLLOWED = ("images", "mask", "annotations/sessions")
"""Inputs of another section of which other ones make a model out of date, as those of its own."""


def open_others(home: Section, settings: TrainSettings, job: Job) -> list[Section]:
    """Open the other sections of a training and see that they can be learned from.

    Parameters
    ----------
    home
        Section that the model belongs to.
    settings
        Settings of the person.
    job
        Running job; it is warned of a section that seems to be a copy of another one.

    Returns
    -------
    list of Section
        In the order of the settings; empty for a training on one section.

    Raises
    ------
    SectionError
        If a folder is no section, one lacks images, BSE or a mask or they are out of date, or
        another process is making them.
    InputError
        If a section is given twice, or differs in pixel size or type of grey.
    """
    opened = [home]
    for folder in settings.others:
        if twice := next((one for one in opened if one.path == folder), None):
            role = "is the one that is trained in" if twice is home else "is given twice"
            raise InputError(
                f"The section {folder} {role}.",
                remedy="Name each section once in {setting:others}.",
                setting="others",
                file=folder,
            )
        with _named(folder):
            other = Section(folder)
            _require_inputs(other)
            _require_alike(home, other)
        _tell_copy(opened, other, job)
        opened.append(other)
    return opened[1:]


def fingerprints_of_others(others: Sequence[Section], settings: TrainSettings) -> dict[str, str]:
    """Fingerprints of all that a training reads of other sections.

    Parameters
    ----------
    others
        From `open_others`.
    settings
        Settings of the person.

    Raises
    ------
    SectionError
        If a person has gone on reviewing since the corrections of a section were written.
    """
    marks = {}
    for other in others:
        for name in FOLLOWED:
            marks[input_elsewhere(other.path, name)] = other.fingerprint(name)
        with _named(other.path):
            by_hand = corrections_fingerprint(other, settings)
        if region := other.fingerprint(REGIONS_INPUT):
            by_hand["source/regions"] = region
        marks |= {f"{name} of {other.path}": mark for name, mark in by_hand.items()}
    return marks


def _require_inputs(other: Section) -> None:
    for name in ("images", "mask"):
        if in_use(other, name):
            raise SectionError(
                f"Its {name!r} is being made by another process now.",
                remedy="Wait until that has ended",
            )
        other.require(name)
    other.raster("images", "BSE")


def _require_alike(home: Section, other: Section) -> None:
    sizes = [section.pixel_size_um for section in (home, other)]
    if abs(sizes[1] / sizes[0] - 1) > PIXEL_SIZE_TOLERANCE:
        raise InputError(
            f"Its pixels are {sizes[1]:g} um, those of {home.path} {sizes[0]:g} um; a network "
            "learns textures at one pixel size.",
            remedy="Import one of the two at the pixel size of the other.",
        )
    kinds = [str(section.raster("images", "BSE").dtype) for section in (home, other)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"Its BSE image is of type {kinds[1]}, that of {home.path} of type {kinds[0]}; a "
            "network serves images of one type.",
            remedy="Export the images of both in one type and import them again.",
        )


def _tell_copy(opened: Sequence[Section], other: Section, job: Job) -> None:
    """Warn of a section that holds the images of another one, whose roles may differ there."""
    mark = other.fingerprint("images")
    same = [one for one in opened if one.fingerprint("images") == mark and one.shape == other.shape]
    if same:
        job.warn(
            f"The sections {same[0].path} and {other.path} were imported from the same files: what "
            "is for test in one may be learned in the other.",
            remedy="Leave one of them out of {setting:others}.",
            setting="others",
        )


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Say of which other section an error is, and that the way out is there."""
    try:
        yield
    except (SectionError, InputError) as error:
        step = error.facts.step
        mend = f"Run the step {step!r} there" if step and step != "import" else error.remedy
        raise type(error)(
            f"The network cannot learn from the section {folder}. {error.text}",
            remedy=f"{mend.rstrip('.') or 'Mend it there'}; or leave it out of {{setting:others}}.",
            setting="others",
            file=error.facts.file or folder,
        ) from error
