"""Two results side by side, each over its own copy of the images, with one camera."""

from __future__ import annotations

from typing import Any

from napari.experimental import link_layers, unlink_layers
from napari.layers import Image, Layer

from napari_olivine.widgets.layers import LAYER_KEY, section_of

LINKED = ("contrast_limits", "gamma", "colormap", "opacity", "visible")
"""Properties that a copy shares with its image."""

UNDER = ("images", "levelling")
"""Products whose images lie under a result."""

BETWEEN_PX = 6
"""Pixels of the screen between the two."""


class SideBySide:
    """Shows a second result to the right of everything else, by napari's grid.

    Parameters
    ----------
    viewer
        Viewer that shows a section.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._second: Any = None
        self._copies: list[tuple[Image, Image]] = []
        self._arranging = False

    def show(self, second: Any) -> None:
        """Show a layer to the right of the others, over copies of the images that are shown."""
        self.hide()
        self._second = second
        selected = set(self._viewer.layers.selection)
        for layer in [layer for layer in self._viewer.layers if _lies_under(layer)]:
            copy = _copy(layer)
            self._viewer.add_layer(copy)
            link_layers([layer, copy], LINKED)
            self._copies.append((layer, copy))
        self._viewer.layers.selection = selected
        self._arrange()
        self._viewer.canvas.grid.enabled = True
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.connect(self._arrange)

    def hide(self) -> None:
        """Show everything in one place again."""
        if self._second is None:
            return
        self._second = None
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.disconnect(self._arrange)
        self._viewer.canvas.grid.enabled = False
        for layer, copy in self._copies:
            unlink_layers([layer, copy], LINKED)
            if copy in self._viewer.layers:
                self._viewer.layers.remove(copy)
        self._copies.clear()

    def _arrange(self, *_: Any) -> None:
        """Put the second result and its images on top: the grid goes by the order of layers."""
        layers = self._viewer.layers
        if self._arranging or self._second not in layers:
            return
        right = [copy for _, copy in self._copies if copy in layers] + [self._second]
        self._arranging = True
        try:
            for layer in right:
                layers.move(layers.index(layer), len(layers))
        finally:
            self._arranging = False
        grid = self._viewer.canvas.grid
        grid.shape, grid.spacing = (1, 2), BETWEEN_PX
        grid.stride = max(1, len(layers) - len(right))


def _lies_under(layer: Layer) -> bool:
    """Tell whether a layer is an image of the section itself that is shown."""
    ours = section_of(layer.metadata) is not None and layer.metadata[LAYER_KEY]["product"] in UNDER
    return ours and isinstance(layer, Image) and layer.visible


def _copy(layer: Image) -> Image:
    mark = layer.metadata[LAYER_KEY] | {"product": "second", "name": f"{layer.name} beside"}
    return Image(
        list(layer.data) if layer.multiscale else layer.data,
        multiscale=layer.multiscale,
        name=f"{layer.name} beside",
        metadata={LAYER_KEY: mark},
        scale=layer.scale,
        units=layer.units,
        axis_labels=layer.axis_labels,
        blending=layer.blending,
        colormap=layer.colormap,
        contrast_limits=layer.contrast_limits,
        gamma=layer.gamma,
        opacity=layer.opacity,
        cache=False,
    )
