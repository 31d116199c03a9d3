"""Images of rock with vesicles, or with resin around it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def vesicular_rock(
    seed: int, vesicles: float, shape: tuple[int, int] = (300, 400)
) -> NDArray[np.float64]:
    """BSE of a rock of glass, plagioclase and olivine, with a share of round vesicles."""
    random = np.random.default_rng(seed)
    grey = random.choice([100.0, 112.0, 125.0], shape, p=[0.2, 0.5, 0.3])
    canvas = np.zeros(shape, np.uint8)
    while (canvas > 0).mean() < vesicles:
        centre = (int(random.integers(shape[1])), int(random.integers(shape[0])))
        cv2.circle(canvas, centre, int(random.integers(3, 20)), 1, -1)
    grey[canvas > 0] = 30
    return np.asarray(grey + random.normal(0, 4, shape))
