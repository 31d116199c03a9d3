from .area import polygon_mm2 as polygon_mm2, studied_mm2 as studied_mm2
from .region import Region as Region
from .region_file import CLASSES as CLASSES, read_regions as read_regions
from .region_table import DIGITS as DIGITS, polygons_of as polygons_of, table_of as table_of
from .settings import RegionsSettings as RegionsSettings
from .step import set_regions as set_regions
from .stored import (
    REGIONS_INPUT as REGIONS_INPUT,
    copied_region as copied_region,
    copy_region as copy_region,
    region_inputs as region_inputs,
    study_region as study_region,
)
