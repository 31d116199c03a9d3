"""Pieces of a region whose borders hold every contact of grains, and more."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import reconstruction
from skimage.segmentation import watershed

from napari_olivine.crystals.instances.evidence import Floats, Mask

DEPTH = 0.6
"""Depth of a basin of the edges that makes a piece, in units of the noise (ours)."""


def pieces_between(edges: Floats, region: Mask) -> NDArray[np.int32]:
    """Cut a region along the crests of its edges, by a watershed.

    Parameters
    ----------
    edges
        What contacts leave in the images, in units of the noise, shape (rows, columns).
    region
        Pixels of olivine, of the same shape.

    Returns
    -------
    int32 array
        Pieces 1, 2, ... in every pixel of the region, 0 elsewhere.
    """
    raised = reconstruction(edges + np.float32(DEPTH), edges, method="erosion")  # type: ignore[no-untyped-call]
    basins = (raised - edges >= DEPTH - 1e-4) & region
    _, markers = cv2.connectedComponents(basins.view(np.uint8), connectivity=8)
    found = np.asarray(watershed(edges, markers, mask=region), np.int32)  # type: ignore[no-untyped-call]
    left = region & (found == 0)  # no basin lies in it, or it hangs on by a corner
    if left.any():
        _, alone = cv2.connectedComponents(left.view(np.uint8), connectivity=8)
        found = np.where(left, alone + found.max(), found)
    _, numbers = np.unique(found, return_inverse=True)
    first = 0 if not region.all() else 1
    return np.asarray(numbers.reshape(found.shape) + first, np.int32)
