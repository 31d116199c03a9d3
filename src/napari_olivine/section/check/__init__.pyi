from .findings import Finding as Finding, Report as Report
from .orphans import in_use as in_use
from .run import CheckSettings as CheckSettings, check_section as check_section
