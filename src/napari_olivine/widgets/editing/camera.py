"""Where the view looks: at what a person asks for, and at what an edit has changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_olivine.widgets.state import OpenSection

FILLED = 0.8
"""Part of the view that a rectangle takes when the view moves away to show all of it."""

ASKED_FOR = 0.5
"""Part of the view that a rectangle takes when a person zooms to it: its surroundings are seen."""

LEAST_PX = 40
"""Side of the smallest part of the image that fills the view by this, px: a spot has no size."""


def zoom_to(session: OpenSection, y_um: tuple[float, float], x_um: tuple[float, float]) -> None:
    """Centre the view on a rectangle of the section, and zoom so that it fills half of the view.

    Parameters
    ----------
    session
        Open section of the viewer.
    y_um, x_um
        First and last ordinate and abscissa, um.
    """
    camera, canvas = session.viewer.scene.camera, session.viewer.canvas.size
    least = LEAST_PX * session.require().pixel_size_um
    camera.center = (0.0, sum(y_um) / 2, sum(x_um) / 2)
    camera.zoom = min(
        ASKED_FOR * pixels / max(high - low, least)
        for (low, high), pixels in zip((y_um, x_um), canvas, strict=True)
    )


def bring_into_view(
    session: OpenSection,
    y_um: tuple[float, float],
    x_um: tuple[float, float],
    *,
    whole: bool = True,
) -> None:
    """Move the view to a rectangle of the section unless it is in view already.

    Parameters
    ----------
    session
        Open section of the viewer.
    y_um, x_um
        First and last ordinate and abscissa, um.
    whole
        Whether all of it must be seen, from farther away if need be; otherwise the zoom stays,
        and a half is enough.
    """
    camera, canvas = session.viewer.scene.camera, session.viewer.canvas.size
    farthest, seen = camera.zoom, True
    for (low, high), middle, pixels in zip((y_um, x_um), camera.center[-2:], canvas, strict=True):
        length, reach = high - low, pixels / max(camera.zoom, 1e-9) / 2
        shared = min(high, middle + reach) - max(low, middle - reach)
        seen &= shared >= (length if whole else min(length / 2, reach))
        farthest = min(farthest, FILLED * pixels / max(length, 1e-9))
    if not seen:
        camera.center = (0.0, sum(y_um) / 2, sum(x_um) / 2)
        camera.zoom = farthest if whole else camera.zoom


def extent_of(
    corners: NDArray[np.float64],
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return first and last ordinate and abscissa of some corners (x, y), um."""
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return (float(y0), float(y1)), (float(x0), float(x1))
