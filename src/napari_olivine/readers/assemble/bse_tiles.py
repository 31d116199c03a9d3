"""Several BSE images are tiles: where they lie, and what they say of their acquisition."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import Acquisition, Image, raise_if_any
from napari_olivine.readers.discover import NAMED
from napari_olivine.readers.mosaic import Layout, arrange_tiles
from napari_olivine.readers.signals import Part
from napari_olivine.section import Tiles

THREADS = 2

FEW = 3
"""So few tiles whose places are a guess may be sections of their own."""

TWICE = 0.25
"""Share of doubled tiles from which on two mosaics lie in the folder."""


def arrange(
    folder: Path, parts: list[Part], settings: ImportSettings, job: Job
) -> tuple[Layout, Acquisition, list[str]]:
    """Find where the tiles of BSE lie; all their headers are read.

    Parameters
    ----------
    folder
        Where they were found, for errors.
    parts
        Images of BSE.
    settings
        Settings of the import.
    job
        Running job.

    Returns
    -------
    layout
        Where the tiles lie.
    acquisition
        What the tiles say alike of their acquisition.
    lost
        What is wrong with images that cannot be opened, and holes in the grid, in sentences.

    Raises
    ------
    InputError
        If no place can be found for the tiles.
    """
    parts, twins = _one_a_place(folder, parts)
    images, lost = open_all(parts, job)
    lost += twins
    remarks = Counter(told for image in images.values() for told in image.remarks)
    if not images:
        raise_if_any(lost, f"{folder}: no tile of BSE can be used")
    try:
        layout = arrange_tiles(images, settings, job)
    except InputError as error:
        raise InputError(
            f"{folder}: {error} If they are no tiles (copies, other fields or magnifications), "
            "leave one of them in the folder."
        ) from error
    _refuse_several(folder, layout, settings)
    layout = _timed(layout, images)
    told = [f"{count} tiles of BSE: {remark}" for remark, count in remarks.items()]
    return replace(layout, remarks=[*told, *layout.remarks]), _common(images), lost + _holes(layout)


def _one_a_place(folder: Path, parts: list[Part]) -> tuple[list[Part], list[str]]:
    """Keep one image a place; also return which others claim it, in sentences."""
    kept: dict[str, Part] = {}
    twins = []
    for part in parts:
        first = kept.setdefault(part.place, part)
        if first is not part:
            twins.append(f"{part.file} claims the place of {first.file.name}")
    if len(kept) == 1 < len(parts):
        listed = ", ".join(part.file.name for part in parts[:NAMED])
        raise InputError(
            f"{folder} holds {len(parts)} images of BSE ({listed}) of one field; leave one of them "
            "in the folder."
        )
    return list(kept.values()), twins


def _refuse_several(folder: Path, layout: Layout, settings: ImportSettings) -> None:
    """Refuse what looks like several sections, or like the same mosaic twice."""
    told = settings.tile_order or settings.tile_columns or settings.skip_missing
    if layout.how == "names" and not layout.sure and len(layout.names) <= FEW and not told:
        raise InputError(
            f"{folder} holds {len(layout.names)} images of BSE ({', '.join(layout.names)}), and "
            "nothing shows that they fit together. If they are sections or fields of their own, "
            "import each by itself; if they are tiles, say in which order (--tile-order rows)."
        )
    if len(layout.doubled) > TWICE * len(layout.names) and not told:
        places = sorted({PurePosixPath(name).parent.as_posix() for name in layout.doubled})
        others = sorted({PurePosixPath(name).parent.as_posix() for name in layout.names})
        raise InputError(
            f"{folder} holds {len(layout.doubled)} tiles whose places are taken by others, e.g. "
            f"{layout.doubled[0]} (folders: {', '.join(dict.fromkeys([*others, *places]))}). If "
            "these are several sections, import each by itself; if they are parts of one, number "
            "their tiles on, or describe the mosaic in a section.json."
        )


def keep_times(layout: Layout, before: Layout) -> Layout:
    """Return a layout with the times at which the tiles of an earlier one were taken."""
    if "taken" not in before.tiles.table:
        return layout
    table = layout.tiles.table.copy()
    times = before.tiles.table.set_index("name")["taken"]
    table["taken"] = table["name"].map(times)
    return replace(layout, tiles=Tiles(table))


def _timed(layout: Layout, images: dict[str, Image]) -> Layout:
    table = layout.tiles.table.copy()
    taken = [images[name].acquisition.taken for name in layout.names]
    if not any(taken):
        return layout
    # Clocks of instruments tell local time; a zone would only shift all of them.
    times = [t.replace(tzinfo=None) if t else None for t in taken]
    table["taken"] = pd.Series(times, dtype="datetime64[ns]")
    return replace(layout, tiles=Tiles(table))


def _holes(layout: Layout) -> list[str]:
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


def open_all(parts: list[Part], job: Job) -> tuple[dict[str, Image], list[str]]:
    """Open the images of a signal's tiles; also return what is wrong with those that fail.

    Parameters
    ----------
    parts
        Tiles of one signal.
    job
        Running job.

    Returns
    -------
    images
        Image of each tile by its place.
    unreadable
        What is wrong with the others, in sentences.
    """
    images: dict[str, Image] = {}
    unreadable: list[str] = []

    def opened(part: Part) -> Image | InputError:
        try:
            return part.open()
        except InputError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        for begin in range(0, len(parts), 256):
            job.progress(begin, len(parts), "Reading the headers of the tiles")
            batch = parts[begin : begin + 256]
            for part, found in zip(batch, pool.map(opened, batch), strict=True):
                if isinstance(found, InputError):
                    unreadable.append(str(found))
                else:
                    images[part.place] = found
    return images, unreadable


def _common(images: dict[str, Image]) -> Acquisition:
    """Return what the tiles say alike; of the size of a pixel what most of them say."""
    every = [image.acquisition for image in images.values()]
    sizes = Counter(one.pixel_size_um for one in every if one.pixel_size_um)
    same = {
        name: getattr(every[0], name)
        for name in ("instrument", "detector", "accelerating_voltage_kv", "dwell_time_us")
        if len({getattr(one, name) for one in every}) == 1
    }
    times = [one.taken for one in every if one.taken]
    return Acquisition(
        pixel_size_um=sizes.most_common(1)[0][0] if sizes else None,
        taken=min(times) if times else None,
        **same,
    )
