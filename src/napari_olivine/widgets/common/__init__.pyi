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
from .plot import Axis as Axis, Curve as Curve, Plot as Plot
from .preload import preload_soon as preload_soon
from .words import in_window as in_window
