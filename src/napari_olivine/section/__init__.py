"""The thin section on disk: rasters, tables, sessions, products and their provenance."""

from napari_olivine.section.draft import Draft
from napari_olivine.section.provenance import Product, Recipe
from napari_olivine.section.raster import Raster, block_side, blocks, create_raster, strip_height
from napari_olivine.section.sessions import Session, session_index, with_role
from napari_olivine.section.store import Section, SectionRecord
from napari_olivine.section.strip_writer import Strips
from napari_olivine.section.submaps import Fields, Place
from napari_olivine.section.tiles import Tiles

__all__ = [
    "Draft",
    "Fields",
    "Place",
    "Product",
    "Raster",
    "Recipe",
    "Section",
    "SectionRecord",
    "Session",
    "Strips",
    "Tiles",
    "block_side",
    "blocks",
    "create_raster",
    "session_index",
    "strip_height",
    "with_role",
]
