from .keys import ReviewKeys as ReviewKeys
from .kind_list import KEYS as KEYS, KindList as KindList
from .kind_words import kind_in_words as kind_in_words, score_in_words as score_in_words
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
