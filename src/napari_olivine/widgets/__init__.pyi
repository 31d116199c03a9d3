from .reader import get_reader as get_reader
from .viewer_window import view as view
