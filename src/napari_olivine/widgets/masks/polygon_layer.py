"""The layer on which a person draws a polygon that corrects the mask."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from napari_olivine.widgets.editing import Corners, HalfDrawn, PolygonsView
from napari_olivine.widgets.masks.stroke_layer import COLOURS


class CorrectingPolygon(PolygonsView):
    """One polygon that is being drawn; a finished one is shown by the mask."""

    name, colours, new = "Correct the mask: polygon", dict(COLOURS), "olivine"

    def begin_colour(self, colour: str) -> None:
        """Let the person draw a polygon corner by corner in the colour of what it marks."""
        self.show_shapes([], set())
        self.begin()
        self.layer.current_edge_color = colour

    @override
    def rest(self) -> bool:
        """Leave drawing; a polygon that is half drawn is dropped, as nobody has finished it."""
        if self.there and (half := HalfDrawn.on(self.layer)) is not None:
            self._busy = True
            half.undo()
            self._busy = False
        return super().rest()

    @override
    def read(self, corners: np.ndarray) -> Corners:
        """Return rows and columns, px, as corrections have them."""
        return np.asarray(corners, float)[:, -2:]
