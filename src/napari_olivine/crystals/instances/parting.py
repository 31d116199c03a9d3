"""One region parted into crystals: at contacts of grains first, then at necks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.instances.contacts import Contact, may_hold_contacts, part_contacts
from napari_olivine.crystals.instances.evidence import Mask
from napari_olivine.crystals.instances.splitting import (
    Cut,
    SplittingSettings,
    is_notched,
    split_region,
)

Edges = tuple[bool, bool, bool, bool]
"""Whether the top, bottom, left and right side of a window lie on the edge of the section."""

ROOM_PX = 3
"""Pixels around a grain in which its surroundings are seen (ours)."""


@dataclass(frozen=True)
class Parted:
    """A region and the decisions on it; labels in these are its parts."""

    parts: NDArray[np.int32]
    """1 for the largest part, 2 for the next and so on; 0 outside the region."""
    contacts: list[Contact]
    cuts: list[Cut]


def part_region(
    region: Mask,
    pixel_um: float,
    *,
    grey: NDArray[Any] | None = None,
    mg: NDArray[np.float32] | None = None,
    on_edge: Edges = (False, False, False, False),
    check: Callable[[], None] | None = None,
) -> Parted | None:
    """Part one region where there is evidence for contacts or necks between crystals.

    Parameters
    ----------
    region
        Pixels of the region, in its box with some room around it.
    pixel_um
        Side of a pixel.
    grey
        BSE grey in the window, in any unit.
    mg
        mg# (fraction) in the window, NaN where unknown.
    on_edge
        Sides of the window that lie on the edge of the section.
    check
        Called now and then; it raises where the work is to stop.

    Returns
    -------
    Parted or None
        None where the outline alone tells that there is nothing to look for.
    """
    how = SplittingSettings()
    parts, contacts = region.astype(np.int32), list[Contact]()
    looked = may_hold_contacts(region, pixel_um)
    if looked:
        parts, contacts = part_contacts(region, pixel_um, grey=grey, mg=mg, check=check)
    cuts: list[Cut] = []
    count = int(parts.max(initial=0))
    for part in range(1, count + 1):
        box, edges = _box(parts == part, on_edge)
        mask = parts[box] == part
        if not is_notched(mask, pixel_um, how):
            continue
        looked = True
        if check is not None:
            check()
        near = (None if image is None else image[box] for image in (grey, mg))
        found, judged = split_region(
            mask, pixel_um, how, **dict(zip(("grey", "mg"), near, strict=True)), on_edge=edges
        )
        names = np.arange(int(found.max(initial=1)) + 1) + count - 1
        names[:2] = 0, part
        parts[box][found > 1] = names[found[found > 1]]
        count = max(count, int(names.max()))
        cuts += [_in_window(cut, names, box) for cut in judged]
    if not looked:
        return None
    return _in_order(parts, contacts, cuts)


def decisions_table(contacts: Sequence[Contact], cuts: Sequence[Cut]) -> pd.DataFrame:
    """Make one table of contacts and cuts; what was not measured of either is empty."""
    of_cuts, of_contacts = Cut.table(cuts), Contact.table(contacts)
    own = [name for name in of_contacts.columns if name not in of_cuts.columns]
    *columns, flag = of_cuts.columns
    tables = [table for table in (of_cuts, of_contacts) if len(table)] or [of_cuts]
    every = pd.concat(tables, ignore_index=True).reindex(columns=[*columns, *own, flag])
    numbers = [name for name in every.columns if name not in ("a", "b", flag)]
    return every.astype(dict.fromkeys(numbers, np.float64) | {flag: bool})


def _box(mask: Mask, on_edge: Edges) -> tuple[tuple[slice, slice], Edges]:
    """Box of a grain with some room, and its sides on the edge of the section."""
    x, y, columns, rows = cv2.boundingRect(mask.view(np.uint8))
    top, left = max(y - ROOM_PX, 0), max(x - ROOM_PX, 0)
    bottom, right = (
        min(stop + ROOM_PX, size)
        for stop, size in zip((y + rows, x + columns), mask.shape, strict=True)
    )
    edges = (
        on_edge[0] and top == 0, on_edge[1] and bottom == mask.shape[0],
        on_edge[2] and left == 0, on_edge[3] and right == mask.shape[1],
    )  # fmt: skip
    return (slice(top, bottom), slice(left, right)), edges


def _in_window(cut: Cut, names: NDArray[np.integer], box: tuple[slice, slice]) -> Cut:
    row, column = box[0].start, box[1].start
    return replace(
        cut, a=int(names[cut.a]), b=int(names[cut.b]),
        row0=cut.row0 + row, col0=cut.col0 + column, row1=cut.row1 + row, col1=cut.col1 + column,
    )  # fmt: skip


def _in_order(parts: NDArray[np.int32], contacts: list[Contact], cuts: list[Cut]) -> Parted:
    """Give the parts numbers by size, in the decisions too."""
    areas = np.bincount(parts.ravel())
    areas[0] = 0
    order = np.argsort(-areas, kind="stable")
    order = order[areas[order] > 0]
    number = np.zeros(len(areas), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    return Parted(
        number[parts],
        [replace(one, a=int(number[one.a]), b=int(number[one.b])) for one in contacts],
        [replace(one, a=int(number[one.a]), b=int(number[one.b])) for one in cuts],
    )
