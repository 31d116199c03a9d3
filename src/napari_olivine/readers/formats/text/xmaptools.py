"""The standard file of XMapTools: where the map lies on the stage, and spot analyses on it.

Lanari, P. et al. (2014), XMapTools: a MATLAB-based program for electron microprobe X-ray image
processing and geothermobarometry, Computers & Geosciences 62, 227-240,
doi:10.1016/j.cageo.2013.08.010.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import OXIDES, column_name

LARGEST = 1 << 20
"""A larger file is no standard file, bytes."""

PROFILE = "spots"
"""Name of the profile that the spot analyses become."""

SQUARE = 0.02
"""Pixel sizes along x and y may differ by this fraction (corners are read off by hand)."""


@dataclass(frozen=True)
class Standards:
    """Contents of a standard file.

    Parameters
    ----------
    file
        The file.
    corners_mm
        Stage coordinates of the map's left, right, bottom and top edge, mm. The stage's axes may
        point either way: bottom and top are those of the map.
    spots
        One row per analysis: oxides in wt% and stage position X, Y in mm.
    """

    file: Path
    corners_mm: tuple[float, float, float, float]
    spots: pd.DataFrame


@dataclass(frozen=True)
class Frame:
    """Pixel size and place of a map.

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


def is_standard_file(file: Path) -> bool:
    """Tell whether a text file has the three blocks of a standard file."""
    if file.suffix.lower() != ".txt":
        return False
    try:
        return {"1", "2", "3"} <= set(_blocks(file))
    except InputError:
        return False


def read_standards(file: Path) -> Standards:
    """Read a standard file.

    Raises
    ------
    InputError
        If its corners, oxides or analyses cannot be understood.
    """
    blocks = _blocks(file)
    try:
        left, right, bottom, top = (float(cell) for cell in blocks["1"][0].split())
        headers = blocks["2"][0].split()
        rows = [[float(cell) for cell in line.split()] for line in blocks["3"]]
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"{file} is no standard file of XMapTools: block >1 needs the four numbers xleft "
            "xright ybottom ytop, >2 the oxides ending with X Y, >3 one line of numbers an "
            f"analysis ({error})."
        ) from error
    if [header.upper() for header in headers[-2:]] != ["X", "Y"]:
        raise InputError(f"{file}: the columns under >2 must end with X Y, not {headers[-2:]}.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(headers):
            raise InputError(
                f"{file}: analysis {number} has {len(row)} numbers, but >2 names {len(headers)}."
            )
    if left == right or bottom == top:
        raise InputError(f"{file}: the corners under >1 enclose nothing.")
    if not np.isfinite([left, right, bottom, top, *(cell for row in rows for cell in row)]).all():
        raise InputError(f"{file} holds a number that is not finite.")
    names = [column_name(header) or header for header in headers[:-2]]
    spots = pd.DataFrame(np.reshape(rows, (len(rows), len(headers))), columns=[*names, "X", "Y"])
    absent = [oxide for oxide in ("MgO", "FeO") if oxide not in spots]
    if absent and len(spots):
        raise InputError(f"{file} has no {' and no '.join(absent)}; mg# needs MgO and FeO in wt%.")
    return Standards(file, (left, right, bottom, top), spots)


def pixel_sizes_um(standards: Standards, shape: tuple[int, int]) -> tuple[float, float]:
    """Side of a pixel along x and along y, um, from the corners of a map.

    The corners are the centres of the corner pixels.

    Raises
    ------
    InputError
        If pixels come out oblong: then the corners belong to another map.
    """
    left, right, bottom, top = standards.corners_mm
    along_x = abs(right - left) * 1000 / (shape[1] - 1)
    along_y = abs(top - bottom) * 1000 / (shape[0] - 1)
    if abs(along_x - along_y) > SQUARE * max(along_x, along_y):
        raise InputError(
            f"{standards.file}: by its corners a pixel is {along_x:.4g} um wide and "
            f"{along_y:.4g} um high for maps of {shape[0]} x {shape[1]} px (rows x columns); "
            "only square pixels can be used. Are these the corners of these maps?"
        )
    return along_x, along_y


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


def spot_analyses(
    standards: Standards, shape: tuple[int, int], pixel_size_um: float
) -> pd.DataFrame:
    """Place the spot analyses in the map.

    Parameters
    ----------
    standards
        Standard file.
    shape
        Rows and columns of the map.
    pixel_size_um
        Side of a pixel in the section, um.

    Returns
    -------
    analyses
        One profile ``spots``: point, distance_um (NaN), oxides, Total, x_um, y_um.
    """
    left, right, bottom, top = standards.corners_mm
    spots = standards.spots
    table = spots[[name for name in spots if name in OXIDES]].copy()
    table.insert(0, "profile", PROFILE)
    table.insert(1, "point", np.arange(1, len(spots) + 1))
    table["Total"] = table[[name for name in table if name in OXIDES]].sum(axis=1)
    # Rows count from the top edge down, whichever way the stage's axis points.
    table["x_um"] = (spots["X"] - left) / (right - left) * (shape[1] - 1) * pixel_size_um
    table["y_um"] = (spots["Y"] - top) / (bottom - top) * (shape[0] - 1) * pixel_size_um
    return table


@lru_cache(maxsize=256)
def _standards(file: Path, _time: int) -> Standards | None:
    try:
        return read_standards(file) if is_standard_file(file) else None
    except (InputError, OSError):
        return None


def _blocks(file: Path) -> dict[str, list[str]]:
    """Lines under each heading that begins with ``>`` and a number."""
    if file.exists() and not file.is_file():  # a pipe or a device would block
        raise InputError(f"{file} is no file that can be read.")
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error}).") from error
    if len(content) > LARGEST:
        raise InputError(f"{file} is too large for a standard file of XMapTools.")
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in content.decode("utf-8-sig", "replace").splitlines():
        text = line.strip()
        if text.startswith(">"):
            current = blocks.setdefault(text[1:2], [])
        elif text and not text.startswith(("!", "%", "#")):
            current.append(text)
    return blocks
