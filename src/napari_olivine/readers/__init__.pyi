from .assemble.identify import read_source as read_source
from .assemble.importer import import_section as import_section
from .assemble.source import Source as Source
from .base.signal_reader import SignalReader as SignalReader
from .settings import ImportSettings as ImportSettings
