from .class_colours import (
    CLASS_COLOURS as CLASS_COLOURS,
    CLASS_TITLES as CLASS_TITLES,
    PHENOCRYSTS as PHENOCRYSTS,
    class_codes as class_codes,
    crystal_classes as crystal_classes,
    rgb as rgb,
)
from .crystal_measurements import Measured as Measured, measure_crystals as measure_crystals
from .images import Images as Images, Labels as Labels, crystal_images as crystal_images
from .settings import (
    SIZE_CLASSES as SIZE_CLASSES,
    ZONING_CLASSES as ZONING_CLASSES,
    CrystalsSettings as CrystalsSettings,
)
from .step import find_crystals as find_crystals
from .table import (
    COLUMNS as COLUMNS,
    COUNTED_SHARE as COUNTED_SHARE,
    REGION_SHARE as REGION_SHARE,
    REVIEW as REVIEW,
    complete as complete,
    complete_columns as complete_columns,
    counted as counted,
    in_order as in_order,
    left_out as left_out,
    outside as outside,
    summary as summary,
)
from .zoning.core_rim import classify_sizes as classify_sizes, classify_zoning as classify_zoning
