"""Layers that are added one by one, so that the window answers in between."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from napari_olivine.errors import SectionError
from napari_olivine.section import Section
from napari_olivine.widgets.layers import by_interest


class LayerHost(Protocol):
    """Adds the layers: the open section of a viewer."""

    @property
    def viewer(self) -> Any:
        """The viewer."""

    def require(self) -> Section:
        """Return the open section."""

    def layer(self, product: str, name: str) -> Any:
        """Return the layer of an image, `None` if there is none."""

    def show(self, product: str, name: str) -> Any:
        """Add the layer of an image."""

    def prefer_bse(self) -> None:
        """Make BSE the active layer."""

    def show_scale(self) -> None:
        """Show the scale bar."""


class DeferredLayers:
    """Adds a layer for each image of the open section, one in each pass of the event loop.

    BSE comes first. napari needs a tenth of a second for each.

    Parameters
    ----------
    session
        Open section of a viewer with a window.
    """

    def __init__(self, session: LayerHost) -> None:
        self._session = session
        self._waiting: list[tuple[str, str]] = []
        self._timer: Any = None

    def begin(self) -> None:
        """Begin with the section that was just opened."""
        self.stop()
        self._waiting = by_interest(self._session.require())
        self._in_next_pass(self._first)

    def finish(self) -> None:
        """Show the remaining images at once."""
        while self._waiting:
            self._show()

    def stop(self) -> None:
        """Drop the remaining images."""
        self._waiting = []
        self._drop_timer()

    def _first(self) -> None:
        self._show()
        self._session.viewer.reset_view()
        self._in_next_pass(self._look)

    def _look(self) -> None:
        self._session.prefer_bse()
        self._session.show_scale()
        self._session.viewer.reset_view()  # the controls of BSE have taken room from the canvas
        self._in_next_pass(self._next)

    def _next(self) -> None:
        layers = self._session.viewer.layers
        active = layers.selection.active
        self._show()
        if active is not None and active in layers:  # napari takes the newest layer for it
            layers.selection.active = active
        if self._waiting:
            self._in_next_pass(self._next)

    def _show(self) -> None:
        """Show the next image, unless it is shown already."""
        if self._waiting:
            place = self._waiting.pop(0)
            if self._session.layer(*place) is None:
                with suppress(SectionError):  # taken away meanwhile
                    self._session.show(*place)

    def _in_next_pass(self, action: Callable[[], None]) -> None:
        """Call an action in the next pass of the event loop, if the window is still open."""
        from qtpy.QtCore import QTimer

        self._drop_timer()
        timer = self._timer = QTimer(self._session.viewer.window._qt_window)
        timer.setSingleShot(True)
        timer.timeout.connect(action)
        timer.start(0)

    def _drop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            with suppress(RuntimeError):  # its window was closed
                timer.stop()
                timer.deleteLater()
