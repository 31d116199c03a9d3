"""The pixels of the mineral: segmentation, mask, crystals outlined, or all rock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from napari_olivine.calibration.grey import CalibrationGrey
from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.errors import InputError, SectionError
from napari_olivine.section import (
    OUTLINES,
    Draft,
    Raster,
    Section,
    create_raster,
    vesicle_threshold,
)

OUTLINE: Final = "outline"
"""Product with the crystals that were outlined, by hand or by their grey."""

Source = Literal["joint", "segmentation", "mask", "drawn", "outline"]
"""Where the pixels of the mineral come from; ``"outline"`` is by grey."""

SOURCES: dict[str, str] = {
    "joint": "the joint segmentation",
    "segmentation": "the segmentation",
    "mask": "the reference mask",
    "drawn": "outlines drawn by hand",
    "outline": "outlines by grey",
}
"""The sources in words."""

OVERVIEW_PX = 4_000_000
"""Most pixels from which the grey of voids is found."""

CORNERS = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Phase:
    """Pixels of the mineral.

    Parameters
    ----------
    source
        Where they come from.
    raster
        Image that is 1 on the mineral.
    """

    source: Source
    raster: Raster

    @property
    def product(self) -> str:
        """Product that has the image."""
        return OUTLINE if self.source == "drawn" else self.source

    def pixels(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Return the pixels of the mineral in a window."""
        return np.asarray(self.raster.read(rows, columns) == 1)


@dataclass(frozen=True)
class RockPixels:
    """All rock, where nothing says which pixels are the mineral.

    Parameters
    ----------
    grey
        BSE grey.
    void_grey
        Grey below which a pixel is a void or resin; None if there is none.
    """

    grey: CalibrationGrey
    void_grey: float | None

    def pixels(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Return the pixels of rock in a window, without those mixed with what is beside it."""
        image = self.grey.window(rows, columns)
        if self.void_grey is None:
            return np.isfinite(image)
        return np.asarray(binary_erosion(image >= self.void_grey, CORNERS, border_value=1))


def create_outline(draft: Draft, section: Section, origin: str) -> Raster:
    """Create the image of the product ``outline``, 1 on the mineral.

    Parameters
    ----------
    draft
        Draft of the product.
    section
        Its section.
    origin
        Where the pixels come from, in words.

    Returns
    -------
    Raster
        The image, 0 everywhere.
    """
    return create_raster(
        draft.path / "olivine",
        section.shape,
        "uint8",
        section.pixel_size_um,
        reduction="nearest",
        origin=origin,
    )


def open_rock(grey: CalibrationGrey) -> RockPixels:
    """Find the grey of voids and resin, from a coarse level of the image."""
    levels = grey.raster.levels
    coarse = next((one for one in levels if np.prod(one.shape) <= OVERVIEW_PX), levels[-1])
    image = np.asarray(coarse[:, :], np.float32)
    return RockPixels(grey, vesicle_threshold(image[image > 0]))


def phase_source(section: Section, settings: CalibrateSettings) -> Source:
    """Choose where the pixels of the mineral come from.

    What a person outlined by hand goes before all else. Without that, a segmentation, a mask, and
    maps to make one from, it is ``"outline"``.

    Raises
    ------
    InputError
        If outlines are given that are not to be used.
    SectionError
        If it is missing or out of date; names the step that makes it.
    """
    if settings.outlines is not None and settings.phase_from not in ("auto", "drawn"):
        raise InputError(
            f"Outlines are given ({settings.outlines}), but the pixels are to come from "
            f"{SOURCES[settings.phase_from]}.",
            remedy="Set {setting:phase_from} to 'drawn', or leave {setting:outlines} empty.",
            setting="phase_from",
        )
    drawn = settings.outlines is not None or section.has_annotation(OUTLINES)
    if settings.phase_from == "drawn" or (settings.phase_from == "auto" and drawn):
        return "drawn"
    if settings.phase_from == OUTLINE:
        return OUTLINE
    if settings.phase_from in ("joint", "segmentation"):
        return _required(section, settings.phase_from)
    if settings.phase_from == "auto":
        # Never by BSE alone because the other is out of date: the same section would give two maps.
        if section.state("joint") != "missing":
            return _required(section, "joint")
        if section.state("segmentation") == "fresh":
            return "segmentation"
    state = section.state("segmentation")
    nothing = section.state("mask") == "missing" and state == "missing"
    if settings.phase_from == "auto" and nothing and set(section.record.signals) <= {"BSE"}:
        return OUTLINE
    section.require("mask")
    return "mask"


def _required(section: Section, source: Literal["joint", "segmentation"]) -> Source:
    """Return a segmentation as the source if it is up to date."""
    state = section.state(source)
    if state != "fresh":
        raise SectionError(
            f"{SOURCES[source].capitalize()} of {section.path} is "
            f"{'out of date' if state == 'stale' else 'missing'}.",
            remedy="Run {step:segment} first, or set {setting:phase_from} to 'mask'.",
            setting="phase_from",
            step="segment",
        )
    return source


def open_phase(section: Section, source: Source, phase: str) -> Phase:
    """Open the image of the mineral.

    Parameters
    ----------
    section
        Section with the product.
    source
        Where the pixels come from.
    phase
        Name of the mineral's image; outlines are always those of ``"olivine"``.

    Returns
    -------
    Phase
        Its pixels.

    Raises
    ------
    InputError
        If the product has no image of that name.
    """
    product: str = source
    if source in ("drawn", OUTLINE):
        product, phase = OUTLINE, "olivine"
    folder = section.require(product).path
    names = sorted(file.parent.name for file in folder.glob("*/zarr.json"))
    if phase not in names:
        raise InputError(
            f"{folder} has no mask of {phase!r}; it has {', '.join(names) or 'none'}.",
            remedy="Set {setting:phase} to one of these.",
            setting="phase",
            file=folder,
            expected=", ".join(names),
        )
    return Phase(source, section.raster(product, phase))
