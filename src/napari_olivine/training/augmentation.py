"""Change a crop at random in ways that leave its labels true."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def augment(
    random: np.random.Generator,
    grey: NDArray[np.float32],
    label: NDArray[np.uint8],
    median: float,
    offset: float,
    gain: float,
    shading: float = 0.0,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Turn and mirror a crop, and change its brightness and contrast.

    Turns by 0, 90, 180 or 270 degrees and flips with probability one half are those of Leichter
    et al. (2022, 3.6.2), doi 10.3389/feart.2022.740638; gain and offset stand for the drift of
    the detector between sessions (ours).

    Parameters
    ----------
    random
        Random generator.
    grey, label
        Crop, shape (side, side).
    median
        Grey that a change of contrast leaves as it is.
    offset, gain
        Largest change of every grey: added, and multiplied (as a part of 1).
    shading
        Standard deviation of a smooth field that is added, a few of whose hills and hollows fit
        into a crop: uneven brightness, and zoning that no training crystal happens to have.

    Returns
    -------
    grey, label
        Of the same shape.
    """
    turns = int(random.integers(4))
    grey, label = np.rot90(grey, turns), np.rot90(label, turns)
    if random.random() < 0.5:
        grey, label = grey[::-1], label[::-1]
    if random.random() < 0.5:
        grey, label = grey[:, ::-1], label[:, ::-1]
    factor = np.float32(1 + gain * random.uniform(-1, 1))
    shift = np.float32(offset * random.uniform(-1, 1))
    grey = (grey - np.float32(median)) * factor + np.float32(median) + shift
    if shading:
        hills = random.normal(0, shading, (4, 4)).astype(np.float32)
        grey = grey + cv2.resize(hills, grey.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return grey, np.ascontiguousarray(label)
