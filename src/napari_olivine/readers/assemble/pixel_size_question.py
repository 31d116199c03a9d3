"""The size of a pixel where measured sources contradict each other: it is asked, never chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_olivine.errors import Choice, InputError
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import Acquisition, PixelSize
from napari_olivine.readers.formats.metadata import stated, undecided


def statements_of(acquisition: Acquisition) -> tuple[PixelSize, ...]:
    """Return every statement of how large a pixel is, the one that is taken first."""
    if acquisition.pixel_sizes:
        return acquisition.pixel_sizes
    return stated((acquisition.pixel_size_um, acquisition.pixel_source or "the files"))


def ask_if_undecided(
    folder: Path,
    sizes: Sequence[PixelSize],
    settings: ImportSettings,
    shape: tuple[int, int],
    what: str,
) -> None:
    """Ask for the size of a pixel where the files do not decide it.

    Parameters
    ----------
    folder
        Folder of the images.
    sizes
        Statements of the files, the most trusted first.
    settings
        Nothing is asked where `pixel_size_um` is given.
    shape
        Rows and columns of what is imported.
    what
        What has that shape, e.g. ``"the image"``.

    Raises
    ------
    InputError
        With the choices and what follows from each, where measured sizes contradict each other.
    """
    if settings.pixel_size_um is not None or not (apart := undecided(sizes)):
        return
    rows, columns = shape
    choices = [
        Choice(
            f"{one.size_um:.10g}",
            f"{one.size_um:.5g} um by {one.source}: {what} is then "
            f"{columns * one.size_um / 1000:.4g} x {rows * one.size_um / 1000:.4g} mm",
        )
        for one in apart
    ]
    listed = "\n  ".join(choice.words for choice in choices)
    raise InputError(
        f"{folder}: the sources of the size of a pixel contradict each other, and nothing tells "
        f"which of them is right:\n  {listed}",
        remedy="Measure a scale bar, and give {setting:pixel_size_um}, one of these or what you "
        "measured. Every length and area goes by it.",
        setting="pixel_size_um",
        file=folder,
        choices=choices,
    )
