from .check_part import CheckPart as CheckPart
from .column_mapper import ColumnMapper as ColumnMapper
from .import_part import ImportPart as ImportPart
from .levelling_part import LevellingPart as LevellingPart
from .products_tree import ProductsTree as ProductsTree
from .recent_menu import (
    RecentMenu as RecentMenu,
    recent_sections as recent_sections,
    remember_section as remember_section,
)
