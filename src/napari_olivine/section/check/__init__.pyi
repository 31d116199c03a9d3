from .findings import Finding as Finding, Report as Report
from .run import CheckSettings as CheckSettings, check_section as check_section
