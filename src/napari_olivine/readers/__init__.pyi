from .assemble import (
    AddTablesSettings as AddTablesSettings,
    FirstImage as FirstImage,
    Source as Source,
    add_tables as add_tables,
    added_files as added_files,
    added_folder as added_folder,
    import_section as import_section,
    read_first_image as read_first_image,
    read_source as read_source,
)
from .base import SignalReader as SignalReader
from .settings import ImportSettings as ImportSettings
