from .findings import Finding as Finding
from .findings import Report as Report
from .run import CheckSettings as CheckSettings
from .run import check_section as check_section
