"""The web map: ``index.html`` with all that it needs beside it, for a disk or any web server."""

from __future__ import annotations

import html
import shutil
from collections.abc import Mapping
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pandas as pd

from napari_olivine.catalogue import Exported, viridis
from napari_olivine.catalogue.web.crystal_data import write_crystals
from napari_olivine.catalogue.web.data_scripts import write_script
from napari_olivine.catalogue.web.map_layers import MapLayer, map_layers
from napari_olivine.catalogue.web.page_name import PAGE
from napari_olivine.catalogue.web.tiles import ENDINGS, TILE_PX, write_tiles
from napari_olivine.crystals import OLIVINE, Images
from napari_olivine.job import Job
from napari_olivine.section import Section

FOLDER = "web"
"""Folder of what the page is made of."""

RAMP_COLOURS = 64


def write_site(
    section: Section,
    exported: Exported,
    table: pd.DataFrame,
    folder: Path,
    mg_range: tuple[float, float],
    downloads: Mapping[str, str],
    job: Job,
) -> dict[str, str]:
    """Write the web map of a catalogue.

    Scripts and pictures only: a browser lets a page on a disk load those, and nothing else. No
    text of the section becomes markup; the page shows it as text.

    Parameters
    ----------
    section
        Section with the crystals.
    exported
        What the catalogue is of.
    table
        Crystals of the page.
    folder
        Folder of the catalogue; gets ``index.html`` and ``web/``.
    mg_range
        mg# at the ends of the colour scale.
    downloads
        Files of the catalogue and what each is; those that are there are linked.
    job
        Running job.

    Returns
    -------
    dict of str to str
        What was written, for the README.
    """
    place = folder / FOLDER
    page = Path(str(package_files(__package__) / "site"))
    shutil.copytree(page, place, ignore=shutil.ignore_patterns(PAGE))
    layers = map_layers(section, exported, mg_range)
    described = [_layer(layer, place / "tiles" / layer.tiles.name, job) for layer in layers]
    has_mg = exported.phase == OLIVINE and "mg" in exported.there
    images = Images(
        section.raster(exported.product, "crystals"),
        mg=section.raster("mg", "mg") if has_mg else None,
    )
    radial = section.require(exported.product).path / "profiles.parquet"
    profiles = section.table(exported.product, "profiles") if has_mg and radial.exists() else None
    write_crystals(images, table, profiles, place / "data", job)
    methods = folder / "methods.txt"
    write_script(
        place / "data" / "section.js",
        "OLIVINE.setSection",
        {
            "name": section.record.name,
            "phase": exported.phase,
            "rows": section.shape[0],
            "columns": section.shape[1],
            "pixelUm": section.record.pixel_size_um,
            "tilePx": TILE_PX,
            "endings": ENDINGS,
            "layers": described,
            "ramp": ["#{:02x}{:02x}{:02x}".format(*one) for one in viridis(RAMP_COLOURS)],
            "downloads": [
                [name, words] for name, words in downloads.items() if (folder / name).is_file()
            ],
            "methods": methods.read_text(encoding="utf-8") if methods.is_file() else "",
        },
    )
    markup = (page / PAGE).read_text(encoding="utf-8")
    title = html.escape(f"{section.record.name}: crystals of {exported.phase}")
    (folder / PAGE).write_text(markup.replace("{title}", title), encoding="utf-8")
    return {PAGE: "The web map: open it in a browser, from here or from any web server."}


def _layer(layer: MapLayer, folder: Path, job: Job) -> dict[str, Any]:
    return {
        "name": layer.tiles.name,
        "title": layer.title,
        "shown": layer.shown,
        "legend": layer.legend,
        "scale": layer.scale,
        "index": write_tiles(layer.tiles, folder, job),
    }
