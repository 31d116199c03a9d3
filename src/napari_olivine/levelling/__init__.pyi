from .io import read_levelling as read_levelling
from .levelled_raster import (
    LevelledRaster as LevelledRaster,
    Levelling as Levelling,
    open_levelled as open_levelled,
)
from .settings import LevelSettings as LevelSettings
from .step import level as level
