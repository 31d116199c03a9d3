"""Docks of the plugin share one place: seven of them on top of each other outgrow the screen."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget


def dock_around(widget: QWidget) -> QDockWidget | None:
    """Return the dock that a widget lies in, `None` if it lies in none."""
    parent: Any = widget
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parent()
    return parent


def docks_of(window: QWidget) -> list[QDockWidget]:
    """Return the docks of a window that have their place already, the plugin's and no others."""
    return [dock for dock in window.findChildren(QDockWidget) if dock.property(MARK)]


def dock_title(dock: QDockWidget) -> str:
    """Return the name of a dock of the plugin; napari puts that of the plugin behind it."""
    return dock.objectName().partition(" (")[0]


def join_tabs(mine: QDockWidget) -> None:
    """Put a dock that was just opened behind the same tabs as the plugin's other docks.

    Parameters
    ----------
    mine
        The dock; one that has a mark has its place.
    """
    main = mine.parent()
    mine.setWindowTitle(dock_title(mine))
    if not isinstance(main, QMainWindow) or mine.property(MARK):
        return
    mine.setProperty(MARK, True)
    if main.tabifiedDockWidgets(mine):
        return
    area = main.dockWidgetArea(mine)
    others = [
        dock
        for dock in docks_of(main)
        if dock is not mine and not dock.isFloating() and main.dockWidgetArea(dock) == area
    ]
    if not others:
        main.resizeDocks([mine], [min(WIDTH, main.width() // 3)], Qt.Orientation.Horizontal)
    else:
        # Seven names have no room in a row below.
        main.setTabPosition(area, QTabWidget.TabPosition.East)
        main.tabifyDockWidget(others[-1], mine)
        mine.show()
        mine.raise_()


MARK = "olivine_dock"
"""Property of the plugin's docks that have their place."""

WIDTH = 400
"""Room for the tables."""
