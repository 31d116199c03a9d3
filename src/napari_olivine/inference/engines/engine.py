"""What every engine does: windows in, probabilities as they are stored out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
Promise = Callable[[], NDArray[np.uint8]]

EngineName = Literal["float32", "bfloat16", "openvino", "cuda", "mps"]


class Engine(Protocol):
    """A network made ready to predict on one device, in one precision."""

    name: EngineName
    """What it is called in settings, reports and records."""

    def start(self, images: FloatImage) -> Promise:
        """Begin to predict a batch of windows.

        Parameters
        ----------
        images
            (windows, channels, rows, columns), normalised as the model card says.

        Returns
        -------
        callable
            Waits for the result and returns it: ndarray of uint8, shape (windows, classes, rows,
            columns), 255 is probability 1. On a processor the work is done in this call.
        """
        ...


class EngineError(Exception):
    """An engine cannot be used here; says why, so that the next one is taken."""
