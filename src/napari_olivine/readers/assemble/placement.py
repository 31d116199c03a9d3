"""Where tiles and maps finally lie: registered once, remembered by a section that is being made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.identify import with_fields, with_layout
from napari_olivine.readers.assemble.source import Source
from napari_olivine.readers.discover import BSE
from napari_olivine.readers.mosaic import Layout, TileMosaic, register, share_strips
from napari_olivine.readers.submaps import register_submaps, table_of
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
class Placement:
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
        """Write tiles and overlaps into a product ``images`` that is being made."""
        if self.source.layout is not None:
            self.source.layout.tiles.write(images)
        if self.overlaps is not None:
            write_table(self.overlaps, images / OVERLAPS)
        if self.source.fields:
            table_of(self.source.fields).write(images)


def place_signals(
    source: Source, settings: ImportSettings, recipe: Recipe, place: Path, job: Job
) -> Placement:
    """Register the tiles and maps of a source, or take what an earlier run of this import found.

    Parameters
    ----------
    source
        Source as it was recognised.
    settings
        Settings of the import.
    recipe
        Recipe of the product ``images``.
    place
        Folder of the section, which may not exist yet.
    job
        Running job.
    """
    earlier = None if job.force else _earlier(place, recipe)
    settled = _settle_tiles(source, settings, earlier, job)
    return replace(settled, source=_settle_fields(settled.source, earlier, job))


def _settle_tiles(
    source: Source, settings: ImportSettings, earlier: Path | None, job: Job
) -> Placement:
    if source.layout is None:
        return Placement(source)
    if earlier is not None:
        tiles = Tiles.read(earlier)
        if tiles is not None:
            file = earlier / OVERLAPS
            overlaps = read_table(file) if file.exists() else None
            return Placement(_moved(source, tiles, settings), overlaps)
    if settings.register_tiles is False or not share_strips(source.layout):
        return Placement(source)
    bse = source.signals[BSE]
    assert isinstance(bse, TileMosaic)
    registered = register(source.layout, bse.tile, job)
    told = set(source.problems)
    problems = [*source.problems, *(r for r in registered.layout.remarks if r not in told)]
    moved = with_layout(source, registered.layout, settings)
    return Placement(replace(moved, problems=problems), registered.overlaps)


def _settle_fields(source: Source, earlier: Path | None, job: Job) -> Source:
    """Find the place of maps of a part of the section, or take what an earlier run found."""
    if not source.fields:
        return source
    known = Submaps.read(earlier) if earlier is not None else None
    places = known.places if known is not None else {}
    if known is not None and {one.name for one in source.fields} == set(places):
        rows = {str(row["field"]): row for row in known.table.to_dict("records")}
        fields = [
            replace(
                one,
                place=places[one.name],
                how=rows[one.name]["how"],
                explained=rows[one.name]["explained"],
            )
            for one in source.fields
        ]
        return with_fields(source, fields)
    fields = register_submaps(source.fields, source.signals[BSE], source.pixel_size_um, job)
    return with_fields(source, fields)


def _earlier(place: Path, recipe: Recipe) -> Path | None:
    finished = place / IMAGES
    there = (finished / RECORD).exists()
    if there and Product.read(finished).fingerprint == recipe.fingerprint:
        return finished
    return unfinished(place, IMAGES, recipe)


def _moved(source: Source, tiles: Tiles, settings: ImportSettings) -> Source:
    assert source.layout is not None
    if tiles.table.equals(source.layout.tiles.table):
        return source
    bounds = tiles.bounds
    layout: Layout = replace(
        source.layout,
        how="registered",
        tiles=tiles,
        shape=(int(bounds[:, 1].max()), int(bounds[:, 3].max())),
    )
    return with_layout(source, layout, settings)
