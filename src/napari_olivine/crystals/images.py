"""The images that crystals are found and measured on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from napari_olivine.crystals.labels import Labels
from napari_olivine.crystals.phase_sources import phases_told, pixels_of
from napari_olivine.crystals.settings import OLIVINE
from napari_olivine.regions import Region
from napari_olivine.section import Raster, Section, Tiles, image_name


@dataclass(frozen=True)
class Images:
    """Rasters that crystals are measured on; `None` where the section has none."""

    labels: Labels
    mg: Raster | None = None
    grey: Raster | None = None
    probability: Raster | None = None
    opinion: Labels | None = None
    """The phase as another product classifies it: 0 no, 1 yes, 255 unknown."""
    tiles: Tiles | None = None
    """Tiles of the mosaic, `None` for a whole image."""
    region: Region | None = None
    """Region of study, `None` where the whole section is studied."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the section."""
        rows, columns = self.labels.shape
        return rows, columns


def other_opinion(section: Section, source: str, phase: str = OLIVINE) -> str:
    """Name the product that classifies pixels as the phase beside the crystals' own.

    Parameters
    ----------
    section
        Section of the crystals.
    source
        Product whose pixels make the crystals.
    phase
        Their mineral.

    Returns
    -------
    str
        Empty where no other product tells this phase.
    """
    other = "segmentation" if source == "mask" else "mask"
    return other if phase == OLIVINE or phase in phases_told(section)[other] else ""


def crystal_images(
    section: Section,
    labels: Labels,
    source: str,
    inputs: Collection[str],
    region: Region | None = None,
    phase: str = OLIVINE,
) -> Images:
    """Open the images of a section that crystals are measured on.

    Parameters
    ----------
    section
        Section of the crystals.
    labels
        Their ids.
    source
        What makes the crystals: a segmentation (``"joint"``, ``"segmentation"``), ``"mask"`` or
        ``"labels"`` (from elsewhere).
    inputs
        Products that they may be measured on.
    region
        Region of study, `None` for the whole section.
    phase
        Mineral of the crystals.

    Returns
    -------
    Images
        Rasters; `None` for each that the section or `inputs` lack.
    """
    other, name = other_opinion(section, source, phase), image_name(phase)
    return Images(
        labels,
        mg=section.raster("mg", "mg") if "mg" in inputs else None,
        grey=section.raster("images", "BSE") if "BSE" in section.record.signals else None,
        probability=section.raster("probability", name) if "probability" in inputs else None,
        opinion=pixels_of(section, other, phase) if other in inputs else None,
        tiles=section.tiles(),
        region=region,
    )
