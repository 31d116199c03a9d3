"""The sections that were opened last, to be opened again."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu

from napari_olivine.widgets.common import stored_preferences

KEY = "recent_sections"
MOST = 8
"""Sections that are remembered."""


class RecentMenu(QMenu):
    """Menu of the sections that were opened last, the newest first; the person's own list."""

    chosen = Signal(str)
    """Folder of the section to open."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Show the sections that are still there."""
        self.clear()
        for folder in [one for one in recent_sections() if Path(one, "section.json").is_file()]:
            action = self.addAction(Path(folder).name)
            if action is not None:
                action.setToolTip(folder)
                action.triggered.connect(lambda _=False, folder=folder: self.chosen.emit(folder))
        if self.isEmpty() and (nothing := self.addAction("No section yet")) is not None:
            nothing.setEnabled(False)


def recent_sections() -> list[str]:
    """Return the folders of the sections that were opened last, the newest first."""
    found = stored_preferences().value(KEY) or []
    return [found] if isinstance(found, str) else [str(one) for one in found]  # Qt unpacks one


def remember_section(folder: Path) -> None:
    """Put a section at the head of the list."""
    others = [one for one in recent_sections() if one != str(folder)]
    stored_preferences().setValue(KEY, [str(folder), *others][:MOST])
