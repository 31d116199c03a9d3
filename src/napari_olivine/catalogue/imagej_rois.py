"""Outlines as a set of ROIs, which ImageJ and Fiji open in their ROI Manager."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_TYPE, ImagejRoi

from napari_olivine.catalogue.crystal_features import crystal_name
from napari_olivine.crystals import CLASS_TITLES, rgb
from napari_olivine.polygons import Rings

LARGEST = 60_535
"""Largest coordinate, and number of corners, of a ROI with a single ring: ImageJ stores them in 16
bits, of which it takes the last 5000 values for negative."""

MOVE, LINE, CLOSE = 0.0, 1.0, 4.0
"""Segments of a path (java.awt.geom.PathIterator)."""


class RoiSet:
    """A ZIP file of ROIs that grows by one crystal at a time.

    A ROI with a single ring is a traced selection, one with holes or several parts a composite.
    Coordinates are corners of pixels, x and y, from the top left corner of the image. Each ROI has
    the colour of its class; a group would replace it by a colour of ImageJ.

    Parameters
    ----------
    file
        ZIP file to write.
    """

    def __init__(self, file: Path) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)

    def __enter__(self) -> RoiSet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def add(self, crystal: Mapping[Any, Any], name: str, polygons: list[Rings]) -> None:
        """Add one crystal.

        Parameters
        ----------
        crystal
            Its row of the table.
        name
            Its class, a key of `CLASS_TITLES`.
        polygons
            Its parts, in pixels of the section.
        """
        rings = [ring for polygon in polygons for ring in polygon]
        single = len(rings) == 1 and len(rings[0]) <= LARGEST and rings[0].max() <= LARGEST
        roi = _traced(rings[0]) if single else _composite(rings)
        roi.name = crystal_name(crystal)
        roi.stroke_color = bytes((255, *rgb(name)))
        roi.properties = {"crystal": int(crystal["id"]), "class": CLASS_TITLES[name]}
        self._zip.writestr(f"{roi.name}.roi", roi.tobytes())


def _traced(ring: NDArray[np.int64]) -> ImagejRoi:
    roi = ImagejRoi.frompoints(ring, name="")
    roi.roitype = ROI_TYPE.TRACED
    return roi


def _composite(rings: list[NDArray[np.int64]]) -> ImagejRoi:
    path = np.concatenate([_path(ring) for ring in rings])
    roi = ImagejRoi(roitype=ROI_TYPE.RECT)
    # ImageJ takes the bounds of a composite from its path; the 16 bits beside may be too few.
    (roi.left, roi.top), (roi.right, roi.bottom) = (
        np.clip(bound, 0, LARGEST).tolist()
        for bound in (
            np.min([ring.min(axis=0) for ring in rings], axis=0),
            np.max([ring.max(axis=0) for ring in rings], axis=0),
        )
    )
    roi.shape_roi_size = len(path)
    roi.multi_coordinates = path
    return roi


def _path(ring: NDArray[np.int64]) -> NDArray[np.float32]:
    """Segments of a closed ring, one after the other: kind, x, y; to close takes the kind alone."""
    segments = np.empty((len(ring), 3), np.float32)
    segments[:, 0], segments[:, 1:] = LINE, ring
    segments[0, 0] = MOVE
    return np.append(segments.ravel(), np.float32(CLOSE))
