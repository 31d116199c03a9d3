"""The Shapes layer on which a person draws the region of study."""

from __future__ import annotations

from collections.abc import Collection

from napari_olivine.widgets.editing import PolygonsView, ShownShape
from napari_olivine.widgets.regions.region_edits import RegionEdits

LOOKS = {
    "keep": "#009E73", "leave_out": "#C8C8C8", "hole": "#C8C8C8", "wrong": "#FF3B30",
}  # fmt: skip
"""Green of Okabe and Ito for what is kept, grey for what is not; red for what cannot be used."""

VEIL = "#80808099"
"""Half transparent grey over what is left out."""


class RegionLayer(PolygonsView):
    """Shows outlines and holes of the region's polygons, by polygon and number of the ring."""

    name, colours, new = "Region of study", LOOKS, "keep"
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

    def begin_use(self, use: str, *, freehand: bool = False) -> None:
        """Let the person draw a polygon in the colours of its use."""
        self.begin(freehand=freehand)
        if self.there:
            self.layer.selected_data = set()  # else the chosen ones take these colours
            self.layer.current_edge_color = LOOKS[use]
            self.layer.current_face_color = self.faces.get(use, "transparent")
