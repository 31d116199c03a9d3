from .xmaptools import Standards as Standards
from .xmaptools import is_standard_file as is_standard_file
from .xmaptools import pixel_sizes_um as pixel_sizes_um
from .xmaptools import read_standards as read_standards
from .xmaptools import spot_analyses as spot_analyses
