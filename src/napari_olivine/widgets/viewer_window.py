"""Open a section in a window of its own, with every dock: ``napari-olivine view``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize

from napari_olivine.section import Section
from napari_olivine.widgets.dock_base import open_docks
from napari_olivine.widgets.state import OpenSection

if TYPE_CHECKING:
    import napari

FIRST_SIZE = QSize(1400, 900)
"""Size of a window that nobody has arranged yet, px."""


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
    """Open a viewer on a section, with every dock, or those that the last window had.

    Parameters
    ----------
    section
        Folder of the section.
    show
        Whether to show the window already.
    """
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(title="Olivine", show=show)
    _size_first_window(viewer)
    open_docks(viewer)
    OpenSection.of(viewer).open(section)
    if show:
        # The canvas takes its size from the docks when the window is laid out.
        QApplication.processEvents()
        viewer.reset_view()
    return viewer


def _size_first_window(viewer: napari.Viewer) -> None:
    """Give docks and image room where napari remembers no size of an earlier window."""
    from napari.settings import get_settings

    kept = get_settings().application
    if not (kept.save_window_geometry and kept.window_size):
        window = viewer.window._qt_window
        window.resize(FIRST_SIZE.boundedTo(window.screen().availableSize()))
