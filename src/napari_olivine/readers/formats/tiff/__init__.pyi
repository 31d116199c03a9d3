from .images import SUFFIXES as SUFFIXES
from .rows import check_extent as check_extent
from .tag_check import check_tags as check_tags
