from .keys import ReviewKeys as ReviewKeys
from .panel import BUTTONS as BUTTONS
from .panel import SIZES as SIZES
from .panel import ReviewPanel as ReviewPanel
from .tools import BrushTool as BrushTool
from .tools import LineTool as LineTool
from .tools import MarkerTool as MarkerTool
from .tools import Tool as Tool
