"""Crystals for the web map: a small table at once, and outlines and numbers part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.catalogue import decimals_of, section_polygons
from napari_olivine.catalogue.web.crystal_columns import choices
from napari_olivine.catalogue.web.data_scripts import plain_column, plain_number, write_script
from napari_olivine.crystals import Images
from napari_olivine.crystals.measure import Window, crystal_blocks, crystal_windows
from napari_olivine.job import Job

FINE_PX = 0.8
"""How far an outline on the page may lie from that of the pixels."""

COARSE_FROM_PX = 48
"""Crystals whose longer side is at least so long have a coarse outline for the overview."""

COARSE_PX = 4.0
"""How far that may lie off."""

BIN = 0.005
"""Width of the bins of a crystal's mg#."""

LEAST_RING = 3


def write_crystals(
    images: Images, table: pd.DataFrame, profiles: pd.DataFrame | None, folder: Path, job: Job
) -> None:
    """Write ``crystals.js`` and, a part of the section each, ``cells/NUMBER.js``.

    Parameters
    ----------
    images
        Ids of the crystals and, if there is one, the mg# map.
    table
        Crystals of the page.
    profiles
        Their radial profiles of mg#, with ``id`` and a column for each share of the way from the
        outline (``mg_005`` ...); `None` where there are none.
    folder
        Folder of the data.
    job
        Running job; one part at a time is in memory.
    """
    (folder / "cells").mkdir(parents=True)
    table = table.reset_index(drop=True)
    place = {int(crystal): row for row, crystal in enumerate(table["id"])}
    columns = {str(name): plain_column(table[name], decimals_of(str(name))) for name in table}
    radial = _profiles_by_id(profiles)
    cells = np.zeros(len(table), np.int64)
    coarse: dict[int, list[list[int]]] = {}
    done = 0
    for cell, (_, near) in enumerate(crystal_blocks(table, images.shape, job)):
        content: dict[str, Any] = {}
        for crystal, box, window in crystal_windows(near, images, job):
            if done % 100 == 0:
                job.progress(done, len(table), "Writing the web map: crystals")
            done += 1
            row = place[crystal]
            cells[row] = cell
            inside = window.labels == crystal
            polygons = section_polygons(inside, window, images.shape)
            rings = [ring for polygon in polygons for ring in polygon]
            content[str(row)] = {
                "rings": simplified(rings, FINE_PX),
                "values": [column[row] for column in columns.values()],
                "profile": radial.get(crystal),
                "histogram": _histogram(window, inside),
            }
            if max(box[1] - box[0], box[3] - box[2]) >= COARSE_FROM_PX:
                coarse[row] = simplified(rings, COARSE_PX)
        write_script(folder / "cells" / f"{cell}.js", "OLIVINE.addCell", cell, content)
    job.progress(len(table), len(table), "Writing the web map: crystals")
    boxes = table[["col0", "row0", "col1", "row1"]].to_numpy(np.int64)
    write_script(
        folder / "crystals.js",
        "OLIVINE.setCrystals",
        {
            "ids": table["id"].astype(int).tolist(),
            "boxes": boxes.ravel().tolist(),
            "areas": table["area_px"].astype(int).tolist(),
            "cells": cells.tolist(),
            "coarse": coarse,
            "columns": list(columns),
            "choices": choices(table),
            "bin": BIN,
        },
    )


def simplified(rings: list[NDArray[np.int64]], tolerance_px: float) -> list[list[int]]:
    """Simplify the outlines of a crystal, and write each as its first corner and steps.

    Parameters
    ----------
    rings
        Closed rings of corners x, y, each of shape (corners, 2).
    tolerance_px
        How far the new outline may lie off (Douglas and Peucker 1973).

    Returns
    -------
    list of list of int
        x, y of the first corner and the steps to each next one; rings that vanish are left out,
        but for the first.
    """
    found = []
    for number, ring in enumerate(rings):
        corners = np.asarray(ring, np.int32)
        simple = cv2.approxPolyDP(corners[:, np.newaxis], tolerance_px, closed=True)[:, 0]
        if len(simple) < LEAST_RING:
            if number:
                continue
            simple = corners
        steps = np.diff(simple, axis=0, prepend=np.zeros((1, 2), simple.dtype))
        found.append(steps.ravel().astype(int).tolist())
    return found


def _profiles_by_id(profiles: pd.DataFrame | None) -> dict[int, list[list[float | int | None]]]:
    """mg# and its standard error from the outline to the centre, by crystal."""
    if profiles is None or not len(profiles):
        return {}
    kinds = [[c for c in profiles if str(c).startswith(head)] for head in ("mg_", "se_")]
    values = [profiles[names].to_numpy(np.float64) for names in kinds]
    return {
        int(crystal): [[plain_number(v, 4) for v in one[row]] for one in values]
        for row, crystal in enumerate(profiles["id"])
        if np.isfinite(values[0][row]).any()
    }


def _histogram(window: Window, inside: NDArray[np.bool_]) -> list[int] | None:
    """First bin, and pixels by mg# in bins of `BIN`; `None` where no pixel has an mg#."""
    if window.mg is None:
        return None
    values = window.mg[inside]
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    bins = np.floor(values / BIN).astype(np.int64)
    first = int(bins.min())
    return [first, *np.bincount(bins - first).tolist()]
