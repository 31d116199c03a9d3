from .camera import (
    bring_into_view as bring_into_view,
    extent_of as extent_of,
    zoom_to as zoom_to,
)
from .polygons_part import PolygonsPart as PolygonsPart
from .polygons_view import Corners as Corners, PolygonsView as PolygonsView
from .shapes_view import (
    HalfDrawn as HalfDrawn,
    ShapesView as ShapesView,
    ShownShape as ShownShape,
)
from .toast import Toast as Toast
from .window_undo import (
    DOCK_MARK as DOCK_MARK,
    WindowUndo as WindowUndo,
)
