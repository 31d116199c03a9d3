"""The pointing game: whether the highest place of a map lies on the part that tells the class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def points_at(activation: NDArray[np.float32], diagnostic: NDArray[np.bool_]) -> bool:
    """Tell whether the maximum of a map lies on the diagnostic part (Zhang et al. 2018).

    Parameters
    ----------
    activation
        Map, shape (height, width).
    diagnostic
        Pixels of the diagnostic part, same shape.

    Returns
    -------
    bool
        `False` for a map that is the same everywhere, which points nowhere.

    References
    ----------
    Zhang et al. 2018, Top-down neural attention by excitation backprop,
    doi 10.1007/s11263-017-1059-x.
    """
    if not np.ptp(activation) > 0:
        return False
    place = np.unravel_index(int(np.argmax(activation)), activation.shape)
    return bool(diagnostic[place])
