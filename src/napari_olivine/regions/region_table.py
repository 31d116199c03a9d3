"""The annotation ``regions``: polygons as rows of corners, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_olivine.polygons import Polygon
from napari_olivine.section import REGION_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 3
"""Decimals of a coordinate in um."""


def polygons_of(table: pd.DataFrame, pixel_size_um: float) -> list[Polygon]:
    """Return the polygons of the annotation, their use as their classification.

    Parameters
    ----------
    table
        A row a corner, see `REGION_COLUMNS`.
    pixel_size_um
        Side of a pixel, um.
    """
    polygons = []
    for name, rows in table.groupby("region", sort=False):
        corners = rows[["y_um", "x_um"]].to_numpy(float) / pixel_size_um
        ring = rows["ring"].to_numpy(int)
        rings = tuple(corners[ring == number] for number in np.unique(ring))
        polygons.append(Polygon(str(name), rings, str(rows["use"].iloc[0])))
    return polygons


def table_of(polygons: Sequence[Polygon], pixel_size_um: float) -> pd.DataFrame:
    """Return polygons as the annotation keeps them; see `polygons_of`.

    Parameters
    ----------
    polygons
        Polygons with names of their own, in pixels, their use as their classification.
    pixel_size_um
        Side of a pixel, um.
    """
    import pandas as pd

    parts = [
        pd.DataFrame({
            "region": one.name, "use": one.classification, "ring": number,
            "x_um": ring[:, 1] * pixel_size_um, "y_um": ring[:, 0] * pixel_size_um,
        })
        for one in polygons
        for number, ring in enumerate(one.rings)
    ]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=[*REGION_COLUMNS])
    return pd.concat(parts, ignore_index=True).round({"x_um": DIGITS, "y_um": DIGITS})
