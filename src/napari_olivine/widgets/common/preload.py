"""Libraries that the first section needs, loaded while the person chooses it."""

from __future__ import annotations

import gc
import threading
from contextlib import suppress
from functools import cache

from qtpy.QtCore import QTimer

PAUSE_MS = 300
"""The window is drawn and answers before anything is loaded."""


def preload_soon() -> None:
    """Load the libraries a moment after the window is there."""
    QTimer.singleShot(PAUSE_MS, preload_libraries)


@cache
def preload_libraries() -> threading.Thread:
    """Begin to load the libraries, once; the window answers meanwhile.

    Returns
    -------
    Thread
        Ends when everything is loaded.
    """
    import pint

    # Made at its first use, which must not happen in two threads at once: napari's own may come.
    pint.get_application_registry().Unit("um")
    thread = threading.Thread(target=_load, name="olivine-preload", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    with suppress(Exception):  # whatever it is, the first layer will report it
        import pandas  # noqa: F401  (the tables of a section)
        import scipy.ndimage  # noqa: F401  (napari's first image)
        import zarr  # noqa: F401  (the images of a section)
        from napari.layers import Shapes

        Shapes(None, ndim=2)  # fetches what numba has compiled, half a second
        # What was loaded makes the next collection a long one: rather now than between two images.
        gc.collect()
