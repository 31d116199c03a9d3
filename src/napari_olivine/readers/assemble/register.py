"""Register: tiles and maps move until they agree; a section that is being made remembers where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.source import Source
from napari_olivine.readers.discover import BSE
from napari_olivine.readers.mosaic import Layout, TileMosaic, register, share_strips
from napari_olivine.readers.submaps import Submap, register_submaps, table_of
from napari_olivine.section import (
    RECORD,
    Product,
    Recipe,
    Submaps,
    Tiles,
    read_table,
    unfinished,
    write_table,
)

OVERLAPS = "overlaps.parquet"
"""File of the product ``images`` that compares overlapping tiles."""

IMAGES = "images"


@dataclass(frozen=True)
class Registered:
    """A source whose tiles and maps lie where they will stay.

    Parameters
    ----------
    source
        The source.
    overlaps
        What the registration measured, see `napari_olivine.readers.mosaic.Registered`; `None`
        where nothing overlaps.
    """

    source: Source
    overlaps: pd.DataFrame | None = None

    def write(self, images: Path) -> None:
        """Write tiles, overlaps and places of maps into a product ``images`` in the making."""
        if self.source.layout is not None:
            self.source.layout.tiles.write(images)
        if self.overlaps is not None:
            write_table(self.overlaps, images / OVERLAPS)
        if self.source.submaps:
            table_of(self.source.submaps).write(images)


def register_source(
    source: Source, settings: ImportSettings, recipe: Recipe, section: Path, job: Job
) -> Registered:
    """Register the tiles and maps of a source, or take what an earlier run of this import found.

    Parameters
    ----------
    source
        Source as it was recognised.
    settings
        Settings of the import.
    recipe
        Recipe of the product ``images``.
    section
        Folder of the section, which may not exist yet.
    job
        Running job.

    Returns
    -------
    Registered
        The source with another layout, and maps in other places.

    Raises
    ------
    InputError
        If a map is found nowhere on the BSE image.
    """
    earlier = None if job.force else _earlier(section, recipe)
    registered = _register_tiles(source, settings, earlier, job)
    moved = registered.source
    if not moved.submaps:
        return registered
    submaps = _submaps_of(earlier, moved.submaps) if earlier is not None else None
    if submaps is None:
        submaps = register_submaps(moved.submaps, moved.signals[BSE], moved.pixel_size_um, job)
    return replace(registered, source=moved.with_submaps(submaps))


def _register_tiles(
    source: Source, settings: ImportSettings, earlier: Path | None, job: Job
) -> Registered:
    layout = source.layout
    if layout is None:
        return Registered(source)
    if earlier is not None and (tiles := Tiles.read(earlier)) is not None:
        file = earlier / OVERLAPS
        overlaps = read_table(file) if file.exists() else None
        if tiles.table.equals(layout.tiles.table):
            return Registered(source, overlaps)
        return Registered(source.with_layout(_with_tiles(layout, tiles)), overlaps)
    if settings.register_tiles is False or not share_strips(layout):
        return Registered(source)
    bse = source.signals[BSE]
    assert isinstance(bse, TileMosaic)
    registered = register(layout, bse.tile, job)
    remarks = [one for one in registered.layout.remarks if one not in source.problems]
    moved = source.with_layout(registered.layout)
    return Registered(replace(moved, problems=source.problems + remarks), registered.overlaps)


def _with_tiles(layout: Layout, tiles: Tiles) -> Layout:
    rows, columns = int(tiles.bounds[:, 1].max()), int(tiles.bounds[:, 3].max())
    return replace(layout, how="registered", tiles=tiles, shape=(rows, columns))


def _submaps_of(earlier: Path, submaps: list[Submap]) -> list[Submap] | None:
    """Return the maps where an earlier run found them; `None` if it knew others."""
    known = Submaps.read(earlier)
    if known is None or {one.name for one in submaps} != set(known.places):
        return None
    rows = {str(row["field"]): row for row in known.table.to_dict("records")}
    return [
        replace(
            one,
            place=known.places[one.name],
            how=rows[one.name]["how"],
            explained=rows[one.name]["explained"],
        )
        for one in submaps
    ]


def _earlier(section: Path, recipe: Recipe) -> Path | None:
    """Return the folder of the product ``images`` of the same recipe, finished or not."""
    finished = section / IMAGES
    there = (finished / RECORD).exists()
    if there and Product.read(finished).fingerprint == recipe.fingerprint:
        return finished
    return unfinished(section, IMAGES, recipe)
