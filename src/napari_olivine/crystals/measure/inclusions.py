"""Holes and inclusions of a crystal: children of their host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEAST_PX = 4
"""Smaller holes are noise of the segmentation (ours)."""

SLENDER = 5.0
"""A dark hole this many times longer than wide is a crack (ours)."""

APART = 3.0
"""An inclusion is brighter or darker than its host by more than this times the spread of the
host's grey (ours)."""

MOST = 4096
"""Holes of one crystal that are kept, the largest ones."""

KINDS = ("vesicle", "crack", "dark", "alike", "bright", "crystal", "unknown")
"""``vesicle``: as dark as vesicles; ``crack``: slender and dark; ``dark``: darker than the host
(glass, plagioclase); ``bright``: brighter (spinel, sulphide); ``alike``: as grey as the host;
``crystal``: another crystal of the table; ``unknown``: without a BSE image."""


@dataclass(frozen=True)
class Inclusion:
    """A hole in a crystal, and the kind of its filling."""

    id: int
    """Unique: the host's id times `MOST` and the place among its holes, the largest first."""
    host: int
    """Crystal around it."""
    kind: str
    """One of :data:`KINDS`."""
    crystal: int
    """Crystal of the table that fills most of it, 0 for none."""
    x_um: float
    y_um: float
    area_um2: float
    length_um: float
    """Longer side of the smallest rectangle around it."""
    width_um: float
    grey: float
    """Median BSE grey, NaN without BSE."""


def find_inclusions(
    host: int,
    inside: NDArray[np.bool_],
    filled: NDArray[np.bool_],
    labels: NDArray[np.uint32],
    grey: NDArray[Any] | None,
    place: tuple[int, int],
    pixel_um: float,
    vesicle_grey: float | None,
) -> list[Inclusion]:
    """List the holes and inclusions of a crystal, the largest first.

    Parameters
    ----------
    host
        Id of the crystal.
    inside, filled
        Its pixels, and those with holes filled, shape (rows, columns).
    labels
        Ids of all crystals, same shape.
    grey
        BSE, same shape.
    place
        Row and column of the first pixel.
    pixel_um
        Side of a pixel.
    vesicle_grey
        Grey below which a pixel is a vesicle, None if unknown.

    Returns
    -------
    list of Inclusion
        Holes of at least `LEAST_PX` pixels.
    """
    holes = filled & ~inside
    if not holes.any():
        return []
    _, parts, stats, centres = cv2.connectedComponentsWithStats(
        holes.view(np.uint8), connectivity=8
    )
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")[:MOST]
    middle, spread = _level(grey, inside)
    found: list[Inclusion] = []
    for rank, place_of in enumerate(order[areas[order] >= LEAST_PX].tolist()):
        left, top, wide, high = stats[place_of + 1, :4]
        box = np.s_[top : top + high, left : left + wide]
        mask = parts[box] == place_of + 1
        points = np.argwhere(mask)[:, ::-1].astype(np.float32)
        sides = np.array(cv2.minAreaRect(points)[1]) + 1.0
        others = labels[box][mask]
        others = others[others > 0]
        other = int(np.bincount(others).argmax()) if 2 * others.size > mask.sum() else 0
        value = np.nan if grey is None else float(np.median(grey[box][mask]))
        slender = sides.max() / max(float(mask.sum()) / sides.max(), 1.0)
        found.append(
            Inclusion(
                id=host * MOST + rank,
                host=host,
                kind=_kind(value, middle, spread, slender, other, vesicle_grey),
                crystal=other,
                x_um=float(centres[place_of + 1, 0] + place[1]) * pixel_um,
                y_um=float(centres[place_of + 1, 1] + place[0]) * pixel_um,
                area_um2=float(mask.sum()) * pixel_um**2,
                length_um=float(sides.max()) * pixel_um,
                width_um=float(sides.min()) * pixel_um,
                grey=value,
            )
        )
    return found


def inclusion_table(found: Sequence[Inclusion]) -> pd.DataFrame:
    """Return inclusions as a table, one row each."""
    columns = {f.name: [getattr(one, f.name) for one in found] for f in fields(Inclusion)}
    table = pd.DataFrame(columns)
    floats = {f.name: np.float64 for f in fields(Inclusion) if f.type == "float"}
    whole = {"id": np.int64, "host": np.int64, "crystal": np.int64}
    return table.astype(floats | whole | {"kind": "str"})


def _level(grey: NDArray[Any] | None, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Median grey of the host and its robust spread."""
    if grey is None:
        return np.nan, np.nan
    values = grey[inside].astype(np.float32)
    middle = float(np.median(values))
    return middle, max(1.4826 * float(np.median(np.abs(values - middle))), 1e-6)


def _kind(
    value: float,
    middle: float,
    spread: float,
    slender: float,
    other: int,
    vesicle_grey: float | None,
) -> str:
    if other:
        return "crystal"
    if not np.isfinite(value):
        return "unknown"
    away = (value - middle) / spread
    if away < -APART and slender >= SLENDER:
        return "crack"
    if vesicle_grey is not None and value < vesicle_grey:
        return "vesicle"
    if abs(away) <= APART:
        return "alike"
    return "bright" if away > 0 else "dark"
