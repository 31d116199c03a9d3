from .assemble import (
    Source as Source,
    import_section as import_section,
    read_source as read_source,
)
from .base import SignalReader as SignalReader
from .settings import ImportSettings as ImportSettings
