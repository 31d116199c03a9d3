from .session_tables import read_placements as read_placements, read_sessions as read_sessions
