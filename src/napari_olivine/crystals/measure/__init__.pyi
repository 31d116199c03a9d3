from .distance import exact_distance as exact_distance
from .inclusions import (
    Inclusion as Inclusion,
    find_inclusions as find_inclusions,
    inclusion_table as inclusion_table,
)
from .outline import measure_boundary as measure_boundary
from .shape import (
    fill_holes as fill_holes,
    in_um as in_um,
    measure_shape as measure_shape,
    outline_distance as outline_distance,
)
from .vesicles import add_surroundings as add_surroundings, find_vesicle_grey as find_vesicle_grey
from .windows import (
    WINDOW_BYTES as WINDOW_BYTES,
    Window as Window,
    block_name as block_name,
    crystal_blocks as crystal_blocks,
    crystal_windows as crystal_windows,
    extent as extent,
    sides_on_edge as sides_on_edge,
)
