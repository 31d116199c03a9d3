"""All docks at once, arranged as in the last window: which are open, where, how wide, the front.

Size and place of the window itself are napari's, and so is which of napari's own docks are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QByteArray, QEvent, QObject, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabWidget
from typing_extensions import override

from napari_olivine.registry import DOCKS
from napari_olivine.widgets.common import stored_preferences
from napari_olivine.widgets.dock_base.dock_tabs import MARK, WIDTH, dock_title, docks_of

ARRANGEMENT, OPEN = "window/arrangement", "window/open"


def open_docks(viewer: Any) -> None:
    """Open the docks that the last window had, all of them the first time, each at its place.

    Parameters
    ----------
    viewer
        Viewer with a window, whose arrangement is kept from now on when it is closed.
    """
    kept = stored_preferences().value(OPEN) or []
    names = [kept] if isinstance(kept, str) else kept  # Qt unpacks a list of one
    _open(viewer, [name for name in DOCKS if name in names] or list(DOCKS))


def open_all_docks(viewer: Any) -> None:
    """Open every dock; where no more than one was open, each at its place in the last window."""
    window = viewer.window._qt_window
    if len(docks_of(window)) > 1:
        _add(viewer, list(DOCKS))
        LayoutKeeper.watch(window)
    else:
        _open(viewer, list(DOCKS))


class LayoutKeeper(QObject):
    """Writes down how the docks of a window stand when it is closed."""

    @classmethod
    def watch(cls, window: QMainWindow) -> None:
        """Keep the arrangement of a window; once is enough."""
        if window.findChild(cls) is None:
            window.installEventFilter(cls(window))

    @override
    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Close:
            window: Any = watched
            shown = [dock for dock in docks_of(window) if _is_shown(dock)]
            settings = stored_preferences()
            settings.setValue(OPEN, [dock_title(dock) for dock in shown])
            settings.setValue(ARRANGEMENT, window.saveState())
        return False


def _open(viewer: Any, names: Sequence[str]) -> None:
    window = viewer.window._qt_window
    # So many docks have no room for their names in a row below.
    window.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.East)
    docks = _add(viewer, names)
    others = [dock for dock in window.findChildren(QDockWidget) if dock not in docks]
    shown = [_is_shown(dock) for dock in others]
    arrangement = stored_preferences().value(ARRANGEMENT)
    if isinstance(arrangement, QByteArray) and window.restoreState(arrangement):
        for dock, was_shown in zip(others, shown, strict=True):
            dock.setVisible(was_shown)
        _show(docks)
    else:
        docks[0].raise_()
        window.resizeDocks([docks[0]], [WIDTH], Qt.Orientation.Horizontal)
    LayoutKeeper.watch(window)


def _add(viewer: Any, names: Sequence[str]) -> list[QDockWidget]:
    """Add docks behind each other, and show those that are there already."""
    docks: list[QDockWidget] = []
    for name in names:
        tabify = bool(docks_of(viewer.window._qt_window))
        dock, _ = viewer.window.add_plugin_dock_widget("napari-olivine", name, tabify=tabify)
        dock.setProperty(MARK, True)
        docks.append(dock)
    _show(docks)
    return docks


def _show(docks: Sequence[QDockWidget]) -> None:
    for dock in docks:
        if not _is_shown(dock):
            dock.show()


def _is_shown(dock: QDockWidget) -> bool:
    """Whether a dock is open, also behind another one."""
    return bool(dock.toggleViewAction().isChecked())
