"""Crystals as features of GeoJSON, which QuPath, GIS programs and GeoPandas read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from napari_olivine.crystals import CLASS_TITLES, rgb
from napari_olivine.polygons import Rings, feature_of

MEASUREMENTS = (
    "area_um2", "equivalent_diameter_um", "perimeter_um", "feret_max_um", "feret_min_um",
    "aspect_ratio", "circularity", "solidity", "hole_fraction",
    "mg_core", "mg_rim", "mg_mean", "mg_difference", "mean_probability",
    "recognised_probability",
)  # fmt: skip
"""Columns that a crystal carries along; all others stand in crystals.csv, by id."""

LABELS = ("size_class", "zoning_class", "zone_class", "verdict", "kind", "recognised_kind")
"""Columns of text that it carries along."""


def crystal_feature(crystal: Mapping[Any, Any], name: str, polygons: list[Rings]) -> dict[str, Any]:
    """Make a feature of GeoJSON of a crystal.

    It is a detection of QuPath with a class, a name and measurements; properties that QuPath does
    not know serve GIS programs.

    Parameters
    ----------
    crystal
        Its row of the table.
    name
        Its class, a key of `CLASS_TITLES`.
    polygons
        Its parts: corners of pixels at full resolution, x to the right and y down from the top left
        corner of the image, which lies in (0, 0).

    Returns
    -------
    dict
        The feature.
    """
    return feature_of(polygons, _properties(crystal, name), int(crystal["id"]))


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
