from .numbers import (
    has_decimal_commas as has_decimal_commas,
    is_blank as is_blank,
    is_number as is_number,
    read_number as read_number,
    read_numbers as read_numbers,
)
from .sheets import (
    SEPARATORS as SEPARATORS,
    Sheet as Sheet,
    is_spreadsheet as is_spreadsheet,
    read_spreadsheet as read_spreadsheet,
    read_text as read_text,
    require_size as require_size,
    split_cells as split_cells,
    split_text as split_text,
)
