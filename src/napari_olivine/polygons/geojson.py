"""Polygons as GeoJSON, which QuPath, GIS programs and GeoPandas read and write.

References
----------
Butler et al. (2016), The GeoJSON format, RFC 7946, doi 10.17487/RFC7946. QuPath writes pixels
where the standard has degrees.

Bankhead et al. (2017), QuPath: open source software for digital pathology image analysis,
Scientific Reports 7, 16878, doi 10.1038/s41598-017-17204-5.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError, first_line
from napari_olivine.polygons.polygon import Floats, Polygon

HALF_PX = 0.5
"""QuPath counts from the corner of the first pixel, a section from its centre."""


def read_geojson(file: Path, setting: str, called: str) -> tuple[list[Polygon], int]:
    """Read the polygons of a file.

    Parameters
    ----------
    file
        A feature collection, a list of features, a feature or a geometry. Coordinates are x, y in
        pixels of the BSE image from the upper left corner of its first pixel.
    setting
        Setting that names the file, for errors.
    called
        What a polygon without a name is called, with its number.

    Returns
    -------
    polygons, other
        The polygons, each with a name of its own, and the number of geometries that are none, such
        as points.

    Raises
    ------
    InputError
        If the file cannot be read or holds no polygon.
    """
    try:
        found = list(_geometries(json.loads(file.read_text(encoding="utf-8-sig")), {}))
        polygons = [
            one for geometry, properties in found for one in _polygons(geometry, properties)
        ]
    except FileNotFoundError as error:
        raise InputError(
            f"There is no file {file}.",
            remedy=f"Give a GeoJSON file that exists as {{setting:{setting}}}.",
            setting=setting,
            file=file,
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{file} cannot be read as GeoJSON ({first_line(error)}).",
            remedy="Export the polygons as GeoJSON, e.g. from QuPath, and give that file as "
            f"{{setting:{setting}}}.",
            setting=setting,
            file=file,
        ) from error
    if not polygons:
        raise InputError(
            f"{file} holds no polygon.",
            remedy="Draw polygons, and export them again.",
            setting=setting,
            file=file,
            expected="Polygon or MultiPolygon",
        )
    drawn = sum(geometry["type"] in ("Polygon", "MultiPolygon") for geometry, _ in found)
    return with_own_names(polygons, called), len(found) - drawn


def with_own_names(polygons: Iterable[Polygon], called: str) -> list[Polygon]:
    """Give each polygon a name that no other has.

    Parameters
    ----------
    polygons
        The polygons.
    called
        What one without a name is called, with its number.
    """
    names: set[str] = set()
    named = []
    for place, one in enumerate(polygons, 1):
        wished, count = one.name or f"{called} {place}", 1
        name = wished
        while name in names:
            count += 1
            name = f"{wished} ({count})"
        names.add(name)
        named.append(replace(one, name=name))
    return named


class GeoJsonFile:
    """A FeatureCollection that grows by one feature at a time.

    Parameters
    ----------
    file
        File to write.
    """

    def __init__(self, file: Path) -> None:
        self._out = file.open("w", encoding="utf-8", newline="\n")
        self._out.write('{"type": "FeatureCollection", "features": [')
        self._separator = "\n"

    def __enter__(self) -> GeoJsonFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._out:
            if error is None:
                self._out.write("\n]}\n")

    def add(self, feature: Mapping[str, Any]) -> None:
        """Add one feature, see `feature_of`."""
        self._out.write(self._separator)
        self._out.write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
        self._separator = ",\n"


def feature_of(
    polygons: Sequence[Sequence[NDArray[Any]]], properties: Mapping[str, Any], number: int
) -> dict[str, Any]:
    """Make a feature of GeoJSON.

    Parameters
    ----------
    polygons
        Rings of each of its parts, corners x, y, px from the upper left corner of the first pixel,
        shape (corners, 2).
    properties
        What is known of it.
    number
        Its identifier.

    Returns
    -------
    dict
        The feature, a Polygon or, of several parts, a MultiPolygon.
    """
    closed = [
        [[*ring, ring[0]] for ring in (ring.tolist() for ring in polygon)] for polygon in polygons
    ]
    several = len(closed) > 1
    return {
        "type": "Feature",
        "id": number,
        "geometry": {
            "type": "MultiPolygon" if several else "Polygon",
            "coordinates": closed if several else closed[0],
        },
        "properties": properties,
    }


# ---------------------------------------------------------------------- inside


def _geometries(
    value: Any, properties: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Yield the geometries of a value with the properties of their features."""
    if isinstance(value, list):
        for one in value:
            yield from _geometries(one, properties)
        return
    kind = value["type"]
    if kind == "FeatureCollection":
        yield from _geometries(value["features"], properties)
    elif kind == "Feature":
        if value.get("geometry") is not None:
            yield from _geometries(value["geometry"], value.get("properties") or {})
    elif kind == "GeometryCollection":
        yield from _geometries(value["geometries"], properties)
    else:
        yield value, properties


def _polygons(geometry: dict[str, Any], properties: Mapping[str, Any]) -> Iterator[Polygon]:
    kind = geometry["type"]
    if kind not in ("Polygon", "MultiPolygon"):
        return
    name = str(properties.get("name") or "")
    classification = str((properties.get("classification") or {}).get("name") or "")
    parts = geometry["coordinates"]
    for rings in [parts] if kind == "Polygon" else parts:
        yield Polygon(name, tuple(_ring(ring) for ring in rings), classification)


def _ring(coordinates: Any) -> Floats:
    corners = np.array([[corner[1], corner[0]] for corner in coordinates], float) - HALF_PX
    if len(corners) == 0 or not np.isfinite(corners).all():
        raise ValueError("a ring without corners, or a coordinate that is no number")
    return corners[:-1] if len(corners) > 1 and (corners[0] == corners[-1]).all() else corners
