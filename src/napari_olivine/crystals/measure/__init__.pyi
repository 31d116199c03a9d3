from .blockwise import (
    WINDOW_BYTES as WINDOW_BYTES,
    Measured as Measured,
    block_name as block_name,
    crystal_blocks as crystal_blocks,
    crystal_windows as crystal_windows,
    measure_crystals as measure_crystals,
    sides_on_edge as sides_on_edge,
)
from .distance import exact_distance as exact_distance
from .inclusions import inclusion_table as inclusion_table
from .shape import fill_holes as fill_holes, outline_distance as outline_distance
from .vesicles import add_surroundings as add_surroundings, find_vesicle_grey as find_vesicle_grey
