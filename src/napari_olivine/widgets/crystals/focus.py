"""Show one crystal on the canvas: centre the view on it, outline it in yellow."""

from __future__ import annotations

from typing import Any

from napari_olivine.widgets.crystals.layer import OUTLINE, outline_data
from napari_olivine.widgets.state import OpenSection

ON_SCREEN = (120, 400)
"""Range of a crystal's side on the screen within which the zoom is kept, px of the screen."""

LARGEST_PIXEL = 12
"""Side of a pixel of the image to which the view goes nearer, px of the screen: a few pixels that
fill the view are judged without their surroundings."""


def centre_on(
    session: OpenSection, record: dict[str, Any], on_screen: tuple[float, float] = ON_SCREEN
) -> None:
    """Centre the view on a crystal; zoom if it is too small or too large on the screen.

    Parameters
    ----------
    session
        Open section of the viewer.
    record
        Row of the crystal's table.
    on_screen
        Smallest and largest side that it has then, px of the screen; one of few pixels is smaller.
    """
    camera, pixel_um = session.viewer.scene.camera, session.require().pixel_size_um
    side = max(record["row1"] - record["row0"], record["col1"] - record["col0"])
    side_um = float(side) * pixel_um
    nearest = min(on_screen[0] / side_um, LARGEST_PIXEL / pixel_um)
    camera.center = (0.0, float(record["y_um"]), float(record["x_um"]))
    camera.zoom = min(max(camera.zoom, nearest), on_screen[1] / side_um)


SHAPE = ("id", "row0", "row1", "col0", "col1", "area_px", "x_um", "y_um")
"""Columns that change with the outline of a crystal."""


def show_outline(
    session: OpenSection, record: dict[str, Any] | None, product: str = "crystals"
) -> None:
    """Draw a line around a crystal, or around none.

    Parameters
    ----------
    session
        Open section of the viewer.
    record
        Row of the crystal's table, `None` for none.
    product
        Product that holds the crystal.
    """
    layers, section = session.viewer.layers, session.section
    wanted = (product, *(record.get(name) for name in SHAPE)) if record is not None else ()
    if wanted == session.outlined and (OUTLINE in layers) == bool(wanted):
        return
    session.outlined = wanted
    if record is None or section is None or "row0" not in record:
        if OUTLINE in layers:
            layers.remove(OUTLINE)
        return
    data, look = outline_data(section, record, product)
    if OUTLINE in layers:
        # Moving the layer takes a fifth of the time of adding another.
        layer: Any = layers[OUTLINE]
        layer.data = data
        layer.scale, layer.translate = look["scale"], look["translate"]
        return
    active = layers.selection.active
    layer = session.viewer.add_labels(data, **look)
    layer.contour = 2
    layer.editable = False
    if active is not None and active in layers:
        layers.selection.active = active
