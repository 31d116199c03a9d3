from .session_tables import read_placements as read_placements
from .session_tables import read_sessions as read_sessions
