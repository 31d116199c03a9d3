"""The part of a section that the canvas shows."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_olivine.section import Section
from napari_olivine.widgets.common import single_shot

QUIET_MS = 120
"""Pause after the last move before `moved` is emitted: a pan is many small moves."""

Window = tuple[slice, slice]


class Viewport(QObject):
    """The part of a section on the canvas; signals when the view has come to rest.

    Parameters
    ----------
    viewer
        Viewer that shows a section.
    """

    moved = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._timer = single_shot(self, QUIET_MS, self.moved.emit)
        viewer.scene.camera.events.connect(self._on_move)
        viewer.canvas.events.size.connect(self._on_move)
        viewer.canvas.grid.events.enabled.connect(self._on_move)

    def close(self) -> None:
        """Disconnect from the viewer."""
        self._timer.stop()
        self._viewer.scene.camera.events.disconnect(self._on_move)
        self._viewer.canvas.events.size.disconnect(self._on_move)
        self._viewer.canvas.grid.events.enabled.disconnect(self._on_move)

    def window(self, section: Section) -> Window | None:
        """Return the part of the section on the canvas, px; `None` if nothing of it is shown."""
        camera = self._viewer.scene.camera
        middle = [value / section.pixel_size_um for value in camera.center[-2:]]
        grid = self._viewer.canvas.grid.actual_shape(self._viewer.layers)
        sides = [
            value / boxes / camera.zoom / section.pixel_size_um
            for value, boxes in zip(self._viewer.canvas.size, grid, strict=True)
        ]
        window = []
        for centre, side, length in zip(middle, sides, section.shape, strict=True):
            first = max(0, round(centre - side / 2))
            last = min(length, round(centre + side / 2))
            if first >= last:
                return None
            window.append(slice(first, last))
        return window[0], window[1]

    def pixels(self, section: Section) -> float:
        """Return how many pixels of the section are one pixel of the screen."""
        return float(1 / (self._viewer.scene.camera.zoom * section.pixel_size_um))

    def _on_move(self, *_: Any) -> None:
        self._timer.start()
