"""Open a dock of the plugin, or bring it to the front, and point out a part of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_olivine.widgets.common import LINK, Collapsible

POINTED_MS = 2500
"""How long a part is pointed out."""


def open_dock(viewer: Any, name: str, step: str = "", setting: str = "") -> Any:
    """Show a dock of the plugin.

    Parameters
    ----------
    viewer
        Viewer with a window.
    name
        Name of the dock as the menu shows it, e.g. ``"Phase masks"``.
    step
        Step whose button is pointed out, e.g. ``"mask"``.
    setting
        Setting of that step whose field is pointed out, if the dock has one, instead.

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
        field = widget.field_of(setting, step) if setting else None
        point_out(widget, field or widget.button_of(step))
    return widget


def point_out(dock: Any, part: QWidget | None) -> None:
    """Bring a part of a dock into view, give it the keyboard, and frame it for a moment."""
    if part is None:
        return
    outer = part.parentWidget()
    while outer is not None:
        if isinstance(outer, Collapsible):
            outer.set_expanded(True)
        outer = outer.parentWidget()
    frame = f" {part.metaObject().className()} {{ border: 2px solid {LINK}; }}"
    look = part.styleSheet().replace(frame, "")  # it may be pointed at already

    def begin() -> None:
        with suppress(RuntimeError):  # the dock was closed meanwhile
            area: QWidget = dock.scroll_area.widget()
            if area.isAncestorOf(part):
                dock.scroll_area.ensureWidgetVisible(part)
            part.setFocus()
            part.setStyleSheet(look + frame)

    def end() -> None:
        with suppress(RuntimeError):
            part.setStyleSheet(look)

    QTimer.singleShot(0, begin)  # what was expanded has its place by then
    QTimer.singleShot(POINTED_MS, end)
