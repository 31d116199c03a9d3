from .embedded import Told as Told
from .embedded import read_beside as read_beside
from .embedded import read_embedded as read_embedded
from .quantities import first_that_fits as first_that_fits
from .quantities import pixel_um as pixel_um
from .resolution import LARGEST_PIXEL_UM as LARGEST_PIXEL_UM
from .resolution import resolution_um as resolution_um
