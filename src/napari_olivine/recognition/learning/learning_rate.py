"""The learning rate of a step."""

from __future__ import annotations

import numpy as np


def warm_cosine(step: int, steps: int, warm_up: int) -> float:
    """Return the learning rate of a step as a part of the highest.

    Parameters
    ----------
    step, steps
        The step, counted from 0, and all of them.
    warm_up
        Steps of a linear rise, at most a third of all.

    Returns
    -------
    float
        0 to 1.
    """
    warm_up = max(1, min(warm_up, steps // 3))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * float(1 + np.cos(np.pi * (step - warm_up) / max(1, steps - warm_up)))
