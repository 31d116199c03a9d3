from .areas_part import AreasPart as AreasPart
from .sessions_table import SessionsPart as SessionsPart
