"""Open a dock of the plugin, or bring it to the front."""

from __future__ import annotations

from typing import Any


def open_dock(viewer: Any, name: str) -> Any:
    """Show a dock of the plugin.

    Parameters
    ----------
    viewer
        Viewer with a window.
    name
        Name of the dock as the menu shows it, e.g. ``"Phase masks"``.

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
    return widget
