"""The pixels of the section: their size, and how they lie to the stage of the instrument."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.overlaid import Overlaid
from napari_olivine.readers.assemble.pixel_size_question import ask_if_undecided, statements_of
from napari_olivine.readers.formats.metadata import OBLONG, PixelSizes, contradictions, stated
from napari_olivine.readers.formats.text import (
    Standards,
    is_standard_file,
    pixel_sizes_um,
    read_standards,
)
from napari_olivine.readers.mosaic import Layout, StageFrame
from napari_olivine.section import Tiles


@dataclass(frozen=True)
class Frame:
    """The pixels of the section, on which sessions, EPMA analyses and submaps are placed.

    Parameters
    ----------
    shape
        Rows and columns.
    pixel_size_um
        Side of a pixel, um.
    pixel_source
        What states it, in words that go on from "by ...".
    layout
        Where the tiles lie, `None` without tiles.
    standard
        XMapTools' standard file, which has the corners of the map on the stage.
    remarks
        What the person should know, in sentences.
    """

    shape: tuple[int, int]
    pixel_size_um: float
    pixel_source: str
    layout: Layout | None = None
    standard: Standards | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def tiles(self) -> Tiles | None:
        """The tiles, `None` without."""
        return self.layout.tiles if self.layout is not None else None

    @property
    def stage(self) -> StageFrame | None:
        """The stage against the pixels, `None` if it is not known."""
        return self.layout.stage if self.layout is not None else None


def find_frame(
    folder: Path, overlaid: Overlaid, layout: Layout | None, settings: ImportSettings
) -> Frame:
    """Find how large a pixel is: by the settings, the images, or the corners of the map.

    Parameters
    ----------
    folder
        Folder of the images.
    overlaid
        The signals.
    layout
        Where the tiles of BSE lie, `None` without tiles.
    settings
        `pixel_size_um` goes before what the files say.

    Returns
    -------
    Frame
        The pixels of the section.

    Raises
    ------
    InputError
        If nothing says how large a pixel is, or measured sizes contradict each other.
    """
    shape = overlaid.shape
    files = [file for file in sorted(folder.glob("*.txt")) if is_standard_file(file)]
    standard = read_standards(files[0]) if files else None
    sizes = _sizes(overlaid, standard, settings)
    ask_if_undecided(folder, sizes, settings, shape, "the image")
    if not sizes:
        refused = overlaid.acquisition.pixel_source
        but = f", they state only {refused}" if refused else ""
        raise InputError(
            f"{folder}: the files do not say how large a pixel is{but}.",
            remedy="Give {setting:pixel_size_um} (or, for text maps, add the standard file of "
            "XMapTools with the corners of the map).",
            setting="pixel_size_um",
            file=folder,
        )
    remarks = contradictions(sizes, taken=True)
    remarks += [
        f"{file.name} is left out: a section has one standard file, {files[0].name} is taken"
        for file in files[1:]
    ]
    return Frame(shape, sizes[0].size_um, sizes[0].source, layout, standard, remarks)


def _sizes(overlaid: Overlaid, standard: Standards | None, settings: ImportSettings) -> PixelSizes:
    """Every statement of how large a pixel is: the person's, the images', the map's corners."""
    shape, by_corners = overlaid.shape, None
    if standard is not None:
        by_corners = round(sum(pixel_sizes_um(standard, shape)) / 2, 6)
    by_setting = stated((settings.pixel_size_um, "the setting"))
    corners = f"the corners in {standard.file.name}" if standard else ""
    by_files = statements_of(overlaid.acquisition) + stated((by_corners, corners, OBLONG))
    # What was measured goes before a resolution in dots an inch.
    return by_setting + tuple(sorted(by_files, key=lambda one: not one.measured))
