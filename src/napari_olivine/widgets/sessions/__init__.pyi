from .sessions_table import SessionsPart as SessionsPart
