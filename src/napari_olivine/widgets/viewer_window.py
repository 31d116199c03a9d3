"""Open a section in a window of its own, with every dock: ``napari-olivine view``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_olivine.registry import DOCKS
from napari_olivine.section import Section
from napari_olivine.widgets.state import OpenSection

if TYPE_CHECKING:
    import napari


def view(section: Path | str) -> None:
    """Open napari on a section, and return when its window is closed.

    Parameters
    ----------
    section
        Folder of the section.

    Raises
    ------
    SectionError
        If there is no section; no window opens then.
    """
    import napari

    Section(section)
    open_window(section)
    napari.run()


def open_window(section: Path | str, *, show: bool = True) -> napari.Viewer:
    """Open a viewer on a section, with every dock.

    Parameters
    ----------
    section
        Folder of the section.
    show
        Whether to show the window already.
    """
    import napari
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QApplication, QTabWidget

    viewer = napari.Viewer(title="Olivine", show=show)
    viewer.window.resize(1400, 900)
    # Seven docks have no room for their names in a row below.
    main = viewer.window._qt_window
    main.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.East)
    first = None
    for name in DOCKS:
        dock, _ = viewer.window.add_plugin_dock_widget(
            "napari-olivine", name, tabify=first is not None
        )
        dock.setWindowTitle(name)
        first = first or dock
    OpenSection.of(viewer).open(section)
    if first is not None:
        first.raise_()
        main.resizeDocks([first], [400], Qt.Orientation.Horizontal)
    if show:
        # The canvas takes its size from the docks when the window is laid out.
        QApplication.processEvents()
        viewer.reset_view()
    return viewer
