"""Place the tiles of the BSE image: as described, by the stage or by their names."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.identify import Identified
from napari_olivine.readers.assemble.pixel_size_question import ask_if_undecided, statements_of
from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.mosaic import (
    Layout,
    described_layout,
    holes,
    place_mosaic,
    read_headers,
)
from napari_olivine.readers.signals import ImageRef


@dataclass(frozen=True)
class Placed:
    """Where the tiles of BSE lie.

    Parameters
    ----------
    layout
        The tiles in their places, `None` if BSE is one image.
    bse
        Images of the tiles, opened if that was necessary.
    acquisition
        What the tiles say alike of their acquisition, or ``section.json`` of it.
    lost
        What is wrong with images that have no place, and holes in the grid, in sentences.
    """

    layout: Layout | None = None
    bse: list[ImageRef] = field(default_factory=list)
    acquisition: Acquisition = field(default_factory=Acquisition)
    lost: list[str] = field(default_factory=list)


def place_bse(identified: Identified, settings: ImportSettings, job: Job) -> Placed:
    """Find where the tiles of BSE lie; some hundred of them are read.

    Parameters
    ----------
    identified
        The images by their signals.
    settings
        Settings of the import.
    job
        Running job.

    Returns
    -------
    Placed
        Without a layout if BSE is one image.

    Raises
    ------
    InputError
        If no place can be found for the tiles, or the size of their pixels must be asked for.
    """
    bse = identified.images[identified.reference]
    if (description := identified.description) is not None:
        acquisition = Acquisition(
            pixel_size_um=description.pixel_size_um,
            pixel_source="section.json",
            accelerating_voltage_kv=description.accelerating_voltage_kV,
        )
        return Placed(described_layout(description), bse, acquisition)
    if not identified.are_tiles:
        return Placed()
    headers = read_headers(identified.folder, bse, job, identified.reference)
    for image in list(headers.images.values())[:1]:
        sizes = statements_of(headers.acquisition)
        ask_if_undecided(identified.folder, sizes, settings, image.shape, "a tile")
    layout = place_mosaic(identified.folder, headers, settings, job)
    opened = [headers.opened(image) for image in bse]
    return Placed(layout, opened, headers.acquisition, headers.wrong + holes(layout))
