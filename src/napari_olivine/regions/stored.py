"""The region of study that a section holds, and the copy in a product that was made within it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.polygons import Polygon, refuse_faults
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
    refuse_faults(polygons, section.shape, section.pixel_size_um, file, remedy)
    return region_of(polygons, section)


def region_inputs(section: Section) -> list[str]:
    """Name the region of study as an input of a product, if there is one."""
    return [REGIONS_INPUT] if section.has_annotation(REGIONS) else []


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
