"""The region of study that a section holds, and the copy in a product that was made within it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.polygons import Polygon, fault_of
from napari_olivine.regions.region import Region
from napari_olivine.regions.region_table import polygons_of
from napari_olivine.section import REGIONS, Section, read_annotation

REGIONS_INPUT = f"annotations/{REGIONS}"
"""The region of study as an input of products."""


def study_region(section: Section) -> Region | None:
    """Return the region of study of a section, `None` while all of it is studied.

    Raises
    ------
    SectionError
        If the annotation is damaged.
    InputError
        If a polygon cannot be used, or no pixel is left.
    """
    if not section.has_annotation(REGIONS):
        return None
    polygons = polygons_of(section.annotation(REGIONS), section.pixel_size_um)
    file = section.path / f"{REGIONS_INPUT}.csv"
    remedy = "Correct the region of study in the Section dock, or give it anew with {step:regions}."
    refuse_faults(polygons, section, file, remedy)
    return region_of(polygons, section)


def region_inputs(section: Section) -> list[str]:
    """Name the region of study as an input of a product, if there is one."""
    return [REGIONS_INPUT] if section.has_annotation(REGIONS) else []


def refuse_faults(
    polygons: Sequence[Polygon], section: Section, file: Path, remedy: str, setting: str = ""
) -> None:
    """Raise an error that names every polygon that cannot be used, if any cannot.

    Parameters
    ----------
    polygons
        The polygons.
    section
        Their section.
    file
        Where they stand.
    remedy
        What to do.
    setting
        Setting that names the file.

    Raises
    ------
    InputError
        If a polygon crosses itself, lies outside the image or encloses no pixel.
    """
    shape = section.shape
    faults = [(one.name, fault_of(one, shape)) for one in polygons]
    if words := [f"{name} {fault}" for name, fault in faults if fault]:
        size = f"{shape[1]} x {shape[0]} pixels of {section.pixel_size_um:g} um"
        raise InputError(
            f"{file}: {'; '.join(words)}. The image has {size}.",
            remedy=remedy, setting=setting, file=file,
        )  # fmt: skip


def region_of(polygons: Sequence[Polygon], section: Section) -> Region:
    """Return the region that polygons make.

    Parameters
    ----------
    polygons
        Polygons with their use as their classification.
    section
        Their section.

    Raises
    ------
    InputError
        If nothing of the section is left.
    """
    region = _region(polygons, section.shape)
    if region.empty:
        raise InputError(
            f"The region of study leaves nothing of {section.path}: all that is kept is left out "
            "too.",
            remedy="Make what is left out smaller in the Section dock, or give it anew with "
            "{step:regions}.",
        )
    return region


def copy_region(section: Section, folder: Path) -> None:
    """Keep the region of study as it is now in the folder of a product that is made within it."""
    copy = folder / f"{REGIONS}.csv"
    copy.unlink(missing_ok=True)
    if section.has_annotation(REGIONS):
        shutil.copyfile(section.path / f"{REGIONS_INPUT}.csv", copy)


def copied_region(section: Section, folder: Path) -> Region | None:
    """Return the region in which a product was made, `None` if that was the whole section."""
    copy = folder / f"{REGIONS}.csv"
    if not copy.exists():
        return None
    return _region(polygons_of(read_annotation(copy), section.pixel_size_um), section.shape)


def _region(polygons: Sequence[Polygon], shape: tuple[int, int]) -> Region:
    keep, leave_out = (
        [one for one in polygons if one.classification == use] for use in ("keep", "leave_out")
    )
    return Region(shape, keep, leave_out)
