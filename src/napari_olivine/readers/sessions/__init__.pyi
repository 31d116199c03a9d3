from .csv_table import read_csv as read_csv, require as require, words_of as words_of
from .placement_table import (
    PlacementTable as PlacementTable,
    read_placements as read_placements,
)
from .session_tables import SessionTable as SessionTable, read_sessions as read_sessions
