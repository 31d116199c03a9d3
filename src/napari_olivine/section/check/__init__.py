"""The check of a section: whether all of it is whole, and what can be mended."""

from napari_olivine.section.check.findings import Finding, Report
from napari_olivine.section.check.run import CheckSettings, check_section

__all__ = ["CheckSettings", "Finding", "Report", "check_section"]
