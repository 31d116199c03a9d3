from .identify import read_source as read_source
from .placement import settle as settle
