from .crystal_pages import CrystalPages as CrystalPages, next_to_label as next_to_label
from .descriptor_plot import DescriptorPlot as DescriptorPlot, ellipse_outline as ellipse_outline
from .keys import ReviewKeys as ReviewKeys
from .kind_list import KEYS as KEYS, KindList as KindList
from .kind_words import kind_in_words as kind_in_words, score_in_words as score_in_words
from .looks_part import (
    MODEL as MODEL,
    LooksPart as LooksPart,
    look_data as look_data,
    read_looks as read_looks,
)
from .panel import (
    BUTTONS as BUTTONS,
    HISTORY as HISTORY,
    SIZES as SIZES,
    ReviewPanel as ReviewPanel,
)
from .tools import (
    BrushTool as BrushTool,
    LineTool as LineTool,
    MarkerTool as MarkerTool,
    Tool as Tool,
)
