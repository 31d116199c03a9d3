"""True crystals by their size: how many are found, and how large they come out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.instances import (
    Strip,
    join_strips,
    label_strip,
    summarize_strip,
)
from napari_olivine.scoring.matching import Overlaps, match_iou
from napari_olivine.scoring.results import SizeClassScores, SizesScores

BOUNDS_UM2 = (20.0, 50.0, 100.0, 300.0, 1_000.0, 10_000.0, np.inf)
"""Bounds of the size classes, true area."""


class RegionOverlaps:
    """Overlaps of true crystals with the connected regions of a mask, gathered strip by strip.

    Parameters
    ----------
    connected
        Whether the true crystals are connected regions too, so that any id stands for olivine.
    """

    def __init__(self, *, connected: bool = False) -> None:
        self._connected = connected
        self._true: list[Strip] = []
        self._overlaps: list[Overlaps] = []
        self._strips: list[Strip] = []

    def add(
        self,
        truth: NDArray[np.int64],
        mask: NDArray[np.bool_],
        studied: NDArray[np.bool_],
        row0: int,
        *,
        last: bool,
    ) -> None:
        """Count the overlaps of one strip.

        Parameters
        ----------
        truth
            Ids of true crystals, 0 for none, shape (rows, columns).
        mask
            Olivine pixels, same shape.
        studied
            Pixels that count, same shape.
        row0
            Its first row.
        last
            Whether it is the last strip.
        """
        labels = label_strip(mask, diagonals=True)
        if self._connected:
            found = label_strip(truth > 0, diagonals=True)
            self._true.append(summarize_strip(found, row0))
            truth = found.astype(np.int64)
        self._strips.append(summarize_strip(labels, row0))
        overlaps = Overlaps()
        overlaps.add(truth, labels, studied, first=row0 == 0, last=last)
        self._overlaps.append(overlaps)

    def joined(self) -> tuple[Overlaps, pd.DataFrame]:
        """Return the overlaps with whole regions, and the table of regions (``id, area_px``)."""
        numbers, table = join_strips(self._strips, diagonals=True, min_area_px=1)
        true_numbers = (
            join_strips(self._true, diagonals=True, min_area_px=1)[0] if self._true else ()
        )
        return Overlaps.together(self._overlaps, numbers, true_numbers), table


def score_sizes(
    overlaps: Overlaps, table: pd.DataFrame, pixel_area_um2: float, found_iou: float
) -> SizesScores:
    """Score true crystals that do not touch the edge of the section by size class.

    Parameters
    ----------
    overlaps
        Overlaps of all strips.
    table
        Labels: ``id``, ``area_px``.
    pixel_area_um2
        Area of a pixel.
    found_iou
        A true crystal is found from this intersection over union with one label.

    Returns
    -------
    SizesScores
        By class; labels that touch no olivine count as false from the smallest class on.
    """
    true, pairs = overlaps.true_crystals(), overlaps.pairs()
    area = table.set_index("id")["area_px"]
    found = pairs[match_iou(true, pairs, table) > found_iou].set_index("true")["label"]
    true["ratio"] = found.map(area) / true["area_px"]
    whole = true[~true["touches_edge"]]
    area_um2 = whole["area_px"] * pixel_area_um2
    classes = []
    for low, high in pairwise(BOUNDS_UM2):
        group = whole[(area_um2 >= low) & (area_um2 < high)]
        hit = group["ratio"].dropna()
        classes.append(
            SizeClassScores(
                from_um2=low,
                to_um2=None if high == np.inf else high,
                true=len(group),
                found=len(hit),
                area_ratio=float(hit.median()) if len(hit) else None,
            )
        )
    large = area[area * pixel_area_um2 >= BOUNDS_UM2[0]]
    return SizesScores(
        classes=classes,
        labels=len(large),
        false_labels=int((~large.index.isin(pairs["label"])).sum()),
    )
