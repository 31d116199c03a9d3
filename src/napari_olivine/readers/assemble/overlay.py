"""Overlay: lay the images of every signal over the pixels of the BSE image."""

from __future__ import annotations

from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.identify import Identified
from napari_olivine.readers.assemble.overlaid import Overlaid
from napari_olivine.readers.assemble.overlay_images import overlay_images
from napari_olivine.readers.assemble.overlay_tiles import overlay_tiles
from napari_olivine.readers.assemble.place import Placed


def overlay(identified: Identified, placed: Placed, settings: ImportSettings, job: Job) -> Overlaid:
    """Lay the images of every signal over the BSE image.

    Parameters
    ----------
    identified
        The images by their signals.
    placed
        Where the tiles of BSE lie.
    settings
        Settings of the import.
    job
        Running job.

    Returns
    -------
    Overlaid
        A reader of each signal; images that show something else than BSE apart.

    Raises
    ------
    InputError
        If an image of BSE cannot be used.
    """
    if placed.layout is None:
        return overlay_images(identified.folder, identified.images, settings)
    return overlay_tiles(identified.images, placed, placed.layout, settings, job)
