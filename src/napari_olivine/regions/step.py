"""The step `regions`: the region of study from files, to a file, or told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.polygons import Polygon, refuse_faults, with_own_names
from napari_olivine.regions.area import polygon_mm2, studied_mm2
from napari_olivine.regions.region import Region
from napari_olivine.regions.region_file import CLASSES, read_regions, write_regions
from napari_olivine.regions.region_table import polygons_of, table_of
from napari_olivine.regions.settings import RegionsSettings
from napari_olivine.regions.stored import region_of, study_region
from napari_olivine.section import REGIONS, Section


def set_regions(
    section: Section, settings: RegionsSettings | None = None, job: Job | None = None
) -> Region | None:
    """Set the region of study of a section, write it to a file, and tell its areas.

    Nothing changes if a file cannot be used.

    Parameters
    ----------
    section
        Section with images.
    settings
        See :class:`RegionsSettings`; with none of them the region is told.
    job
        Running job.

    Returns
    -------
    Region or None
        The region of study, `None` for the whole section.

    Raises
    ------
    InputError
        If a file is no GeoJSON, a polygon cannot be used, or nothing of the section is left.
    """
    settings, job = settings or RegionsSettings(), job or Job()
    section.require("images")
    polygons = _stored(section)
    if settings.clear or settings.keep is not None or settings.leave_out is not None:
        polygons = _changed([] if settings.clear else polygons, section, settings, job)
        if polygons:
            region_of(polygons, section)  # refused before anything is stored
        section.annotate(REGIONS, table_of(polygons, section.pixel_size_um))
    region = study_region(section)
    if settings.export is not None:
        write_regions(polygons, settings.export)
        job.say(f"Wrote {len(polygons)} polygons to {settings.export}.")
    _tell(section, polygons, region, job)
    return region


def _changed(
    polygons: Sequence[Polygon], section: Section, settings: RegionsSettings, job: Job
) -> list[Polygon]:
    """Put the polygons of the files in place of those of the same use."""
    for use, file in (("keep", settings.keep), ("leave_out", settings.leave_out)):
        if file is not None:
            new = _read(file, use, job)
            remedy = "Correct it where it was drawn, and export it again; coordinates are pixels."
            refuse_faults(new, section.shape, section.pixel_size_um, file, remedy, use)
            polygons = [*(one for one in polygons if one.classification != use), *new]
    return with_own_names(polygons, "region")


def _read(file: Path, use: str, job: Job) -> list[Polygon]:
    """Read the polygons of a file, without those whose class says another use."""
    polygons, other = read_regions(file, use, CLASSES[use].lower())
    if other:
        job.warn(f"{file}: {other} of its objects are no polygons and left out.")
    mine = [one for one in polygons if one.classification in ("", use)]
    if not mine:
        raise InputError(
            f"Every polygon of {file} has the class {CLASSES[polygons[0].classification]!r}.",
            remedy="Give it as the other setting, or change the class of the polygons.",
            setting=use,
            file=file,
        )
    return [replace(one, classification=use) for one in mine]


def _stored(section: Section) -> list[Polygon]:
    if not section.has_annotation(REGIONS):
        return []
    return polygons_of(section.annotation(REGIONS), section.pixel_size_um)


def _tell(section: Section, polygons: Sequence[Polygon], region: Region | None, job: Job) -> None:
    for one in polygons:
        words = CLASSES[one.classification]
        job.say(f"{words}: {one.name}, {polygon_mm2(one, section):.4g} mm2")
    studied, imaged = studied_mm2(section, region)
    if region is None:
        job.say(f"The whole section is studied, {imaged:.4g} mm2.")
    else:
        job.say(f"The region of study is {studied:.4g} of {imaged:.4g} mm2.")
