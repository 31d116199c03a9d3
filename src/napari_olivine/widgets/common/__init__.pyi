from .background import Background as Background
from .choosing import (
    choose_file as choose_file,
    choose_files as choose_files,
    choose_folder as choose_folder,
)
from .connections import Connections as Connections
from .controls import (
    Collapsible as Collapsible,
    Message as Message,
    column_layout as column_layout,
    combo as combo,
    fill_combo as fill_combo,
    form_layout as form_layout,
    heading as heading,
    make_headings as make_headings,
    narrow as narrow,
    push_button as push_button,
    readable as readable,
    reserve_lines as reserve_lines,
    row_layout as row_layout,
    single_shot as single_shot,
    wrapped as wrapped,
)
from .folder_edit import FolderEdit as FolderEdit
from .folder_list import FolderList as FolderList
from .forms import SettingsForm as SettingsForm
from .memory import memory_box as memory_box, memory_budget as memory_budget
from .number_box import NumberBox as NumberBox
from .phrases import (
    LINK as LINK,
    Problem as Problem,
    in_words as in_words,
    title_of_setting as title_of_setting,
    with_links as with_links,
)
from .plot import Axis as Axis, Curve as Curve, Plot as Plot, round_ticks as round_ticks
from .preferences import stored_preferences as stored_preferences
from .preload import preload_soon as preload_soon
from .tables import fit_rows as fit_rows, small_table as small_table
from .wheel import keep_from_wheel as keep_from_wheel
