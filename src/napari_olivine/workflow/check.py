"""The check of a section, with the instrument's files to mend its images from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble import read_source, register_source, relocate_source
from napari_olivine.readers.base import SignalReader
from napari_olivine.section import APART, Product, Section
from napari_olivine.section.check import CheckSettings, Report, check_section as check


def check_section(
    section: Section,
    settings: CheckSettings = CheckSettings(),  # noqa: B008 - settings are frozen
    job: Job | None = None,
) -> Report:
    """Check everything in a section, and repair it if asked to.

    See `napari_olivine.section.check.check_section`. Damaged parts of images are read again from
    the files they were imported from, if these are there and have not changed.

    Parameters
    ----------
    section
        The section.
    settings
        Whether to repair, and where the instrument's files are now.
    job
        Running job.

    Returns
    -------
    Report
        Findings, repairs, and damage that is left.
    """
    job = job or Job()
    return check(section, settings, job, partial(_open_source, settings, job))


def _open_source(
    settings: CheckSettings, job: Job, section: Section, images: Product
) -> dict[str, Callable[[int, int], NDArray[Any]]]:
    """Open the files that the images came from.

    Raises
    ------
    InputError
        If they are gone, or not those that were imported.
    """
    if images.notes.get(APART):
        raise InputError("labelled images are not mended: run {step:import-labels} with force")
    folder = Path(settings.source or section.record.source)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not there; say with {{setting:source}} where it is now", setting="source"
        )
    imported = ImportSettings(**images.recipe.settings)
    source = read_source(folder, imported, job)
    if source.image_fingerprint != images.recipe.inputs.get("source"):
        raise InputError(f"the files in {folder} are not those that were imported", file=folder)
    source.check(job)
    # Tiles and maps lie where the import found them, not where the files say.
    registered = register_source(source, imported, images.recipe, section.path, job)
    source = relocate_source(source, registered)

    def reader(signal: SignalReader) -> Callable[[int, int], NDArray[Any]]:
        return lambda start, stop: signal.read(start, stop, job)

    return {name: reader(signal) for name, signal in source.signals.items()}
