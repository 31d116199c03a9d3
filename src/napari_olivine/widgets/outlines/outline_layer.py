"""The Shapes layer on which a person draws the outlines of crystals."""

from __future__ import annotations

from collections.abc import Collection

from napari_olivine.widgets.editing import PolygonsView, ShownShape
from napari_olivine.widgets.outlines.outline_edits import OutlineEdits

LOOKS = {"right": "#F0E442", "wrong": "#FF3B30"}
"""Yellow of Okabe and Ito; red for what calibrate would refuse."""


class OutlineLayer(PolygonsView):
    """Shows outlines as polygons, by their names."""

    name, colours, new = "Crystal outlines", LOOKS, "right"
    words_colour = LOOKS["right"]

    def show(self, edits: OutlineEdits, faults: Collection[str], current: str) -> None:
        """Show the outlines.

        Parameters
        ----------
        edits
            The outlines.
        faults
            Names of those that are wrong.
        current
            Name of the chosen one.
        """
        size = self._session.require().pixel_size_um
        shapes = [
            ShownShape(
                name,
                edits.corners(name)[:, ::-1] / size,
                name,
                "wrong" if name in faults else "right",
            )
            for name in edits.names
        ]
        self.show_shapes(shapes, {current})
