"""The images that crystals are found and measured on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from napari_olivine.regions import Region
from napari_olivine.section import Raster, Section, Tiles


class Labels(Protocol):
    """Ids of crystals, on disk or as they will be there."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns at full resolution."""

    @property
    def pixel_size_um(self) -> float:
        """Side of a pixel at full resolution, um."""

    @property
    def level_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of each level of the pyramid."""

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[Any]:
        """Read a window of a level.

        Parameters
        ----------
        rows, columns
            Window in pixels of that level.
        level
            Level of the pyramid, 0 for full resolution.
        """


@dataclass(frozen=True)
class Images:
    """Rasters that crystals are measured on; `None` where the section has none."""

    labels: Labels
    mg: Raster | None = None
    grey: Raster | None = None
    probability: Raster | None = None
    opinion: Raster | None = None
    """Olivine as another product classifies it: 0 no, 1 yes, 255 unknown."""
    tiles: Tiles | None = None
    """Tiles of the mosaic, `None` for a whole image."""
    region: Region | None = None
    """Region of study, `None` where the whole section is studied."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the section."""
        rows, columns = self.labels.shape
        return rows, columns


def other_opinion(phase: str) -> str:
    """Name the other product that classifies pixels as olivine, not the crystals' own."""
    return "segmentation" if phase == "mask" else "mask"


def crystal_images(
    section: Section,
    labels: Labels,
    phase: str,
    inputs: Collection[str],
    region: Region | None = None,
) -> Images:
    """Open the images of a section that crystals are measured on.

    Parameters
    ----------
    section
        Section of the crystals.
    labels
        Their ids.
    phase
        What makes the crystals: a segmentation (``"joint"``, ``"segmentation"``), ``"mask"`` or
        ``"labels"`` (from elsewhere).
    inputs
        Products that they may be measured on.
    region
        Region of study, `None` for the whole section.

    Returns
    -------
    Images
        Rasters; `None` for each that the section or `inputs` lack.
    """
    other = other_opinion(phase)
    return Images(
        labels,
        mg=section.raster("mg", "mg") if "mg" in inputs else None,
        grey=section.raster("images", "BSE") if "BSE" in section.record.signals else None,
        probability=section.raster("probability", "olivine") if "probability" in inputs else None,
        opinion=section.raster(other, "olivine") if other in inputs else None,
        tiles=section.tiles(),
        region=region,
    )
