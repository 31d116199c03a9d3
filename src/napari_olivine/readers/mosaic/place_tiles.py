"""From the images of one signal's tiles to their places: by stage, then by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import Image
from napari_olivine.readers.mosaic.correlate import NARROWEST_PX
from napari_olivine.readers.mosaic.filename_grid import Names, read_names
from napari_olivine.readers.mosaic.layout import Layout, in_a_grid, lay_out
from napari_olivine.readers.mosaic.neighbours import ReadTile, Seams, choose
from napari_olivine.readers.mosaic.stage_layout import has_stage, layout_of_stage


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
        The image of each tile of one signal (BSE tells most) by its name: what is the same for
        every signal of that tile.
    settings
        `pixel_size_um`, `tile_order`, `tile_columns`, `tile_overlap_px` and `mirror` are used.
    job
        Running job.

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
    read_tile = reader_of(tiles, tile_shape)
    stage_um = np.array(
        [image.acquisition.stage_um or (np.nan, np.nan) for image in tiles], np.float64
    )
    pixel_size_um = settings.pixel_size_um or _pixel_size_um(tiles)
    remarks: list[str] = []
    if has_stage(stage_um) and len(np.unique(stage_um, axis=0)) > len(tiles) / 2:
        if pixel_size_um:
            return layout_of_stage(
                names,
                stage_um,
                pixel_size_um,
                tile_shape,
                read_tile=read_tile,
                job=job,
                mirror=settings.mirror,
            )
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
    found = read_names(
        names,
        order=settings.tile_order,
        columns=settings.tile_columns,
        tile_shape=tile_shape,
    )
    if found is None:
        raise InputError(
            f"The places of {len(tiles)} tiles are not known: the files hold no stage positions"
            + (f" ({remarks[0]})" if remarks else "")
            + f", and names like {names[0]} and {names[-1]} hold no row and column or running "
            "number. Name them ROW_COLUMN, or describe the mosaic in a section.json."
        )
    return _layout_of_names(names, found, tile_shape, read_tile, settings, remarks, job)


def reader_of(tiles: list[Image] | list[Image | None], tile_shape: tuple[int, int]) -> ReadTile:
    """Give the pixels of tiles by their number, `None` for one that cannot be used."""

    def read(tile: int) -> NDArray[Any] | None:
        image = tiles[tile]
        if image is None or image.shape != tile_shape:
            return None
        try:
            return image.load(0, tile_shape[0])
        except InputError:
            return None

    return read


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


def _layout_of_names(
    names: list[str],
    found: Names,
    tile_shape: tuple[int, int],
    read_tile: ReadTile,
    settings: ImportSettings,
    remarks: list[str],
    job: Job,
) -> Layout:
    matched = [names[at] for at in found.matched]
    if left := sorted(set(names) - set(matched)):
        remarks.append(
            f"{len(left)} images are named otherwise and left out, e.g. {', '.join(left[:3])}"
        )
    planned = settings.tile_overlap_px
    seams = Seams(
        lambda tile: read_tile(found.matched[tile]),
        tile_shape,
        None if planned is None else (planned, planned),
    )
    reading, sure, how = found.readings[0], found.sure, ""
    verdict = choose([one.cells for one in found.readings], seams, job)
    if len(found.readings) > 1 and verdict.clear:
        reading, sure, how = found.readings[verdict.best], True, f" ({verdict.words})"
    overlap = (planned, planned) if planned is not None else verdict.overlap_px
    if not sure:
        overlap = overlap if planned is not None else (0.0, 0.0)
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
        in_a_grid(cells, tile_shape, overlap),
        cells,
        tile_shape,
        remarks=remarks,
        sure=sure,
    )


def _pixel_size_um(tiles: list[Image]) -> float | None:
    sizes = [size for image in tiles if (size := image.acquisition.pixel_size_um)]
    return Counter(sizes).most_common(1)[0][0] if sizes else None
