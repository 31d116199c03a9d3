"""The pixels of the mineral: from the segmentation or from the mask."""

from __future__ import annotations

from dataclasses import dataclass

from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.errors import InputError, SectionError
from napari_olivine.section import Raster, Section


@dataclass(frozen=True)
class Phase:
    """Pixels of the mineral.

    Parameters
    ----------
    product
        ``"segmentation"`` or ``"mask"``.
    raster
        Its image: 1 on the mineral.
    """

    product: str
    raster: Raster


def phase_product(section: Section, settings: CalibrateSettings) -> str:
    """Choose the product whose pixels are the mineral.

    Raises
    ------
    SectionError
        If it is missing or out of date; names the step that makes it.
    """
    state = section.state("segmentation")
    if settings.phase_from == "segmentation" and state != "fresh":
        raise SectionError(
            f"The segmentation of {section.path} is "
            f"{'out of date' if state == 'stale' else 'missing'}.",
            remedy="Run {step:segment} first, or set {setting:phase_from} to 'mask'.",
            setting="phase_from",
            step="segment",
        )
    if settings.phase_from != "mask" and state == "fresh":
        return "segmentation"
    section.require("mask")
    return "mask"


def open_phase(section: Section, settings: CalibrateSettings) -> Phase:
    """Open the image of the mineral.

    Raises
    ------
    InputError
        If the product has no image of that name.
    """
    product = phase_product(section, settings)
    folder = section.require(product).path
    names = sorted(file.parent.name for file in folder.glob("*/zarr.json"))
    if settings.phase not in names:
        raise InputError(
            f"{folder} has no mask of {settings.phase!r}; it has {', '.join(names) or 'none'}.",
            remedy="Set {setting:phase} to one of these.",
            setting="phase",
            file=folder,
            expected=", ".join(names),
        )
    return Phase(product, section.raster(product, settings.phase))
