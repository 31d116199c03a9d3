from .core_rim import (
    classify_sizes as classify_sizes,
    classify_zoning as classify_zoning,
    measure_composition as measure_composition,
)
from .radial import (
    GRID as GRID,
    RadialProfile as RadialProfile,
    on_grid as on_grid,
    profile_distances as profile_distances,
    radial_profile as radial_profile,
)
from .zone_rules import PAPER_CLASSES as PAPER_CLASSES, ZoneRules as ZoneRules
from .zoning_classes import Zoning as Zoning, classify_zones as classify_zones
