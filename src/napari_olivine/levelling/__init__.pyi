from .io import read_levelling as read_levelling
from .levelled_raster import LevelledRaster as LevelledRaster, open_levelled as open_levelled
from .result import Levelling as Levelling
from .settings import LevelSettings as LevelSettings
from .step import level as level
