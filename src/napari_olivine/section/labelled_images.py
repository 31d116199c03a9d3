"""Sections of labelled images: images that lie apart from each other, and labels as the mask."""

from __future__ import annotations

from collections.abc import Sequence

from napari_olivine.errors import SectionError
from napari_olivine.section.raster import Block
from napari_olivine.section.store import Section

APART = "images_apart"
"""Note of ``images``: its tiles are images by themselves, not parts of one picture."""

LABELS = "labels"
"""Note of ``mask``: it was imported as labels, not made from element maps; the name of the class
that stands in the place of olivine."""


def lie_apart(section: Section) -> bool:
    """Tell whether the tiles of a section are images by themselves."""
    try:
        images = section.product("images")
    except SectionError:  # its record is damaged, which whoever reads the images is told
        return False
    return images is not None and bool(images.notes.get(APART))


def is_of_labels(section: Section) -> bool:
    """Tell whether the mask of a section was imported as labels: no count speaks for it."""
    mask = section.product("mask")
    return mask is not None and LABELS in mask.notes


def image_by_image(section: Section, windows: Sequence[Block]) -> list[Block]:
    """Cut windows into the images that they hold, where these lie apart.

    Parameters
    ----------
    section
        The section.
    windows
        Rows and columns.

    Returns
    -------
    list of Block
        A window an image; the same windows where the section is one picture.
    """
    tiles = section.tiles() if lie_apart(section) else None
    if tiles is None:
        return list(windows)
    cut = []
    for rows, columns in windows:
        for row0, row1, col0, col1 in tiles.bounds[tiles.within(rows, columns)].tolist():
            down = slice(max(row0, rows.start), min(row1, rows.stop))
            along = slice(max(col0, columns.start), min(col1, columns.stop))
            cut.append((down, along))
    return cut
