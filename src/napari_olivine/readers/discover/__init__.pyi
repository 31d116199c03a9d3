from .contents import Contents as Contents, look_into as look_into, one_file as one_file
from .filename_patterns import (
    drop_non_tiles as drop_non_tiles,
    in_short as in_short,
    pattern_of as pattern_of,
)
from .find_tables import TableFolder as TableFolder
from .group_signals import SignalGroups as SignalGroups, group as group
from .scan import TABLE_FOLDERS as TABLE_FOLDERS
from .select_signals import NAMED as NAMED, choose as choose, is_wanted as is_wanted
