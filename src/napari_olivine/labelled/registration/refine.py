"""A place refined from coarse to fine, to a fraction of a pixel.

Each class of the map gets its mean grey in the SEM image; the grey that is expected so is laid on
the image by the affine transform with the highest correlation coefficient (Evangelidis and
Psarakis 2008, IEEE TPAMI 30, 1858-1865, doi 10.1109/TPAMI.2008.113), and the means are measured
anew. The square of that coefficient is the correlation ratio, so that each turn raises the same
criterion.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.labelled.registration.correlation_ratio import ClassGrey, class_grey
from napari_olivine.labelled.registration.images import Floats, MineralMap, averaged
from napari_olivine.labelled.registration.placing import Placing

TURNS = 4
"""Turns at each scale at most."""

ENOUGH_PX = 0.01
"""A turn that moves no corner by more than this, in pixels of its scale, is the last one."""

ITERATIONS = 60

SMOOTHING_PX = 1
"""Side of the Gaussian filter of both images while they are correlated; 1 is none. On the phantoms
of seeds 1 to 3 the errors were smaller without it."""

LARGE = 1e6
"""A transform with larger numbers has run away."""


def refine(
    placing: Placing, greys: dict[int, Floats], mineral_map: MineralMap, job: Job
) -> tuple[Placing, bool]:
    """Refine a place at each scale.

    Parameters
    ----------
    placing
        Where the search found the map.
    greys
        SEM image averaged by each factor.
    mineral_map
        The map.
    job
        Running job.

    Returns
    -------
    placing : Placing
        Between the full images.
    sure : bool
        Whether every scale had a solution.
    """
    sure = True
    for factor in sorted(greys, reverse=True):
        reduced = max(1, int(factor / placing.scale))
        for _ in range(TURNS):
            job.check()
            found = _turn(placing, greys[factor], factor, mineral_map, reduced)
            if found is None:
                sure = False
                break
            moved = corner_shift(placing, found, greys[factor].shape, factor)
            placing = found
            if moved < ENOUGH_PX:
                break
    return placing, sure


def measured(placing: Placing, grey: Floats, factor: int, mineral_map: MineralMap) -> ClassGrey:
    """Measure the grey of the classes at a place.

    Parameters
    ----------
    placing
        Between the full images.
    grey, factor
        SEM image, averaged by this factor.
    mineral_map
        The map.

    Returns
    -------
    ClassGrey
        Means and correlation ratio.
    """
    return class_grey(grey, mineral_map.classes, len(mineral_map.keys), placing.reduced(factor, 1))


def expected_grey(mineral_map: MineralMap, means: NDArray[np.float64], factor: int = 1) -> Floats:
    """Return the map with the mean grey of each class, averaged by a factor.

    Parameters
    ----------
    mineral_map
        The map.
    means
        Grey of each class.
    factor
        Map pixels that are averaged along a side.

    Returns
    -------
    ndarray of float32
        Grey, shape of the averaged map.
    """
    return averaged(means.astype(np.float32)[mineral_map.classes], factor)


def corner_shift(one: Placing, other: Placing, shape: tuple[int, ...], factor: int) -> float:
    """Return how far the corners of an image move between two placings, in its pixels.

    Parameters
    ----------
    one, other
        Placings between the full images.
    shape
        Rows and columns of the averaged image.
    factor
        How many pixels it averages along a side.

    Returns
    -------
    float
        Of the corner that moves farthest.
    """
    high, wide = shape[0] * factor, shape[1] * factor
    corners = np.array([[0, 0, 1], [wide, 0, 1], [0, high, 1], [wide, high, 1]], float)
    apart = corners @ (one.matrix - other.matrix).T
    return float(np.hypot(*apart.T).max() * one.scale / factor)


def _turn(
    placing: Placing, grey: Floats, factor: int, mineral_map: MineralMap, reduced: int
) -> Placing | None:
    """Measure the means and correlate once; `None` where no transform is better."""
    means = measured(placing, grey, factor, mineral_map).means
    expected = expected_grey(mineral_map, means, reduced)
    if float(expected.std()) == 0:
        return None
    start = placing.reduced(factor, reduced).matrix.astype(np.float32)
    everywhere = np.ones(expected.shape, np.uint8)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ITERATIONS, 1e-7)
    try:
        _, matrix = cv2.findTransformECC(
            grey, expected, start, cv2.MOTION_AFFINE, stop, everywhere, SMOOTHING_PX
        )
    except cv2.error:
        return None
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > LARGE:
        return None
    return Placing(np.asarray(matrix, np.float64)).enlarged(factor, reduced)
