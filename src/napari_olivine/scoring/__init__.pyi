from .boundaries import WIDTH_PX as WIDTH_PX, BoundaryCounts as BoundaryCounts
from .results import Scores as Scores, SizesScores as SizesScores
from .settings import ScoreSettings as ScoreSettings
from .sizes import (
    BOUNDS_UM2 as BOUNDS_UM2,
    RegionOverlaps as RegionOverlaps,
    score_sizes as score_sizes,
)
from .step import score_section as score_section
from .table import scores_table as scores_table
from .truth import Truth as Truth
