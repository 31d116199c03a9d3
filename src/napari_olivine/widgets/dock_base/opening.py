"""Open a dock of the plugin, or bring it to the front."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QPushButton, QWidget

POINTED_MS = 2500
"""How long a button is pointed out."""

FRAME = "QPushButton { border: 2px solid #7ab8ff; }"


def open_dock(viewer: Any, name: str, step: str = "") -> Any:
    """Show a dock of the plugin.

    Parameters
    ----------
    viewer
        Viewer with a window.
    name
        Name of the dock as the menu shows it, e.g. ``"Phase masks"``.
    step
        Step whose button is pointed out, e.g. ``"mask"``.

    Returns
    -------
    QWidget
        Content of the dock.
    """
    from napari.viewer import Viewer

    if not isinstance(viewer, Viewer):
        return None
    dock, widget = viewer.window.add_plugin_dock_widget("napari-olivine", name)
    dock.show()
    dock.raise_()
    if step:
        point_out(widget, widget.button_of(step))
    return widget


def point_out(dock: Any, button: QPushButton | None) -> None:
    """Bring a button into view, give it the keyboard, and frame it for a moment."""
    if button is None:
        return

    def begin() -> None:
        with suppress(RuntimeError):  # the dock was closed meanwhile
            area: QWidget = dock.scroll_area.widget()
            if area.isAncestorOf(button):
                dock.scroll_area.ensureWidgetVisible(button)
            button.setFocus()
            button.setStyleSheet(FRAME)

    def end() -> None:
        with suppress(RuntimeError):
            button.setStyleSheet("")

    QTimer.singleShot(0, begin)  # what was unfolded has its place by then
    QTimer.singleShot(POINTED_MS, end)
