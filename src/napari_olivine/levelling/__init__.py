"""Levelling: the grey of all tiles and sessions of a mosaic on one scale."""

from napari_olivine.levelling.io import read_levelling
from napari_olivine.levelling.levelled_raster import LevelledRaster, Levelling, open_levelled
from napari_olivine.levelling.settings import LevelSettings
from napari_olivine.levelling.step import level

__all__ = [
    "LevelSettings",
    "LevelledRaster",
    "Levelling",
    "level",
    "open_levelled",
    "read_levelling",
]
