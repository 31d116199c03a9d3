"""The Shapes layer that shows suggested areas until they are taken or dropped."""

from __future__ import annotations

from collections.abc import Sequence

from napari_olivine.areas import Area
from napari_olivine.widgets.editing import ShownShape
from napari_olivine.widgets.sessions.session_edits import Extent
from napari_olivine.widgets.sessions.session_layer import SessionLayer, corners_of


class AreaLayer(SessionLayer):
    """Shows suggested areas as tinted rectangles, by their names."""

    name, width = "Suggested areas", 3.0
    faces = {"train": "#56B4E938", "val": "#E69F0038"}  # noqa: RUF012 - as in its base

    def show_areas(self, areas: Sequence[Area], chosen: str = "") -> None:
        """Show the areas.

        Parameters
        ----------
        areas
            The areas.
        chosen
            Name of the chosen one, empty for none.
        """
        shapes = []
        for one in areas:
            number = one.name.rpartition(" ")[2]  # names of neighbours would lie on each other
            corners = corners_of(Extent(*one.bounds))
            shapes.append(ShownShape(one.name, corners, number, one.role))
        self.show_shapes(shapes, {chosen} if chosen else set())
