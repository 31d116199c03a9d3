"""Boxes and centroids of crystals in windows."""

from __future__ import annotations

import numpy as np

from napari_olivine.crystals.measure import extent


def test_extent_is_in_pixels_of_the_section() -> None:
    mask = np.zeros((8, 9), bool)
    mask[2:5, 3:7] = True
    assert extent(mask, 100, 1000) == {
        "area_px": 12, "row": 103.0, "col": 1004.5,
        "row0": 102, "row1": 105, "col0": 1003, "col1": 1007,
    }  # fmt: skip
    assert extent(mask)["row0"] == 2
