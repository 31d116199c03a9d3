from .background import Background as Background
from .connections import Links as Links
from .controls import (
    Folding as Folding,
    Message as Message,
    combo as combo,
    heading as heading,
    readable as readable,
    wrapped as wrapped,
)
from .folder_edit import FolderEdit as FolderEdit
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
from .plot import Axis as Axis, Curve as Curve, Plot as Plot
from .preload import warm_up as warm_up
