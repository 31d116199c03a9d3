"""What several pictures of the catalogue share: the colours of a scale, the level to draw from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section import Raster


@lru_cache
def viridis(steps: int) -> NDArray[np.uint8]:
    """Return colours of a scale from low to high, shape (steps, 3)."""
    import matplotlib

    places = np.linspace(0, 1, steps)
    return np.asarray(matplotlib.colormaps["viridis"](places, bytes=True)[:, :3], np.uint8)


def overview_level(image: Raster, longest_px: int) -> int:
    """Return the finest level of a pyramid whose longer side is at most so long, else the last.

    Parameters
    ----------
    image
        An image.
    longest_px
        Pixels.
    """
    level = 0
    while max(image.level_shapes[level]) > longest_px and level + 1 < len(image.level_shapes):
        level += 1
    return level
