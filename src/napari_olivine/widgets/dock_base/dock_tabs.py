"""Docks of the plugin share one place: seven of them on top of each other outgrow the screen."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget


def join_tabs(widget: QWidget) -> QDockWidget | None:
    """Put a dock that was just opened behind the same tabs as the plugin's other docks.

    Parameters
    ----------
    widget
        Content of the dock.

    Returns
    -------
    QDockWidget or None
        The dock, if it was not known before.
    """
    mine = _dock_around(widget)
    main = mine.parent() if mine is not None else None
    if mine is None or not isinstance(main, QMainWindow) or mine.property(MARK):
        return None
    mine.setProperty(MARK, True)
    if main.tabifiedDockWidgets(mine):
        return mine
    area = main.dockWidgetArea(mine)
    others = [
        dock
        for dock in main.findChildren(QDockWidget)
        if dock is not mine
        and dock.property(MARK)
        and not dock.isFloating()
        and main.dockWidgetArea(dock) == area
    ]
    if not others:
        main.resizeDocks([mine], [min(WIDTH, main.width() // 3)], Qt.Orientation.Horizontal)
    else:
        # Seven names have no room in a row below.
        main.setTabPosition(area, QTabWidget.TabPosition.East)
        main.tabifyDockWidget(others[-1], mine)
        mine.show()
        mine.raise_()
    return mine


MARK = "olivine_dock"
"""Property of the plugin's docks."""

WIDTH = 400
"""Room for the tables."""


def _dock_around(widget: QWidget) -> Any:
    parent: Any = widget
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parent()
    return parent
