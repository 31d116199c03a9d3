from .text_map import SUFFIXES as SUFFIXES
from .xmaptools import (
    Standards as Standards,
    is_standard_file as is_standard_file,
    pixel_sizes_um as pixel_sizes_um,
    read_standards as read_standards,
    spot_analyses as spot_analyses,
)
