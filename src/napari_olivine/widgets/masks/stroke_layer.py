"""The layer on which a person paints corrections: a picture of the view, at every zoom.

napari's layer of labels cannot be painted on a pyramid. Here the mouse draws on a picture as large
as the canvas, and what counts is the line of the mouse in pixels of the section.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from psygnal import Signal

from napari_olivine.masks.corrections import Correction, Label, phase_key
from napari_olivine.widgets.layers import overlay
from napari_olivine.widgets.state import OpenSection

COLOURS: dict[Label, str] = {"olivine": "#009E73", "other": "#D55E00", "rule": "#56B4E9"}
"""Colours of Okabe and Ito: olivine as the mask has it, vermilion, and blue for rubbing out."""

OPACITY = 0.55

THICKEST = 32767
"""Width of the thickest line that OpenCV draws, px."""

Place = tuple[float, float]
"""Row and column in the section, px."""


class StrokeLayer:
    """Lets a person paint, and shows corrections until the mask does.

    Parameters
    ----------
    session
        Open section of the viewer.
    """

    name = "Correct the mask"

    stroked = Signal(list)
    """Places of a stroke; a click has one."""
    resized = Signal(bool)
    """A key asks for a wider brush, or a narrower one."""

    def __init__(self, session: OpenSection) -> None:
        self._session = session
        self._panning = False
        self._painted: list[Correction] = []
        self._stroke: list[Place] = []
        self.layer: Any = None
        self.radius_px = 0.0
        """Half width of the brush, px of the section; 0 for clicks."""
        self.colour = COLOURS["olivine"]
        self.phase_colours: dict[str, str] = {}
        """Colours of phases other than olivine, by the keys of their names."""

    @property
    def there(self) -> bool:
        """Whether the layer is in the window."""
        return self.layer is not None and self.layer in self._session.viewer.layers

    def begin(self, colour: str, radius_px: float) -> None:
        """Let the person paint.

        Parameters
        ----------
        colour
            Of what is painted, ``#rrggbb``.
        radius_px
            Half width of the brush, px of the section; 0 to click.
        """
        self.colour, self.radius_px = colour, radius_px
        if not self.there:
            self._make()
        self._session.viewer.layers.selection.active = self.layer
        self.layer.mouse_pan = False
        self._show_cursor()

    def show(self, corrections: Sequence[Correction]) -> None:
        """Show corrections that the mask does not show yet."""
        self._painted = list(corrections)
        if self.there:
            self._fit()

    def remove(self) -> None:
        """Take the layer away."""
        if self.there:
            self._session.viewer.layers.remove(self.layer)
        self.layer = None

    # ------------------------------------------------------------------ the layer

    def _make(self) -> None:
        section = self._session.require()
        self.layer = self._session.viewer.add_image(
            np.zeros((2, 2, 4), np.uint8), rgb=True, opacity=OPACITY,
            interpolation2d="nearest", **overlay(section, self.name),
        )  # fmt: skip
        self._fit()
        self.layer.mouse_drag_callbacks.append(self._on_drag)
        bind = self.layer.bind_key
        bind("[", lambda _layer: self.resized.emit(False))
        bind("]", lambda _layer: self.resized.emit(True))
        bind("Space", self._while_space)

    def _show_cursor(self) -> None:
        width_um = 2 * self.radius_px * self._session.require().pixel_size_um
        self.layer.cursor_size = width_um  # napari turns um into pixels of the screen
        self.layer.cursor = "circle" if self.radius_px else "cross"

    def _while_space(self, _layer: Any) -> Iterator[None]:
        """Move the view by a drag while the space bar is held down."""
        self._panning = self.layer.mouse_pan = True
        yield
        self._panning = self.layer.mouse_pan = False

    def _fit(self) -> None:
        """Lay the picture over the view, and draw on it what the mask does not show yet."""
        viewer = self._session.viewer
        height, width = (max(int(side), 2) for side in viewer.canvas.size)
        y, x = viewer.scene.camera.center[-2:]
        self._um = 1 / viewer.scene.camera.zoom
        self._corner = y - (height - 1) / 2 * self._um, x - (width - 1) / 2 * self._um
        self._picture = np.zeros((height, width, 4), np.uint8)
        for one in self._painted:
            self._draw(one)
        if self._stroke and self.radius_px:
            self._line(self._stroke, self.radius_px, _rgba(self.colour))
        self.layer.data = self._picture
        self.layer.scale = (self._um, self._um)
        self.layer.translate = self._corner

    def _draw(self, one: Correction) -> None:
        colour = _rgba(self.phase_colours.get(phase_key(one.phase), COLOURS[one.label]))
        if one.line:
            self._line(one.line, one.radius_px, colour)
        else:
            rings = [self._on_picture(ring) for ring in one.rings]
            cv2.fillPoly(self._picture, rings, colour)

    def _line(self, places: Sequence[Place], radius_px: float, colour: Sequence[int]) -> None:
        pixel = self._session.require().pixel_size_um / self._um
        thickness = int(np.clip(round(2 * radius_px * pixel), 1, THICKEST))
        line = self._on_picture(places)
        cv2.polylines(self._picture, [line], isClosed=False, color=colour, thickness=thickness)

    def _on_picture(self, places: Sequence[Place]) -> np.ndarray:
        """Return places as x and y on the picture, px."""
        um = np.array(places, float) * self._session.require().pixel_size_um
        return np.round((um - self._corner) / self._um)[:, ::-1].astype(np.int32)

    # ------------------------------------------------------------------ the mouse

    def _on_drag(self, _layer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or self._panning:
            return
        self._stroke = [self._place(event)]
        self._fit()
        yield
        while event.type == "mouse_move":
            if (place := self._place(event)) != self._stroke[-1]:
                self._stroke.append(place)
                self._mark(self._stroke[-2:])
            yield
        places, self._stroke = self._stroke, []
        self.stroked.emit(places)

    def _mark(self, places: Sequence[Place]) -> None:
        if self.radius_px:
            self._line(places, self.radius_px, _rgba(self.colour))
            self.layer.refresh(extent=False, thumbnail=False)

    def _place(self, event: Any) -> Place:
        size = self._session.require().pixel_size_um
        y, x = event.position[-2:]
        return float(y) / size, float(x) / size


def _rgba(colour: str) -> tuple[int, int, int, int]:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return red, green, blue, 255
