"""Mosaics: where each tile lies, found by description, stage, names or overlaps; and its pixels."""

from napari_olivine.readers.mosaic.description import (
    MosaicDescription,
    described_layout,
    described_parts,
    read_description,
)
from napari_olivine.readers.mosaic.filename_grid import NamedGrid, grid_of_names
from napari_olivine.readers.mosaic.layout import Layout, StageFrame, lay_out
from napari_olivine.readers.mosaic.place_tiles import arrange_tiles, share_strips
from napari_olivine.readers.mosaic.registration import Registered, register
from napari_olivine.readers.mosaic.stage_layout import layout_of_stage
from napari_olivine.readers.mosaic.tile_mosaic import TileMosaic

__all__ = [
    "Layout",
    "MosaicDescription",
    "NamedGrid",
    "Registered",
    "StageFrame",
    "TileMosaic",
    "arrange_tiles",
    "described_layout",
    "described_parts",
    "grid_of_names",
    "lay_out",
    "layout_of_stage",
    "read_description",
    "register",
    "share_strips",
]
