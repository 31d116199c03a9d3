from .child_process import COMMAND as COMMAND
from .child_process import Jobs as Jobs
