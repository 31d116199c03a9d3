from .identify import read_source as read_source
from .placement import place_signals as place_signals
