from .decoder_process import (
    Message as Message,
    Missing as Missing,
    Worker as Worker,
    serve as serve,
)
from .detector_names import (
    PAGE as PAGE,
    is_known as is_known,
    signal_of_channel as signal_of_channel,
    signal_of_detector as signal_of_detector,
)
from .registry import (
    FORMATS as FORMATS,
    Format as Format,
    format_of as format_of,
    holds_several as holds_several,
    open_images as open_images,
)
from .to_grey import (
    ToGrey as ToGrey,
    colour_error as colour_error,
    first_sample as first_sample,
    from_equal_colours as from_equal_colours,
    from_palette as from_palette,
    turned_round as turned_round,
    without_sign as without_sign,
)
