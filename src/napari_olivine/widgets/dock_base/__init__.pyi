from .close_guard import guard_window as guard_window
from .dock import Dock as Dock
from .opening import open_dock as open_dock
from .question import Question as Question
from .run_bar import RemainingTime as RemainingTime, clock as clock
from .step_dock import DOT as DOT, StepDock as StepDock
from .window_layout import open_all_docks as open_all_docks, open_docks as open_docks
