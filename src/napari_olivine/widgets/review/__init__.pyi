from .keys import ReviewKeys as ReviewKeys
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
