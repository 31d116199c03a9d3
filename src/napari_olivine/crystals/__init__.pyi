from .class_colours import (
    CLASS as CLASS,
    CLASS_COLOURS as CLASS_COLOURS,
    CLASS_TITLES as CLASS_TITLES,
    KIND_COLUMNS as KIND_COLUMNS,
    PALETTE as PALETTE,
    PHENOCRYSTS as PHENOCRYSTS,
    ROBUST as ROBUST,
    VERDICT_COLOURS as VERDICT_COLOURS,
    ZONE_COLOURS as ZONE_COLOURS,
    ZONE_TITLES as ZONE_TITLES,
    class_codes as class_codes,
    crystal_classes as crystal_classes,
    kind_colours as kind_colours,
    rgb as rgb,
)
from .crystal_measurements import Measured as Measured, measure_crystals as measure_crystals
from .images import Images as Images, crystal_images as crystal_images
from .labels import Labels as Labels, SizesOfSource as SizesOfSource
from .phase_sources import (
    crystals_there as crystals_there,
    phase_of_product as phase_of_product,
    phases_told as phases_told,
    pixels_of as pixels_of,
    product_of_phase as product_of_phase,
)
from .recognised import (
    KIND as KIND,
    KINDS as KINDS,
    NONE_OF_THESE as NONE_OF_THESE,
    RECOGNISED as RECOGNISED,
    recognised_kinds as recognised_kinds,
    with_recognised as with_recognised,
    without_spelling as without_spelling,
)
from .settings import (
    OLIVINE as OLIVINE,
    SIZE_CLASSES as SIZE_CLASSES,
    ZONING_CLASSES as ZONING_CLASSES,
    CrystalsSettings as CrystalsSettings,
)
from .step import find_crystals as find_crystals
from .table import (
    CLUSTER_SOLIDITY as CLUSTER_SOLIDITY,
    COLUMNS as COLUMNS,
    COUNTED_SHARE as COUNTED_SHARE,
    REGION_SHARE as REGION_SHARE,
    REVIEW as REVIEW,
    complete as complete,
    complete_columns as complete_columns,
    counted as counted,
    in_order as in_order,
    left_out as left_out,
    of_other_phase as of_other_phase,
    outside as outside,
    summary as summary,
)
from .zoning.core_rim import classify_sizes as classify_sizes, classify_zoning as classify_zoning
