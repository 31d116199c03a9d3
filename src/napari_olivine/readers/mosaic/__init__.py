"""Mosaics: where each tile lies, found by description, stage, names or overlaps; and its pixels."""

from napari_olivine.readers.mosaic.description import (
    MosaicDescription,
    described_files,
    described_layout,
    open_mosaic,
    read_description,
)
from napari_olivine.readers.mosaic.layout import Layout, StageFrame, lay_out
from napari_olivine.readers.mosaic.tile_mosaic import TileMosaic

__all__ = [
    "Layout",
    "MosaicDescription",
    "StageFrame",
    "TileMosaic",
    "described_files",
    "described_layout",
    "lay_out",
    "open_mosaic",
    "read_description",
]
