"""The Shapes layer on which a person draws the region of study."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from typing_extensions import override

from napari_olivine.widgets.editing import ShapesView, ShownShape
from napari_olivine.widgets.regions.region_edits import Corners, RegionEdits

LOOKS = {
    "keep": "#009E73", "leave_out": "#C8C8C8", "hole": "#C8C8C8", "wrong": "#FF3B30",
}  # fmt: skip
"""Green of Okabe and Ito for what is kept, grey for what is not; red for what cannot be used."""

VEIL = "#80808099"
"""Half transparent grey over what is left out."""

SHORTEST_ON_SCREEN = 8.0
"""A polygon smaller than this, in pixels of the screen, is a slip of the mouse."""


class RegionLayer(ShapesView):
    """Shows outlines and holes of the region's polygons, by polygon and number of the ring."""

    name, shape, width = "Region of study", "polygon", 2.0
    colours, new = LOOKS, "keep"
    faces = {"leave_out": VEIL}  # noqa: RUF012 - a constant of the class, as in its base

    def show(self, edits: RegionEdits, faults: Collection[str], current: str) -> None:
        """Show the region.

        Parameters
        ----------
        edits
            Its polygons.
        faults
            Names of those that are wrong.
        current
            Name of the chosen one.
        """
        size = self._session.require().pixel_size_um
        pierced = {name for name, ring in edits.rings if ring}
        use = {one.name: one.classification for one in edits.polygons(size)}
        shapes = []
        for name, ring in edits.rings:
            look = "wrong" if name in faults else use[name]
            if look == "leave_out" and name in pierced:  # a veil would lie over its holes too
                look = "hole"
            corners = edits.corners((name, ring))[:, ::-1] / size
            shapes.append(ShownShape((name, ring), corners, "" if ring else name, look))
        self.show_shapes(shapes, {key for key in edits.rings if key[0] == current})

    def draw_mode(self, use: str) -> None:
        """Let the person draw a polygon corner by corner."""
        self.activate("add_polygon")
        if self.there:
            self.layer.selected_data = set()  # else the chosen ones take these colours
            self.layer.current_edge_color = LOOKS[use]
            self.layer.current_face_color = self.faces.get(use, "transparent")

    @property
    def drawing(self) -> bool:
        """Whether a click draws."""
        return self.there and str(self.layer.mode).startswith("add_")

    def change_mode(self) -> None:
        """Let the person move corners."""
        self.activate("direct")

    @override
    def read(self, corners: np.ndarray) -> Corners:
        return np.asarray(corners, float)[:, ::-1] * self._session.require().pixel_size_um

    @override
    def text(self) -> dict[str, Any]:
        return {"color": "white", "size": 9, "translation": [-4, 0]}

    @override
    def is_slip(self, corners: np.ndarray, screen_px: float) -> bool:
        return float(np.ptp(corners, axis=0).max()) * screen_px < SHORTEST_ON_SCREEN
