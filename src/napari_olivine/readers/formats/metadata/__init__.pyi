from .embedded import (
    EmbeddedMetadata as EmbeddedMetadata,
    read_beside as read_beside,
    read_embedded as read_embedded,
    read_of_page as read_of_page,
)
from .pixel_size import (
    OBLONG as OBLONG,
    PixelSizes as PixelSizes,
    contradictions as contradictions,
    preferred as preferred,
    stated as stated,
    undecided as undecided,
)
from .quantities import (
    first_that_fits as first_that_fits,
    iso_moment as iso_moment,
    pixel_um as pixel_um,
    square_pixel_um as square_pixel_um,
)
from .resolution import (
    INCH_UM as INCH_UM,
    by_resolution as by_resolution,
    resolution_of as resolution_of,
)
