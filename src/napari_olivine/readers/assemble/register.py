"""Register: tiles and maps move until they agree; a section that is being made remembers where."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.source import Source
from napari_olivine.readers.mosaic import Layout, TileMosaic, register, share_strips
from napari_olivine.readers.submaps import Submap, at_stage, register_submaps, table_of
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
    """Where the tiles and maps of a source will stay.

    Parameters
    ----------
    layout
        The tiles, `None` without tiles.
    submaps
        Maps of parts of the section.
    overlaps
        What the registration measured, see `napari_olivine.readers.mosaic.RegisteredTiles`; `None`
        where nothing overlaps.
    remarks
        What the person should know, in sentences.
    """

    layout: Layout | None
    submaps: list[Submap]
    overlaps: pd.DataFrame | None = None
    remarks: list[str] = field(default_factory=list)

    def write(self, images: Path) -> None:
        """Write tiles, overlaps and places of maps into a product ``images`` in the making."""
        if self.layout is not None:
            self.layout.tiles.write(images)
        if self.overlaps is not None:
            write_table(self.overlaps, images / OVERLAPS)
        if self.submaps:
            table_of(self.submaps).write(images)


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
        Another layout, and maps in other places.

    Raises
    ------
    InputError
        If a map is found nowhere on the BSE image.
    """
    earlier = None if job.force else _earlier(section, recipe)
    registered = _register_tiles(source, settings, earlier, job)
    if not source.submaps:
        return registered
    submaps = _submaps_of(earlier, source.submaps) if earlier is not None else None
    if submaps is None:
        bse, layout, size = source.reference, registered.layout, source.pixel_size_um
        submaps = source.submaps
        if layout is not None and layout is not source.layout:
            assert isinstance(bse, TileMosaic)
            bse = bse.over(layout)
            if layout.stage is not None:
                submaps = [at_stage(submap, layout.stage, size) for submap in submaps]
        submaps = register_submaps(submaps, bse, size, job)
    return replace(registered, submaps=submaps)


def _register_tiles(
    source: Source, settings: ImportSettings, earlier: Path | None, job: Job
) -> Registered:
    layout = source.layout
    if layout is None:
        return Registered(None, source.submaps)
    if earlier is not None and (tiles := Tiles.read(earlier)) is not None:
        file = earlier / OVERLAPS
        overlaps = read_table(file) if file.exists() else None
        if not tiles.table.equals(layout.tiles.table):
            layout = _with_tiles(layout, tiles)
        return Registered(layout, source.submaps, overlaps)
    if settings.register_tiles is False or not share_strips(layout):
        return Registered(layout, source.submaps)
    bse = source.reference
    assert isinstance(bse, TileMosaic)
    moved = register(layout, bse.tile, job)
    remarks = [remark for remark in moved.layout.remarks if remark not in source.problems]
    return Registered(moved.layout, source.submaps, moved.overlaps, remarks)


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
