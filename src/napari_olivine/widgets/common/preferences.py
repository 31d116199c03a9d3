"""What a person prefers on this machine: one file of settings, kept over restarts."""

from __future__ import annotations

from qtpy.QtCore import QSettings


def stored_preferences() -> QSettings:
    """Return the person's settings; the same kind of file on every system."""
    return QSettings(
        QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-olivine", "napari-olivine"
    )
