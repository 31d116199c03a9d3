"""Areas of the region of study, counted on a grid of some million points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_olivine.polygons import Polygon
from napari_olivine.regions.region import Region, at_level, coarse_level
from napari_olivine.section import Section

UM2_PER_MM2 = 1e6


def studied_mm2(section: Section, region: Region | None) -> tuple[float, float]:
    """Measure how much of a section is studied; gaps between its tiles are left out.

    Parameters
    ----------
    section
        Section with images.
    region
        Its region of study, `None` for the whole section.

    Returns
    -------
    studied, imaged
        Areas in mm2, right to about one part in a thousand.
    """
    inside, level = (region or Region(section.shape, (), ())).coarse()
    imaged = _imaged(section, inside.shape, level)
    rows, columns = section.shape
    whole = rows * columns * section.pixel_size_um**2 / UM2_PER_MM2
    return whole * float((inside & imaged).mean()), whole * float(imaged.mean())


def polygon_mm2(polygon: Polygon, section: Section) -> float:
    """Measure the area of a polygon, its holes left out, in mm2.

    What reaches beyond the section does not count.

    Parameters
    ----------
    polygon
        In pixels of the section.
    section
        The section.
    """
    row0, row1, column0, column1 = polygon.box
    if min(row0, column0) >= 0 and row1 < section.shape[0] and column1 < section.shape[1]:
        outline, *holes = (_shoelace(ring) for ring in polygon.rings)
        return (outline - sum(holes)) * section.pixel_size_um**2 / UM2_PER_MM2
    rows, columns = Region(section.shape, (polygon,), ()).box
    level = coarse_level(max(rows.stop - rows.start, columns.stop - columns.start))
    window = [slice(side.start >> level, -(-side.stop >> level)) for side in (rows, columns)]
    pixels = int(np.count_nonzero(at_level(polygon, level).pixels(window[0], window[1])))
    side_um = section.pixel_size_um * float(1 << level)
    return pixels * side_um * side_um / UM2_PER_MM2


def _shoelace(ring: NDArray[np.float64]) -> float:
    rows, columns = ring.T
    return abs(float((columns * np.roll(rows, -1) - np.roll(columns, -1) * rows).sum())) / 2


def _imaged(section: Section, shape: tuple[int, ...], level: int) -> NDArray[np.bool_]:
    tiles = section.tiles()
    if tiles is None:
        return np.ones(shape, bool)
    factor = 2**level
    inside = np.zeros(shape, bool)
    first = np.ceil((np.maximum(tiles.bounds, 0) - (factor - 1) / 2) / factor).astype(int)
    for row0, row1, col0, col1 in np.maximum(first, 0):
        inside[row0:row1, col0:col1] = True
    return inside
