from .embedded import (
    EmbeddedMetadata as EmbeddedMetadata,
    read_beside as read_beside,
    read_embedded as read_embedded,
)
from .quantities import (
    first_that_fits as first_that_fits,
    iso_moment as iso_moment,
    pixel_um as pixel_um,
    square_pixel_um as square_pixel_um,
)
from .resolution import LARGEST_PIXEL_UM as LARGEST_PIXEL_UM, resolution_um as resolution_um
