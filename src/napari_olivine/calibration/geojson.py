"""Polygons of a GeoJSON file, as QuPath exports the objects that a person drew.

References
----------
Butler et al. (2016), The GeoJSON format, RFC 7946, doi 10.17487/RFC7946. QuPath writes pixels
where the standard has degrees.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_olivine.calibration.polygons import Floats, Polygon
from napari_olivine.errors import InputError, first_line

HALF_PX = 0.5
"""QuPath counts from the corner of the first pixel, a section from its centre."""


def read_geojson(file: Path) -> tuple[list[Polygon], int]:
    """Read the polygons of a file.

    Parameters
    ----------
    file
        A feature collection, a list of features, a feature or a geometry. Coordinates are x, y in
        pixels of the BSE image from the upper left corner of its first pixel.

    Returns
    -------
    polygons, other
        The polygons, and the number of geometries that are none, such as points.

    Raises
    ------
    InputError
        If the file cannot be read or holds no polygon.
    """
    try:
        found = list(_geometries(json.loads(file.read_text(encoding="utf-8-sig")), ""))
        polygons = [one for name, geometry in found for one in _polygons(geometry, name)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{file} cannot be read as GeoJSON ({first_line(error)}).",
            remedy="Export the outlines as GeoJSON, e.g. from QuPath, and give that file as "
            "{setting:outlines}.",
            setting="outlines",
            file=file,
        ) from error
    if not polygons:
        raise InputError(
            f"{file} holds no polygon.",
            remedy="Draw the outlines as polygons, and export them again.",
            setting="outlines",
            file=file,
            expected="Polygon or MultiPolygon",
        )
    drawn = sum(geometry["type"] in ("Polygon", "MultiPolygon") for _, geometry in found)
    return _with_own_names(polygons), len(found) - drawn


def _geometries(value: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the geometries of a value with the names of their features."""
    if isinstance(value, list):
        for one in value:
            yield from _geometries(one, name)
        return
    kind = value["type"]
    if kind == "FeatureCollection":
        yield from _geometries(value["features"], name)
    elif kind == "Feature":
        if value.get("geometry") is not None:
            properties = value.get("properties") or {}
            yield from _geometries(value["geometry"], str(properties.get("name") or ""))
    elif kind == "GeometryCollection":
        yield from _geometries(value["geometries"], name)
    else:
        yield name, value


def _polygons(geometry: dict[str, Any], name: str) -> Iterator[Polygon]:
    kind = geometry["type"]
    if kind in ("Polygon", "MultiPolygon"):
        parts = geometry["coordinates"]
        for rings in [parts] if kind == "Polygon" else parts:
            yield Polygon(name, tuple(_ring(ring) for ring in rings))


def _ring(coordinates: Any) -> Floats:
    corners = np.array([[corner[1], corner[0]] for corner in coordinates], float) - HALF_PX
    if len(corners) == 0 or not np.isfinite(corners).all():
        raise ValueError("a ring without corners, or a coordinate that is no number")
    return corners[:-1] if len(corners) > 1 and (corners[0] == corners[-1]).all() else corners


def _with_own_names(polygons: list[Polygon]) -> list[Polygon]:
    """Give each polygon a name that no other has."""
    names: set[str] = set()
    for place, one in enumerate(polygons, 1):
        name, count = one.name or f"outline {place}", 1
        while name in names:
            count += 1
            name = f"{one.name or f'outline {place}'} ({count})"
        names.add(name)
        polygons[place - 1] = Polygon(name, one.rings)
    return polygons
