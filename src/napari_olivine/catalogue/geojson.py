"""Outlines as GeoJSON, which QuPath, GIS programs and GeoPandas read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from napari_olivine.catalogue.polygons import Polygon
from napari_olivine.crystals import CLASS_TITLES, rgb

MEASUREMENTS = (
    "area_um2", "equivalent_diameter_um", "perimeter_um", "feret_max_um", "feret_min_um",
    "aspect_ratio", "circularity", "solidity", "hole_fraction",
    "mg_core", "mg_rim", "mg_mean", "mg_difference", "mean_probability",
)  # fmt: skip
"""Columns that a crystal carries along; all others stand in crystals.csv, by id."""

LABELS = ("size_class", "zoning_class", "zone_class", "verdict")
"""Columns of text that it carries along."""


class GeoJsonFile:
    """A FeatureCollection that grows by one crystal at a time.

    Coordinates are corners of pixels at full resolution, as QuPath expects them: x to the right
    and y down from the top left corner of the image, which lies in (0, 0). Each crystal is a
    detection of QuPath with a class, a name and measurements; properties that QuPath does not know
    serve GIS programs.

    Parameters
    ----------
    file
        File to write.

    References
    ----------
    Butler, H. et al. (2016). The GeoJSON format. RFC 7946.
    Bankhead, P. et al. (2017). QuPath: open source software for digital pathology image analysis.
    Scientific Reports 7, 16878. https://doi.org/10.1038/s41598-017-17204-5
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

    def add(self, crystal: Mapping[Any, Any], name: str, polygons: list[Polygon]) -> None:
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
        closed = [
            [[*ring, ring[0]] for ring in (ring.tolist() for ring in polygon)]
            for polygon in polygons
        ]
        several = len(closed) > 1
        feature = {
            "type": "Feature",
            "id": int(crystal["id"]),
            "geometry": {
                "type": "MultiPolygon" if several else "Polygon",
                "coordinates": closed if several else closed[0],
            },
            "properties": _properties(crystal, name),
        }
        self._out.write(self._separator)
        self._out.write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
        self._separator = ",\n"


def _properties(crystal: Mapping[Any, Any], name: str) -> dict[str, Any]:
    return {
        "objectType": "detection",
        "name": crystal_name(crystal),
        "classification": {"name": CLASS_TITLES[name], "color": list(rgb(name))},
        # JSON has no NaN: what was not measured is left out.
        "measurements": {
            column: float(crystal[column])
            for column in MEASUREMENTS
            if math.isfinite(crystal.get(column, math.nan))
        },
        "crystal": int(crystal["id"]),
        **{column: str(crystal[column]) for column in LABELS if crystal.get(column)},
    }


def crystal_name(crystal: Mapping[Any, Any]) -> str:
    """Name of a crystal, as that of its cut-out."""
    return f"crystal_{crystal['id']:06d}"
