from .opening import open_dock as open_dock
from .step_dock import DOT as DOT
