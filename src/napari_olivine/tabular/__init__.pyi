from .numbers import (
    Marks as Marks,
    StoredNumber as StoredNumber,
    find_marks as find_marks,
    has_error as has_error,
    is_blank as is_blank,
    is_number as is_number,
    parts_thousands as parts_thousands,
    read_number as read_number,
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
