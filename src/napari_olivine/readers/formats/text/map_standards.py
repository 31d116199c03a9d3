"""The XMapTools standard file beside a text map: how large its pixels are and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.formats.text.xmaptools import (
    Standards,
    is_standard_file,
    pixel_sizes_um,
    read_standards,
)

LARGEST = 1 << 20
"""A larger file is no standard file, bytes."""


@dataclass(frozen=True)
class Frame:
    """How large a map's pixels are and where it lies.

    Parameters
    ----------
    file
        The standard file that says so.
    pixel_size_um
        Side of a pixel, um.
    stage_um
        Stage position x, y of the map's centre, um.
    """

    file: Path
    pixel_size_um: float
    stage_um: tuple[float, float]


def standards_in(folder: Path) -> Standards | None:
    """Return the first standard file of a folder, `None` if it has none that can be used."""
    try:
        candidates = sorted(folder.glob("*.txt"))
        states = [(file, file.stat().st_size, file.stat().st_mtime_ns) for file in candidates]
    except OSError:
        return None
    found = (_standards(file, time) for file, size, time in states if size <= LARGEST)
    return next((standards for standards in found if standards), None)


def map_frame(folder: Path, shape: tuple[int, int]) -> Frame | None:
    """Return the frame of the maps of a folder.

    Parameters
    ----------
    folder
        The folder.
    shape
        Rows and columns of a map.

    Returns
    -------
    frame
        `None` where no standard file says it, or its corners do not fit a map of that shape.
    """
    standards = standards_in(folder)
    if standards is None or min(shape) < 2:
        return None
    try:
        along_x, along_y = pixel_sizes_um(standards, shape)
    except InputError:
        return None
    left, right, bottom, top = standards.corners_mm
    size = round((along_x + along_y) / 2, 6)
    return Frame(standards.file, size, ((left + right) * 500, (bottom + top) * 500))


@lru_cache(maxsize=256)
def _standards(file: Path, _time: int) -> Standards | None:
    try:
        return read_standards(file) if is_standard_file(file) else None
    except (InputError, OSError):
        return None
