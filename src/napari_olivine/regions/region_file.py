"""The polygons of a region of study in GeoJSON files: annotations as QuPath has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.polygons import HALF_PX, GeoJsonFile, Polygon, feature_of, read_geojson
from napari_olivine.section import REGION_USES, atomic_path

CLASSES = {"keep": "Keep", "leave_out": "Leave out"}
"""Class of QuPath of each use."""

COLOURS = {"keep": (0, 158, 115), "leave_out": (128, 128, 128)}
"""Colour of each class, red, green and blue."""

USES = {one.lower(): use for use in REGION_USES for one in (use, CLASSES[use])}
"""Use of each class."""


def read_regions(file: Path, setting: str, called: str = "region") -> tuple[list[Polygon], int]:
    """Read the polygons of a file.

    Parameters
    ----------
    file
        GeoJSON file, see :func:`~napari_olivine.polygons.read_geojson`.
    setting
        Setting that names the file, for errors.
    called
        What a polygon without a name is called, with its number.

    Returns
    -------
    polygons, other
        The polygons, with their use as their classification, which is empty where their class
        tells none; and the number of geometries that are no polygons.

    Raises
    ------
    InputError
        If the file cannot be read or holds no polygon.
    """
    polygons, other = read_geojson(file, setting, called)
    uses = [USES.get(one.classification.lower(), "") for one in polygons]
    named = zip(polygons, uses, strict=True)
    return [replace(one, classification=use) for one, use in named], other


def write_regions(polygons: Sequence[Polygon], file: Path) -> None:
    """Write polygons as annotations of QuPath.

    Parameters
    ----------
    polygons
        Polygons with their use as their classification.
    file
        File to write.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    try:
        with atomic_path(file) as partial, GeoJsonFile(partial) as out:
            for number, one in enumerate(polygons, 1):
                out.add(_feature(one, number))
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error}", setting="export", file=file
        ) from error


def _feature(polygon: Polygon, number: int) -> dict[str, object]:
    use = polygon.classification
    properties = {
        "objectType": "annotation",
        "name": polygon.name,
        "classification": {"name": CLASSES[use], "color": list(COLOURS[use])},
    }
    rings = [ring[:, ::-1] + HALF_PX for ring in polygon.rings]
    return feature_of([rings], properties, number)
