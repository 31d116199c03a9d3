from .child_process import COMMAND as COMMAND, Jobs as Jobs
