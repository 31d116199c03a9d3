from .io import read_levelling as read_levelling
from .levelled_raster import LevelledRaster as LevelledRaster
from .levelled_raster import Levelling as Levelling
from .levelled_raster import open_levelled as open_levelled
from .settings import LevelSettings as LevelSettings
from .step import level as level
