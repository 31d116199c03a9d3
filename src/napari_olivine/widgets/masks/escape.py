"""Esc ends what a part of the dock lets the mouse do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut

from napari_olivine.widgets.common import Connections
from napari_olivine.widgets.state import OpenSection


def escape_key(
    session: OpenSection, connections: Connections, slot: Callable[[], None]
) -> QShortcut:
    """Make a shortcut for Esc while the image has the keys.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    slot
        Called when the key is pressed.

    Returns
    -------
    QShortcut
        Disabled: only one at a time may act.
    """
    viewer: Any = session.viewer
    escape = QShortcut(QKeySequence("Esc"), viewer.window._qt_viewer.canvas.native)
    escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    escape.activated.connect(slot)
    escape.setEnabled(False)
    connections.on_close(escape.deleteLater)
    return escape
