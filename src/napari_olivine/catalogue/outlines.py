"""Outlines of all crystals, traced one by one into the files that other programs read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.catalogue.crystal_features import LABELS, MEASUREMENTS, crystal_feature
from napari_olivine.catalogue.imagej_rois import RoiSet
from napari_olivine.catalogue.settings import ExportSettings
from napari_olivine.catalogue.tables import rounded
from napari_olivine.crystals import Images, Labels, crystal_classes
from napari_olivine.crystals.measure import Window, crystal_blocks, crystal_windows
from napari_olivine.job import Job
from napari_olivine.polygons import GeoJsonFile, Rings, trace_polygons

GEOJSON, ROI_SET = "crystals.geojson", "RoiSet.zip"


def write_outlines(
    labels: Labels, table: pd.DataFrame, folder: Path, settings: ExportSettings, job: Job
) -> dict[str, str]:
    """Write the outlines that the settings ask for; one crystal at a time is in memory.

    Parameters
    ----------
    labels
        Ids of the crystals.
    table
        Crystals to write.
    folder
        Folder of the catalogue.
    settings
        Which files.
    job
        Running job.

    Returns
    -------
    dict of str to str
        What each file that was written is.
    """
    files = {}
    names = crystal_classes(table).to_numpy()
    carried = rounded(table[[c for c in ("id", *LABELS, *MEASUREMENTS) if c in table]])
    columns = {name: carried[name].to_numpy() for name in carried}
    rows = {int(crystal): row for row, crystal in enumerate(table["id"])}
    with ExitStack() as stack:
        geojson = rois = None
        if settings.geojson:
            geojson = stack.enter_context(GeoJsonFile(folder / GEOJSON))
            files[GEOJSON] = f"Outlines of the crystals for QuPath and GIS programs. {CORNERS}"
        if settings.imagej_rois:
            rois = stack.enter_context(RoiSet(folder / ROI_SET))
            files[ROI_SET] = f"Outlines of the crystals for ImageJ and Fiji. {CORNERS}"
        for crystal, polygons in trace_crystals(labels, table, job) if files else ():
            row = rows[crystal]
            values = {name: column[row] for name, column in columns.items()}
            if geojson is not None:
                geojson.add(crystal_feature(values, names[row], polygons))
            if rois is not None:
                rois.add(values, names[row], polygons)
    return files


CORNERS = (
    "x and y are pixels at full resolution, counted from the top left corner of the image: the "
    "outlines run along the sides of the pixels."
)


def section_polygons(
    inside: NDArray[np.bool_], window: Window, shape: tuple[int, ...]
) -> list[Rings]:
    """Trace pixels of a window, and give their outline in pixels of the section.

    Parameters
    ----------
    inside
        Pixels of a crystal in the window.
    window
        Where it lies, and at which level of the pyramid.
    shape
        Rows and columns of the section.

    Returns
    -------
    list of list of ndarray
        Polygons, each of an outline and its holes: corners x, y at full resolution.
    """
    factor, origin = 2**window.level, np.array([window.col0, window.row0])
    limit = np.array(shape[::-1])
    return [
        [np.minimum((ring + origin) * factor, limit) for ring in polygon]
        for polygon in trace_polygons(inside)
    ]


def trace_crystals(
    labels: Labels, table: pd.DataFrame, job: Job
) -> Iterator[tuple[int, list[Rings]]]:
    """Trace crystals one by one, those that lie close together one after the other.

    A crystal that is too large for the job's memory is traced at a coarser level of the pyramid,
    which is told.

    Parameters
    ----------
    labels
        Ids of the crystals.
    table
        Columns ``id, row0, row1, col0, col1``.
    job
        Running job.

    Returns
    -------
    iterator of (int, list of list of ndarray)
        Id and polygons, in pixels of the section at full resolution.
    """
    done = coarse = lost = 0
    for _, near in crystal_blocks(table, labels.shape, job):
        for crystal, _, window in crystal_windows(near, Images(labels), job):
            if done % 100 == 0:
                job.progress(done, len(table), "Tracing outlines")
            done += 1
            inside = window.labels == crystal
            coarse += window.level > 0
            if not inside.any():  # too thin to be seen at a coarse level
                lost += 1
                continue
            yield crystal, section_polygons(inside, window, labels.shape)
    job.progress(len(table), len(table), "Tracing outlines")
    if coarse:
        job.warn(
            f"{coarse} crystals are too large for the memory: their outlines run along the pixels "
            f"of a coarser level{f', where {lost} are too thin to be seen' if lost else ''}.",
            remedy="Give more with {setting:memory}.",
            setting="memory",
        )
