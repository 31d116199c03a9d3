from .image import (
    COPY_AGAIN as COPY_AGAIN,
    Acquisition as Acquisition,
    Image as Image,
    Unreadable as Unreadable,
    usual_pixel_size as usual_pixel_size,
    usual_pixel_size_um as usual_pixel_size_um,
)
from .pixel_size import AGREEING as AGREEING, PixelSize as PixelSize
from .signal_names import (
    DEPTH as DEPTH,
    depth_of as depth_of,
    is_no_measurement as is_no_measurement,
    is_xray_map as is_xray_map,
    signal_of as signal_of,
    unit_of as unit_of,
)
from .signal_reader import SignalReader as SignalReader
from .validation import LISTED as LISTED, raise_if_any as raise_if_any
from .vocabulary import (
    BSE as BSE,
    BSE_DETECTORS as BSE_DETECTORS,
    ELEMENTS as ELEMENTS,
    LINE as LINE,
    SYMBOLS as SYMBOLS,
    element_of_line as element_of_line,
    plain as plain,
)
