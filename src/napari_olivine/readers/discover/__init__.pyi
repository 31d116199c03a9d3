from .contents import Contents as Contents, one_file as one_file, read_contents as read_contents
from .filename_patterns import (
    drop_non_tiles as drop_non_tiles,
    in_short as in_short,
    pattern_of as pattern_of,
)
from .find_tables import TableFolder as TableFolder
from .group_signals import SignalGroups as SignalGroups, group_by_signal as group_by_signal
from .scan import TABLE_FOLDERS as TABLE_FOLDERS
from .select_signals import (
    NAMED as NAMED,
    is_wanted as is_wanted,
    select_signals_of as select_signals_of,
)
