from .added_tables import (
    AddTablesSettings as AddTablesSettings,
    add_tables as add_tables,
    added_files as added_files,
    added_folder as added_folder,
)
from .first_image import FirstImage as FirstImage, read_first_image as read_first_image
from .importer import import_section as import_section
from .register import register_source as register_source
from .relocate import relocate_source as relocate_source
from .source import Source as Source, read_source as read_source
