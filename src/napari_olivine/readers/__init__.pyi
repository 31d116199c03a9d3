from .assemble import (
    AddTablesSettings as AddTablesSettings,
    Source as Source,
    add_tables as add_tables,
    import_section as import_section,
    read_source as read_source,
)
from .base import SignalReader as SignalReader
from .settings import ImportSettings as ImportSettings
