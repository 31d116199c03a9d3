"""A layer over the part of a section that is in view: pixels in one colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtGui import QColor

from napari_olivine.masks import ViewedMaps
from napari_olivine.widgets.layers import LAYER_KEY, overlay
from napari_olivine.widgets.state import OpenSection

TAKEN, MARKED = "#CC79A7", "#56B4E9"
"""Okabe and Ito's reddish purple and sky blue: no element map and no result has them."""


class ViewOverlay:
    """Shows which pixels of a view are meant.

    Parameters
    ----------
    session
        Open section of the viewer.
    name
        Name of the layer.
    colour
        ``#rrggbb``.
    """

    def __init__(self, session: OpenSection, name: str, colour: str) -> None:
        self._session, self._name, self._colour = session, name, colour
        self.layer: Any = None

    @property
    def there(self) -> bool:
        """Whether the layer is in the window."""
        return self.layer is not None and self.layer in self._session.viewer.layers

    def show(self, pixels: NDArray[np.bool_], maps: ViewedMaps) -> None:
        """Show pixels of a view, bool of its shape."""
        image, place = pixels.view(np.uint8), self._place(maps)
        if not self.there:
            self._make(image, place)
            return
        if self.layer.data.shape != image.shape:
            # A place for the old pixels would be drawn for a moment.
            self.layer.visible, visible = False, self.layer.visible
            self.layer.data = image
            self.layer.scale, self.layer.translate = place["scale"], place["translate"]
            self.layer.visible = visible
            return
        self.layer.data = image
        for name, value in place.items():
            if not np.array_equal(getattr(self.layer, name), value):
                setattr(self.layer, name, value)

    def blank(self) -> None:
        """Show no pixels for now: to make the layer anew takes napari a tenth of a second."""
        if self.there:
            self.layer.data = np.zeros((1, 1), np.uint8)

    def remove(self) -> None:
        """Take the layer away."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._session.viewer.layers:
            self._session.viewer.layers.remove(layer)

    def _place(self, maps: ViewedMaps) -> dict[str, Any]:
        """Return scale and place of the layer."""
        pixel = self._session.require().pixel_size_um
        between = (maps.factor - 1) / 2  # the first of them has its centre between the pixels
        first = (maps.rows.start, maps.columns.start)
        return {
            "scale": (pixel * maps.factor,) * 2,
            "translate": tuple(pixel * (maps.factor * start + between) for start in first),
        }

    def _make(self, image: NDArray[np.uint8], place: dict[str, Any]) -> None:
        from napari.utils import Colormap

        layers, section = self._session.viewer.layers, self._session.require()
        active = layers.selection.active
        look = overlay(section, self._name)
        for old in [*layers]:  # of a dock that was closed
            if old.metadata.get(LAYER_KEY) == look["metadata"][LAYER_KEY]:
                layers.remove(old)
        self.layer = self._session.viewer.add_image(
            image,
            colormap=Colormap([[0, 0, 0, 0], QColor(self._colour).getRgbF()], name=self._name),
            contrast_limits=(0, 1),
            interpolation2d="nearest",
            blending="translucent",
            opacity=0.55,
            **(look | place),
        )
        if active is not None and active in layers:
            layers.selection.active = active  # the contrast sliders keep their layer
