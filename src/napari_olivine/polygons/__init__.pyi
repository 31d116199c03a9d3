from .faults import fault_of as fault_of, refuse_faults as refuse_faults
from .geojson import (
    HALF_PX as HALF_PX,
    GeoJsonFile as GeoJsonFile,
    feature_of as feature_of,
    read_geojson as read_geojson,
    with_own_names as with_own_names,
)
from .polygon import Polygon as Polygon, pixels_inside as pixels_inside
from .tracing import Rings as Rings, trace_polygons as trace_polygons
