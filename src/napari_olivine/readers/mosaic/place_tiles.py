"""From the images of one signal's tiles to their places: by stage, then by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import Image, raise_if_any, usual_pixel_size_um
from napari_olivine.readers.mosaic.correlate import NARROWEST_PX
from napari_olivine.readers.mosaic.filename_grid import Names, read_names
from napari_olivine.readers.mosaic.layout import Layout, in_a_grid, lay_out
from napari_olivine.readers.mosaic.neighbours import ReadTile, Seams, choose
from napari_olivine.readers.mosaic.stage_layout import has_stage, layout_of_stage
from napari_olivine.readers.mosaic.tile_headers import TileHeaders

FEW = 3
"""So few tiles whose places are a guess may be sections of their own."""

TWICE = 0.25
"""Share of doubled tiles from which on two mosaics lie in the folder."""


def place_mosaic(folder: Path, headers: TileHeaders, settings: ImportSettings, job: Job) -> Layout:
    """Find where the tiles of a folder lie; see `arrange_tiles`.

    Parameters
    ----------
    folder
        Where they were found, for errors.
    headers
        The tiles.
    settings
        Settings of the import.
    job
        Running job.

    Returns
    -------
    Layout
        With the times at which the tiles were taken.

    Raises
    ------
    InputError
        If no place can be found for the tiles, or they are those of several sections.
    """
    if not headers.images:
        raise_if_any(
            headers.wrong, f"{folder}: no tile of {headers.signal} can be used", file=folder
        )
    try:
        layout = arrange_tiles(headers.images, settings, job)
    except InputError as error:
        raise InputError(
            f"{folder}: {error.template}",
            remedy="If they are no tiles (copies, other fields or magnifications), leave one of "
            "them in the folder.",
            file=folder,
        ) from error
    _refuse_several(folder, layout, headers.signal, settings)
    layout = layout.with_times({n: one.acquisition.taken for n, one in headers.images.items()})
    return replace(layout, remarks=[*headers.remarks, *layout.remarks])


def arrange_tiles(
    images: Mapping[str, Image], settings: ImportSettings, job: Job | None = None
) -> Layout:
    """Find where the tiles of a mosaic lie; at most some hundred of them are read.

    Stage positions are trusted before names. Where both leave open how the tiles follow each other
    (mirrored axes, the order of running numbers), the arrangement is taken whose neighbours fit:
    by their overlaps, or by the grey that goes on across the seams.

    Parameters
    ----------
    images
        The image of each tile of one signal (best BSE) by its name: what is the same for every
        signal of that tile.
    settings
        `pixel_size_um`, `tile_order`, `tile_columns`, `tile_overlap_px` and `mirror` are used.
    job
        Running job.

    Returns
    -------
    Layout
        Where the tiles lie.

    Raises
    ------
    InputError
        If neither stage nor names tell the places, or a stage position cannot be right.
    """
    job = job or Job()
    if not images:
        raise InputError("There are no tiles to arrange.")
    names = sorted(images)  # the order in which tiles are given does not matter
    tiles = [images[name] for name in names]
    tile_shape = Counter(image.shape for image in tiles).most_common(1)[0][0]
    read_tile = _reader_of(tiles, tile_shape)
    stage_um = np.array(
        [image.acquisition.stage_um or (np.nan, np.nan) for image in tiles], np.float64
    )
    pixel_size_um = settings.pixel_size_um or usual_pixel_size_um(tiles)
    remarks: list[str] = []
    if has_stage(stage_um) and len(np.unique(stage_um, axis=0)) > len(tiles) / 2:
        if pixel_size_um:
            rotation_deg, doubts = _rotation_of(tiles)
            layout = layout_of_stage(
                names,
                stage_um,
                pixel_size_um,
                tile_shape,
                read_tile=read_tile,
                job=job,
                mirror=settings.mirror,
                rotation_deg=rotation_deg,
            )
            return replace(layout, remarks=[*layout.remarks, *doubts])
        remarks.append("without a pixel size the stage positions are of no use")
    lost = np.flatnonzero(~np.isfinite(stage_um).all(axis=1))
    if 0 < len(lost) < len(tiles):
        remarks.append(
            f"{len(lost)} of {len(tiles)} tiles have no stage position (e.g. {names[lost[0]]}); "
            "the names are used instead"
        )
    if len(tiles) == 1:
        one = np.zeros((1, 2), np.int64)
        return lay_out("names", "A single tile.", names, one.astype(float), one, tile_shape)
    readings = read_names(
        names, order=settings.tile_order, columns=settings.tile_columns, tile_shape=tile_shape
    )
    if readings is None:
        raise InputError(
            f"The places of {len(tiles)} tiles are not known: the files hold no stage positions"
            + (f" ({remarks[0]})" if remarks else "")
            + f", and names like {names[0]} and {names[-1]} hold no row and column or running "
            "number.",
            remedy="Name them ROW_COLUMN, or describe the mosaic in a section.json.",
        )
    seams = Seams(
        lambda tile: read_tile(readings.matched[tile]),
        tile_shape,
        None if (planned := settings.tile_overlap_px) is None else (planned, planned),
    )
    layout = _layout_of_names(names, readings, seams, job)
    return replace(layout, remarks=[*remarks, *layout.remarks])


def holes(layout: Layout) -> list[str]:
    """Places without a tile that have tiles on all four sides: something was lost there.

    Places at the rim are no holes: sections are not always rectangles.
    """
    if not layout.regular:
        return []
    table = layout.tiles.table
    rows = table.groupby("grid_row")["grid_col"].agg(["min", "max"])
    columns = table.groupby("grid_col")["grid_row"].agg(["min", "max"])
    return [
        f"there is no tile in row {row + 1}, column {column + 1} of tiles"
        for row, column in layout.gaps
        if row in rows.index
        and column in columns.index
        and rows["min"][row] < column < rows["max"][row]
        and columns["min"][column] < row < columns["max"][column]
    ]


def share_strips(layout: Layout) -> bool:
    """Tell whether neighbours share strips that are wide enough to be registered."""
    table = layout.tiles.table
    for place, across, first, last in (
        ("grid_row", "grid_col", "row0", "row1"),
        ("grid_col", "grid_row", "col0", "col1"),
    ):
        ordered = table.sort_values([across, place])
        beside = (ordered[across].diff() == 0) & (ordered[place].diff() == 1)
        shared = (ordered[last].shift(1) - ordered[first])[beside]
        if len(shared) and shared.median() >= NARROWEST_PX:
            return True
    return False


def _rotation_of(tiles: Sequence[Image]) -> tuple[float, list[str]]:
    """Return the scan rotation of the tiles, degrees, and that it is not the same for all."""
    angles = Counter(round(image.acquisition.rotation_deg or 0.0, 1) for image in tiles)
    if len(angles) <= 1:
        return tiles[0].acquisition.rotation_deg or 0.0, []
    listed = ", ".join(f"{angle:g} degrees: {count} tiles" for angle, count in angles.items())
    return 0.0, [
        f"the tiles were scanned at several rotations ({listed}), so none is used to place them; "
        "look at the map of tiles, and import the tiles of each rotation by themselves"
    ]


def _reader_of(tiles: Sequence[Image], tile_shape: tuple[int, int]) -> ReadTile:
    """Give the pixels of tiles by their number, `None` for one that cannot be used."""

    def read(tile: int) -> NDArray[Any] | None:
        if tiles[tile].shape != tile_shape:
            return None
        try:
            return tiles[tile].load(0, tile_shape[0])
        except InputError:
            return None

    return read


def _layout_of_names(names: list[str], readings: Names, seams: Seams, job: Job) -> Layout:
    matched = [names[at] for at in readings.matched]
    remarks = []
    if left := sorted(set(names) - set(matched)):
        remarks.append(
            f"{len(left)} images are named otherwise and left out, e.g. {', '.join(left[:3])}"
        )
    reading, sure, how = readings.readings[0], readings.sure, ""
    verdict = choose([one.cells for one in readings.readings], seams, job)
    if len(readings.readings) > 1 and verdict.clear:
        reading, sure, how = readings.readings[verdict.best], True, f" ({verdict.words})"
    overlap = seams.overlap_px or (verdict.overlap_px if sure else (0.0, 0.0))
    if not sure:
        remarks.append(
            f"The order of the tiles is a guess ({reading.words}): the images do not tell "
            f"({verdict.words}). Look at the map of tiles; set the order and the tiles in a row"
        )
    shared = (
        f"neighbours sharing {overlap[0]:.0f} rows and {overlap[1]:.0f} columns"
        if max(overlap) > 0
        else "side by side"
    )
    cells = reading.cells()
    return lay_out(
        "names",
        f"By name: {reading.words}{how}, {shared}.",
        matched,
        in_a_grid(cells, seams.tile_shape, overlap),
        cells,
        seams.tile_shape,
        remarks=remarks,
        sure=sure,
    )


def _refuse_several(folder: Path, layout: Layout, signal: str, settings: ImportSettings) -> None:
    """Refuse what looks like several sections, or like the same mosaic twice."""
    if settings.tile_order or settings.tile_columns or settings.skip_missing:
        return
    if layout.how == "names" and not layout.sure and len(layout.names) <= FEW:
        raise InputError(
            f"{folder} holds {len(layout.names)} images of {signal} ({', '.join(layout.names)}), "
            "and nothing shows that they fit together.",
            remedy="If they are sections or fields of their own, import each by itself; if they "
            "are tiles, say in which order ({setting:tile_order} rows).",
            setting="tile_order",
            file=folder,
        )
    if len(layout.doubled) > TWICE * len(layout.names):
        places = sorted({PurePosixPath(name).parent.as_posix() for name in layout.doubled})
        others = sorted({PurePosixPath(name).parent.as_posix() for name in layout.names})
        raise InputError(
            f"{folder} holds {len(layout.doubled)} tiles whose places are taken by others, e.g. "
            f"{layout.doubled[0]} (folders: {', '.join(dict.fromkeys([*others, *places]))}).",
            remedy="If these are several sections, import each by itself; if they are parts of "
            "one, number their tiles on, or describe the mosaic in a section.json.",
            file=folder,
            tile=layout.doubled[0],
        )
